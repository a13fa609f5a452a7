// SPDX-License-Identifier: Apache-2.0
// Little-endian bit fields in a byte array: bit i of the word is bit i mod 8 of byte i div 8.
#pragma once

#include <cstdint>

namespace tactus {

/// True when value fits `bits` bits. A 64-bit unsigned field holds any bit pattern.
/// fits(15, 4, false) = true, fits(16, 4, false) = false, fits(-8, 4, true) = true.
[[nodiscard]] constexpr bool fits(std::int64_t value, int bits, bool is_signed) {
  if (bits >= 64) return true;
  if (is_signed) {
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return value >= -limit && value < limit;
  }
  return value >= 0 && value < (std::int64_t{1} << bits);
}

/// ORs the low `bits` bits of value into bytes at bit position lsb.
inline void put_bits(std::uint8_t* bytes, int lsb, int bits, std::int64_t value) {
  const auto v = static_cast<std::uint64_t>(value);
  for (int i = 0; i < bits; ++i) {
    const int at = lsb + i;
    if ((v >> i & 1U) == 0) continue;
    auto& byte = bytes[at / 8];
    byte = static_cast<std::uint8_t>(byte | (1U << (at % 8)));
  }
}

/// Reads `bits` bits at lsb, sign-extended when is_signed.
[[nodiscard]] inline std::int64_t get_bits(const std::uint8_t* bytes, int lsb, int bits,
                                           bool is_signed) {
  std::uint64_t v = 0;
  for (int i = 0; i < bits;) {  // what one byte holds of the field at a time
    const int at = (lsb + i) % 8, count = bits - i < 8 - at ? bits - i : 8 - at;
    const unsigned part = bytes[(lsb + i) / 8] >> at & ((1U << count) - 1U);
    v |= std::uint64_t{part} << i;
    i += count;
  }
  if (is_signed && bits < 64 && (v >> (bits - 1) & 1U) != 0) v |= ~std::uint64_t{0} << bits;
  return static_cast<std::int64_t>(v);
}

}  // namespace tactus
