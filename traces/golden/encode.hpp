// SPDX-License-Identifier: Apache-2.0
// Arrays as file contents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "golden/array.hpp"

namespace tactus::golden {

/// Bits from bit 0 upwards.
class BitWord {
 public:
  explicit BitWord(std::size_t bits) : bits_(bits), bytes_((bits + 7) / 8) {}
  /// Writes the low `width` bits (at most 64) of `value` at bit `at`.
  void put(std::size_t at, int width, std::int64_t value);
  /// Reverses the order of the bytes; the word has whole bytes.
  void reverse_bytes();
  [[nodiscard]] std::string hex() const;  ///< highest digit first
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::size_t bits_;
  std::vector<std::uint8_t> bytes_;  ///< little endian
};

[[nodiscard]] const char* extension_of(FileFormat format);
/// Throws BadInput for a packing that the array does not fit: a word narrower than a value, or a
/// reversed word that is not made of whole bytes.
[[nodiscard]] Words words_of(const Array& array, const Packing& packing);
/// Size of encode()'s result; needs no values.
[[nodiscard]] std::size_t encoded_bytes(const Array& array, FileFormat format,
                                        const Packing& packing);
[[nodiscard]] std::string encode(const Array& array, FileFormat format, const Packing& packing);

/// Bits of the smallest NumPy integer that holds the array's values: 8, 16, 32 or 64.
[[nodiscard]] int container_bits(const Array& array);

/// Lower-case hex of the SHA-256 of a text.
[[nodiscard]] std::string sha256_of(const std::string& text);

}  // namespace tactus::golden
