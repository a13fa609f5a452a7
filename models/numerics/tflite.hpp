// SPDX-License-Identifier: Apache-2.0
// The three requantisations of TensorFlow Lite (semantics-tflite-onnx.md 3.1). mult is 0 or
// 2^30 <= mult < 2^31; shift is TFLite's, positive = left, -31 <= shift <= 30.
#pragma once

#include <cstdint>

#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "numerics/round_shift.hpp"
#include "numerics/saturate.hpp"

namespace tactus {

/// Saturating rounding doubling high multiply of two 32-bit values, ties towards +infinity.
/// Example: srdhm(1 << 30, 1 << 30) = 1 << 29
/// Example: srdhm(-(1 << 30), 1) = 0
/// Example: srdhm(INT32_MIN, INT32_MIN) = INT32_MAX
[[nodiscard]] constexpr std::int32_t srdhm(std::int32_t a, std::int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return static_cast<std::int32_t>(round_shift(std::int64_t{a} * b, 31, Rounding::half_up));
}

/// x / 2^exponent (0..31) with ties away from zero.
/// Example: rdiv_by_pot(5, 1) = 3
/// Example: rdiv_by_pot(-5, 1) = -3
/// Example: rdiv_by_pot(-5, 2) = -1
[[nodiscard]] constexpr std::int32_t rdiv_by_pot(std::int32_t x, unsigned exponent) {
  return static_cast<std::int32_t>(round_shift(x, exponent, Rounding::half_away));
}

/// TFLite's default: two roundings. acc fits 32 bits, and the left shift keeps the low 32 bits as
/// the C reference does; of a wider acc the low 32 bits count.
/// Example: tflite_double(100, 1 << 30, 1) = 100
/// Example: tflite_double(-5, 1 << 30, 0) = -2
/// Example: tflite_double(5, 1 << 30, -1) = 2
/// Example: tflite_double(1, 1 << 30, 30) = 1 << 29
[[nodiscard]] constexpr std::int32_t tflite_double(std::int64_t acc, std::int32_t mult, int shift) {
  const auto left = static_cast<unsigned>(shift > 0 ? shift : 0);
  const auto right = static_cast<unsigned>(shift < 0 ? -shift : 0);
  const auto shifted = static_cast<std::uint64_t>(acc) << left;
  return rdiv_by_pot(srdhm(static_cast<std::int32_t>(wrap_to(shifted, 32)), mult), right);
}

/// TFLite's single rounding, ties towards +infinity. acc fits 32 bits; of a wider acc the low
/// 32 bits count.
/// Example: tflite_single(5, 1 << 30, -1) = 1
/// Example: tflite_single(-6, 1 << 30, -1) = -1
/// Example: tflite_single(-5, 1 << 30, 0) = -2
[[nodiscard]] constexpr std::int64_t tflite_single(std::int64_t acc, std::int32_t mult, int shift) {
  return round_shift(wrap_to(acc, 32) * mult, static_cast<unsigned>(31 - shift), Rounding::half_up);
}

/// The rule for 16-bit activations: acc of up to 48 bits, the multiplier cut to 16 bits, one
/// rounding with ties towards +infinity; shift <= 14.
/// Example: tflite_s64(5, 1 << 30, 0) = 3
/// Example: tflite_s64(-5, 1 << 30, 0) = -2
/// Example: tflite_s64(32768, 0x7FFFFFFF, 0) = 32767
[[nodiscard]] constexpr std::int64_t tflite_s64(std::int64_t acc, std::int32_t mult, int shift) {
  const std::int64_t reduced = mult < 0x7FFF0000 ? (mult + (1 << 15)) >> 16 : 0x7FFF;
  return round_shift(acc * reduced, static_cast<unsigned>(15 - shift), Rounding::half_up);
}

/// clamp(y + zp) with y by one of the three conventions above.
/// Example: tflite_requant(Convention::tflite_double, 5, 1 << 30, -1, 10, -128, 127) = 12
/// Example: tflite_requant(Convention::tflite_single, 5, 1 << 30, -1, 10, -128, 127) = 11
/// Example: tflite_requant(Convention::tflite_s64, 5, 1 << 30, 0, 0, 0, 2) = 2
[[nodiscard]] constexpr std::int64_t tflite_requant(Convention convention, std::int64_t acc,
                                                    std::int32_t mult, int shift, std::int64_t zp,
                                                    std::int64_t clamp_min,
                                                    std::int64_t clamp_max) {
  switch (convention) {
    case Convention::tflite_double:
      return clamp(tflite_double(acc, mult, shift) + zp, clamp_min, clamp_max);
    case Convention::tflite_single:
      return clamp(tflite_single(acc, mult, shift) + zp, clamp_min, clamp_max);
    case Convention::tflite_s64:
      return clamp(tflite_s64(acc, mult, shift) + zp, clamp_min, clamp_max);
    default:
      throw InternalError("tflite_requant is called with a convention that is not TFLite's");
  }
}

}  // namespace tactus
