// SPDX-License-Identifier: Apache-2.0
// From accumulator to output value by any single-operand convention.
#pragma once

#include <cstdint>

#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "numerics/mul_shift.hpp"
#include "numerics/pow2.hpp"
#include "numerics/tflite.hpp"

namespace tactus {

struct Requant {
  std::int64_t mult = 1;  ///< mul_shift and TFLite; at most 32 bits
  std::int64_t add = 0;   ///< mul_shift only
  int shift = 0;          ///< 0..63 right; TFLite conventions: -31..30, positive = left
  Rounding rounding = Rounding::half_even;  ///< mul_shift and pow2
  std::int64_t zp = 0, clamp_min = 0, clamp_max = 0;
};

/// The output value of `acc`; `none` gives acc itself, unclamped. Throws InternalError for a
/// convention that needs two operands or a divisor.
/// Example: requantise(Convention::none, 12345, Requant{}) = 12345
/// Example: requantise(Convention::mul_shift, 10, Requant{3, 1, 2, half_even, 0, -8, 7}) = 7
/// Example: requantise(Convention::pow2, 10, Requant{1, 0, 2, half_even, 0, -8, 7}) = 2
/// Example: requantise(Convention::tflite_double, 5, Requant{1 << 30, 0, -1, {}, 0, -8, 7}) = 2
[[nodiscard]] constexpr std::int64_t requantise(Convention convention, std::int64_t acc,
                                                const Requant& p) {
  switch (convention) {
    case Convention::none:
      return acc;
    case Convention::mul_shift:
      return mul_shift(acc, p.mult, p.add, static_cast<unsigned>(p.shift), p.rounding, p.zp,
                       p.clamp_min, p.clamp_max);
    case Convention::pow2:
      return pow2(acc, static_cast<unsigned>(p.shift), p.rounding, p.zp, p.clamp_min, p.clamp_max);
    case Convention::tflite_double:
    case Convention::tflite_single:
    case Convention::tflite_s64:
      return tflite_requant(convention, acc, static_cast<std::int32_t>(p.mult), p.shift, p.zp,
                            p.clamp_min, p.clamp_max);
    case Convention::add_mul_shift:
    case Convention::add_tflite:
    case Convention::add_tflite_single:
    case Convention::avg_tflite:
      break;
  }
  throw InternalError("requantise is called with a convention of more than one operand");
}

}  // namespace tactus
