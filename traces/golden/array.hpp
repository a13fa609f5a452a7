// SPDX-License-Identifier: Apache-2.0
// One array of a golden set, and how arrays are laid out in files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tactus::golden {

/// Integers of one kind with what a reader has to know of them.
struct Array {
  std::string stem;                  ///< path below the set, without extension
  std::string role;                  ///< what it is: operand, weight, psum, ...
  std::string layer;                 ///< layer id
  std::int64_t tile_op = -1;         ///< index in the program; -1: of the whole layer
  std::vector<std::uint64_t> shape;  ///< row major
  std::vector<std::string> axes;     ///< a name per dimension
  int bits = 8;                      ///< of a value, 1..64
  bool is_signed = false;
  std::size_t row = 1;               ///< values that lie side by side in a memory row
  std::vector<std::int64_t> values;  ///< empty in a plan

  [[nodiscard]] std::size_t count() const {
    std::size_t n = 1;
    for (const std::uint64_t extent : shape) n *= static_cast<std::size_t>(extent);
    return n;
  }
};

enum class FileFormat : std::uint8_t { hex, bin, npy };

/// Layout of hex and raw binary files. A row of an array is cut into words; the values of a word
/// are its lanes. A row begins with a word of its own.
struct Packing {
  std::int64_t word_bits = 0;  ///< 0: a word is a whole row
  bool lane0_low = true;       ///< lane 0 in the low bits of the word, otherwise in the high ones
  bool little_endian = true;   ///< otherwise the bytes of a word are reversed
  bool unit_rows = true;       ///< operands, weights and indices: a row per K unit, otherwise
                               ///< a row per pixel or column
  bool carrier_fields = true;  ///< a value takes 1, 2, 4, 8, 16, 32 or 64 bits, otherwise its own
  std::int64_t base_address = 0;  ///< address of the first word, for $readmemh
};

/// Geometry of an array in words under a packing.
struct Words {
  int field_bits = 8;     ///< of one value
  std::size_t lanes = 1;  ///< values per full word
  std::size_t words_per_row = 1;
  std::size_t rows = 1;
  std::size_t word_bits = 8;
  [[nodiscard]] std::size_t count() const { return rows * words_per_row; }
};

}  // namespace tactus::golden
