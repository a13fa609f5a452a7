// SPDX-License-Identifier: Apache-2.0
// Convention `pow2` of design.md 4: a scale that is a power of two.
#pragma once

#include <cstdint>

#include "numerics/round_shift.hpp"
#include "numerics/saturate.hpp"

namespace tactus {

/// clamp(round(acc / 2^shift) + zp); shift 0..63.
/// Example: pow2(10, 2, half_even, 0, -128, 127) = 2
/// Example: pow2(10, 2, half_up, -1, -128, 127) = 2
/// Example: pow2(1000, 2, half_up, 0, -128, 127) = 127
[[nodiscard]] constexpr std::int64_t pow2(std::int64_t acc, unsigned shift, Rounding rounding,
                                          std::int64_t zp, std::int64_t clamp_min,
                                          std::int64_t clamp_max) {
  return clamp(int128_t{round_shift(acc, shift, rounding)} + zp, clamp_min, clamp_max);
}

}  // namespace tactus
