// SPDX-License-Identifier: Apache-2.0
// Average pooling as TFLite defines it, and the same function as a multiplication.
#pragma once

#include <cstdint>
#include <string>

#include "numerics/errors.hpp"
#include "numerics/saturate.hpp"

namespace tactus {

/// sum / n with ties away from zero, clamped; n > 0 is the number of taps inside the image.
/// Example: avg_tflite(5, 2, -128, 127) = 3
/// Example: avg_tflite(-5, 2, -128, 127) = -3
/// Example: avg_tflite(-4, 3, -128, 127) = -1
/// Example: avg_tflite(1000, 2, -128, 127) = 127
[[nodiscard]] constexpr std::int64_t avg_tflite(std::int64_t sum, std::int64_t n,
                                                std::int64_t clamp_min, std::int64_t clamp_max) {
  return clamp((sum > 0 ? sum + n / 2 : sum - n / 2) / n, clamp_min, clamp_max);
}

struct MulShiftFactor {
  std::int64_t mult;  ///< below 2^31
  unsigned shift;
};

inline constexpr std::int64_t max_average_taps = 1024;
inline constexpr std::int64_t max_average_sum = std::int64_t{1} << 20;

/// The {mult, shift} with which `mul_shift` under half_away (add = 0, zp = 0) equals avg_tflite
/// for 1 <= n <= 1024 and |sum| <= 2^20. Throws BadInput for another n.
///
/// Proof. Both functions are odd, so let S >= 0. For n >= 2, mult = (2^31 + e) / n with
/// 0 <= e < n, so the product's quotient is S/n + d with 0 <= d = S*e / (n * 2^31). Rounding half
/// away is floor(x + 1/2), and S/n + 1/2 = (2S + n) / 2n lies at least 1/2n below the next
/// integer (a tie lies on one, where d >= 0 does no harm). So the results are equal if d < 1/2n,
/// that is 2*S*e < 2^31, and 2 * 2^20 * 1023 < 2^31.
/// Example: avg_as_mul_shift(1).mult = 1
/// Example: avg_as_mul_shift(2).mult = 1 << 30
/// Example: avg_as_mul_shift(3).mult = 715827883
/// Example: avg_as_mul_shift(3).shift = 31
[[nodiscard]] constexpr MulShiftFactor avg_as_mul_shift(std::int64_t n) {
  if (n < 1 || n > max_average_taps) {
    throw BadInput("an average over " + std::to_string(n) + " elements is outside 1 to 1024");
  }
  if (n == 1) return {1, 0};
  return {((std::int64_t{1} << 31) + n - 1) / n, 31};
}

}  // namespace tactus
