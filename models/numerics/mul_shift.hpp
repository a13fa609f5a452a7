// SPDX-License-Identifier: Apache-2.0
// Convention `mul_shift` of design.md 4: one fixed-point multiplication, rounded once.
#pragma once

#include <cstdint>

#include "numerics/round_shift.hpp"
#include "numerics/saturate.hpp"

namespace tactus {

/// clamp(round((acc * mult + add) / 2^shift) + zp), intermediate exact; shift 0..63. The hardware
/// equals it where acc * mult fits 64 bits, which acc_bits + mult_bits <= 64 ensures.
/// Example: mul_shift(10, 3, 1, 2, half_even, 0, -128, 127) = 8
/// Example: mul_shift(10, 3, 0, 2, half_even, 5, -128, 127) = 13
/// Example: mul_shift(10, 3, 0, 2, half_down, 5, -128, 127) = 12
/// Example: mul_shift(-1000, 3, 0, 2, half_even, 0, -128, 127) = -128
[[nodiscard]] constexpr std::int64_t mul_shift(std::int64_t acc, std::int64_t mult,
                                               std::int64_t add, unsigned shift, Rounding rounding,
                                               std::int64_t zp, std::int64_t clamp_min,
                                               std::int64_t clamp_max) {
  // Nearly every sum fits one word; the wide path costs several times as much.
  std::int64_t sum = 0;
  if (!__builtin_mul_overflow(acc, mult, &sum) && !__builtin_add_overflow(sum, add, &sum)) {
    return clamp(int128_t{round_shift(sum, shift, rounding)} + zp, clamp_min, clamp_max);
  }
  const int128_t exact = int128_t{acc} * mult + add;
  return clamp(round_shift(exact, shift, rounding) + zp, clamp_min, clamp_max);
}

}  // namespace tactus
