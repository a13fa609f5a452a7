// SPDX-License-Identifier: Apache-2.0
// Words of operands as they lie in memory: little endian, 1 or 2 bytes, P = 2^log2_pack fields.
#pragma once

#include <cstdint>

namespace tactus::systemc {

/// Channels of a plane and the words that hold them at each pixel (models/README.md, "Words, packs,
/// bundles").
struct PlaneShape {
  PlaneShape(std::int64_t word_bytes_, std::int64_t log2_pack_, std::int64_t log2_bundle_)
      : word_bytes(word_bytes_),
        log2_pack(log2_pack_),
        field_bits(static_cast<unsigned>(8 * word_bytes_ >> log2_pack_)),
        words(std::int64_t{1} << log2_bundle_),
        channels(words << log2_pack_) {}

  [[nodiscard]] std::int64_t bytes() const { return words * word_bytes; }
  /// The field of channel j (0 .. channels - 1) in the words of a pixel, zero-extended.
  [[nodiscard]] std::uint32_t field(const std::uint8_t* pixel, std::int64_t j) const {
    const std::uint8_t* word = pixel + (j >> log2_pack) * word_bytes;
    std::uint32_t value = word[0];
    if (word_bytes == 2) value |= std::uint32_t{word[1]} << 8;
    return value >> shift(j) & mask();
  }
  /// Puts the low bits of `value` into the field of channel j, which was 0.
  void set_field(std::uint8_t* pixel, std::int64_t j, std::uint32_t value) const {
    std::uint8_t* word = pixel + (j >> log2_pack) * word_bytes;
    const std::uint32_t bits = (value & mask()) << shift(j);
    word[0] = static_cast<std::uint8_t>(word[0] | bits);
    if (word_bytes == 2) word[1] = static_cast<std::uint8_t>(word[1] | bits >> 8);
  }

  std::int64_t word_bytes, log2_pack;
  unsigned field_bits;    ///< a'
  std::int64_t words;     ///< Q
  std::int64_t channels;  ///< QP

 private:
  [[nodiscard]] std::uint32_t mask() const { return (std::uint32_t{1} << field_bits) - 1; }
  [[nodiscard]] unsigned shift(std::int64_t j) const {
    const std::int64_t in_word = (std::int64_t{1} << log2_pack) - 1;
    return static_cast<unsigned>(j & in_word) * field_bits;
  }
};

}  // namespace tactus::systemc
