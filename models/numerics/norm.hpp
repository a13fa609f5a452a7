// SPDX-License-Identifier: Apache-2.0
// Integer layer and RMS normalisation of a row of n values z (zero point taken away), in the steps
// of the row unit:
//   layernorm_isqrt: D = n * z - sum z, V = n * sum z^2 - (sum z)^2 + eps
//   rmsnorm_isqrt:   D = n * z,         V = n * sum z^2 + eps
// so that D / sqrt(V) is the normalised value. With V * 4^k in 2^60 .. 2^62 - 1 and
//   Q = floor(sqrt(V * 4^k)), R = floor(2^61 / Q), H = round_half_up(D * R / 2^(41 - k))
// H / 2^20 differs from D / sqrt(V) by less than 2^-21 + sqrt(n) * 2^-28. H is then requantised
// with the channel's constants, which hold the gain and the offset. V = 0 counts as 1; then D = 0.
#pragma once

#include <cstdint>

#include "numerics/round_shift.hpp"

namespace tactus {

inline constexpr std::int64_t max_norm_row = 16384;  ///< keeps V below 2^62

struct NormScale {
  std::int64_t factor = 0;  ///< R, above 2^30 and at most 2^31
  int raise = 0;            ///< k, 0..30
};

/// Largest q with q * q <= value, value below 2^62.
/// Example: integer_root(99) = 9
/// Example: integer_root((std::int64_t{1} << 62) - 1) = 0x7FFFFFFF
[[nodiscard]] constexpr std::int64_t integer_root(std::int64_t value) {
  std::int64_t root = 0;
  for (int bit = 30; bit >= 0; --bit) {
    const std::int64_t trial = root + (std::int64_t{1} << bit);
    if (trial * trial <= value) root = trial;
  }
  return root;
}

/// Example: norm_scale(std::int64_t{1} << 60).factor = std::int64_t{1} << 31
/// Example: norm_scale(4).raise = 29
[[nodiscard]] constexpr NormScale norm_scale(std::int64_t variance) {
  std::int64_t v = variance > 0 ? variance : 1;
  int raise = 0;
  for (; v < std::int64_t{1} << 60; v <<= 2) ++raise;
  return {(std::int64_t{1} << 61) / integer_root(v), raise};
}

/// Example: norm_value(2, norm_scale(4)) = 1 << 20
/// Example: norm_value(-3, norm_scale(9)) = -(1 << 20)
[[nodiscard]] constexpr std::int64_t norm_value(std::int64_t distance, const NormScale& scale) {
  return round_shift(distance * scale.factor, static_cast<unsigned>(41 - scale.raise),
                     Rounding::half_up);
}

}  // namespace tactus
