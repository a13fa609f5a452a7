// SPDX-License-Identifier: Apache-2.0
// Exact arithmetic of the reference: every requantisation as a rational number and one rounding.
#pragma once

#include <cstdint>

#include "network/network.hpp"
#include "numerics/formats.hpp"

namespace tactus::ref {

__extension__ typedef __int128 Wide;

/// numerator / 2^log2_denominator rounded to an integer. 0 <= log2_denominator <= 100.
/// round_quotient(-5, 1, Rounding::half_even) = -2, with half_down -3.
[[nodiscard]] Wide round_quotient(Wide numerator, int log2_denominator, Rounding mode);

/// Low `bits` bits of v as a two's complement number. keep_low_bits(200, 8) = -56.
[[nodiscard]] std::int64_t keep_low_bits(Wide v, int bits);

/// One accumulator: exact inside its width, the policy outside.
class Accumulator {
 public:
  Accumulator(int bits, Overflow policy);
  /// v under the policy; counts when v does not fit.
  [[nodiscard]] std::int64_t settle(std::int64_t v);
  [[nodiscard]] bool fits(std::int64_t v) const { return v >= low_ && v <= high_; }
  [[nodiscard]] std::uint64_t overflows() const { return overflows_; }

 private:
  int bits_;
  Overflow policy_;
  std::int64_t low_, high_;
  std::uint64_t overflows_ = 0;
};

/// An accumulator as output value of channel `channel` (conv2d, linear, average pools with a
/// factor). Throws InternalError for a two-operand convention.
[[nodiscard]] std::int32_t requantise(const Requant& requant, const Format& out, int channel,
                                      std::int64_t acc);

/// Average over `taps` values with sum `sum`, ties away from zero (avg_tflite).
[[nodiscard]] std::int32_t average(const Requant& requant, std::int64_t sum, std::int64_t taps);

/// Residual add of a and b with their zero points.
[[nodiscard]] std::int32_t add_operands(const Layer& layer, int channel, std::int64_t a,
                                        std::int64_t zp_a, std::int64_t b, std::int64_t zp_b);

}  // namespace tactus::ref
