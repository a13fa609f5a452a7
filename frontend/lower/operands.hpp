// SPDX-License-Identifier: Apache-2.0
// How values of a width lie in operand words: activation tensors, and the weights of one layer
// (models/README.md, "Words, packs, bundles" and "Operands").
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "lower/geometry.hpp"
#include "numerics/formats.hpp"

namespace tactus::lower {

/// Layout of an activation tensor in memory and in the ifmap buffer.
struct TensorLayout {
  std::int64_t word_bytes = 1;  ///< of a word here and of an element in the ofmap buffer
  std::int64_t carrier = 8;     ///< a': bits of an element in a word
  std::int64_t pack = 1;        ///< P: elements of a word
  std::int64_t bundle = 1;      ///< Q: words of a pixel of a plane
  [[nodiscard]] std::int64_t plane_channels() const { return pack * bundle; }
  [[nodiscard]] std::int64_t pixel_bytes() const { return bundle * word_bytes; }
  [[nodiscard]] std::int64_t planes(std::int64_t channels) const {
    return ceil_div(channels, plane_channels());
  }
  [[nodiscard]] bool packed() const { return plane_channels() > 1; }
};

/// Bits that carry an operand of `bits` bits: all of the word where it has a fixed width.
[[nodiscard]] std::int64_t carrier_of(int bits, const ArchConfig& config);

/// The layout that takes the fewest bytes: the narrowest carrier, one word to a pixel.
[[nodiscard]] TensorLayout smallest_layout(const Format& format, const ArchConfig& config);

/// All layouts that the hardware can pack, the smallest one first.
[[nodiscard]] std::vector<TensorLayout> possible_layouts(const Format& format,
                                                         const ArchConfig& config);

/// One element to an operand word: what every unit can read.
[[nodiscard]] TensorLayout plain_layout(const Format& format, const ArchConfig& config);

/// 32 bits filled with copies of the low `bits` bits of a value. repeated(-2, 4) = 0xEEEEEEEE.
[[nodiscard]] std::uint32_t repeated(std::int64_t value, std::int64_t bits);

/// Operands of a weighted layer on the array.
struct Operands {
  std::int64_t word_bits = 8;                   ///< W
  std::int64_t act_carrier = 8;                 ///< a'
  std::int64_t wgt_carrier = 8;                 ///< w'
  std::int64_t wgt_bits = 8;                    ///< true width
  bool wgt_signed = true, wgt_bipolar = false;  ///< bipolar: the word's bits mean -1 and +1
  std::int64_t bundle = 1;                      ///< Q of the input tensor
  std::int64_t candidates = 1, kept = 1;        ///< M and N; 1, 1 is dense
  [[nodiscard]] std::int64_t lanes() const {
    return word_bits / std::max(act_carrier, wgt_carrier);
  }
  [[nodiscard]] std::int64_t pack() const { return word_bits / act_carrier; }
  [[nodiscard]] std::int64_t plane_channels() const { return bundle * pack(); }
  [[nodiscard]] std::int64_t window() const { return lanes() * candidates; }
  [[nodiscard]] std::int64_t windows() const { return plane_channels() / window(); }
  [[nodiscard]] bool sparse() const { return candidates > 1; }
  [[nodiscard]] std::int64_t index_bits() const {
    return candidates == 8 ? 4 : candidates == 4 ? 2 : candidates == 2 ? 1 : 0;
  }
  /// V and X: K units in a row of the weight and of the index buffer (X: 0 unless sparse).
  [[nodiscard]] std::int64_t units_per_row() const { return word_bits / (lanes() * wgt_carrier); }
  [[nodiscard]] std::int64_t units_per_index_row() const {
    return sparse() ? word_bits / (lanes() * index_bits()) : 0;
  }
};

}  // namespace tactus::lower
