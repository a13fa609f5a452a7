// SPDX-License-Identifier: Apache-2.0
// Integer softmax of one row, in the steps of the row unit. With m the largest of the row's x:
//   softmax_tflite8, softmax_tflite16: semantics-tflite-onnx.md 3.6; the exponentials of int8
//   inputs are a table of softmax8_entry(d), d = m - x.
//   softmax_lut: e = table[min(m - x, last)], 0..65535; S = sum of e, h = leading zeros of S in 32
//   bits, R = floor(2^62 / (S * 2^h)), y = clamp(round_half_up(e * one * R / 2^(62 - h)) + zp).
//   Against one * e / S the error is below 1/2 + one * 2^-30.
#pragma once

#include <cstdint>

#include "numerics/look_up.hpp"
#include "numerics/tflite.hpp"

namespace tactus {

/// Leading zeros of a value below 2^32 in 32 bits.
/// Example: leading_zeros32(1) = 31
/// Example: leading_zeros32(0x80000000) = 0
[[nodiscard]] constexpr int leading_zeros32(std::uint64_t value) {
  int n = 32;
  for (; value != 0; value >>= 1U) --n;
  return n;
}

/// exp(a / 2^26) for -2^31 <= a <= 0 as a fraction of 2^31.
/// Example: exp_q26(0) = 0x7FFFFFFF
/// Example: exp_q26(-(1 << 26)) = 790015308
[[nodiscard]] constexpr std::int32_t exp_q26(std::int32_t a) {
  if (a == 0) return INT32_MAX;
  constexpr std::int32_t quarter = 1 << 24;
  const std::int32_t t = (a & (quarter - 1)) - quarter;
  const auto rest = static_cast<std::uint32_t>(t - a);
  const std::int32_t x = (t * 32) + (1 << 28);
  const std::int32_t x2 = srdhm(x, x);
  const std::int32_t x3 = srdhm(x2, x);
  const std::int32_t x4 = srdhm(x2, x2);
  const std::int32_t p = rdiv_by_pot(srdhm(rdiv_by_pot(x4, 2) + x3, 715827883) + x2, 1);
  std::int32_t v = 1895147668 + srdhm(1895147668, x + p);
  constexpr std::int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
  for (unsigned k = 0; k < 7; ++k) {
    if ((rest >> (24 + k) & 1U) != 0) v = srdhm(v, factors[k]);
  }
  return v;
}

/// Table entry of an int8 input that is `below` under the row's largest, 0 beyond diff_min.
/// Example: softmax8_entry(0, 1 << 30, 20, -100) = 0x7FFFFFFF
/// Example: softmax8_entry(101, 1 << 30, 20, -100) = 0
[[nodiscard]] constexpr std::int32_t softmax8_entry(int below, std::int32_t mult, unsigned shift,
                                                    std::int64_t diff_min) {
  if (-below < diff_min) return 0;
  const auto raised = wrap_to(-std::int64_t{below} * (std::int64_t{1} << shift), 32);
  return exp_q26(srdhm(static_cast<std::int32_t>(raised), mult));
}

/// Scale of one row: `factor` over 2^31 (softmax_tflite8), R (softmax_lut) or the interpolated
/// inverse (softmax_tflite16), and the leading zeros of the sum.
struct SoftmaxScale {
  std::int64_t factor = 0;
  int zeros = 0;
};

/// Of the sum of rdiv_by_pot(e, 12), 1..2^31 - 1.
/// Example: softmax8_scale(1 << 19).zeros = 12
/// Example: softmax8_scale(1 << 19).factor = 0x7FFFFFFF
[[nodiscard]] constexpr SoftmaxScale softmax8_scale(std::int64_t sum) {
  const int zeros = leading_zeros32(static_cast<std::uint64_t>(sum));
  const std::int64_t fraction = (sum << zeros) - (std::int64_t{1} << 31);
  const auto half = static_cast<std::int32_t>((fraction + (std::int64_t{1} << 31)) >> 1);
  std::int32_t z = 1515870810 + srdhm(half, -1010580540);
  for (int i = 0; i < 3; ++i) {
    const std::int32_t error = (1 << 29) - srdhm(half, z);
    z += static_cast<std::int32_t>(saturate_to(std::int64_t{srdhm(z, error)} * 4, 32));
  }
  return {saturate_to(std::int64_t{z} * 2, 32), zeros};
}

/// Before zero point and clamp; bits: 8 or 16 of the output.
/// Example: softmax8_value(0x7FFFFFFF, softmax8_scale(1 << 19), 8) = 256
[[nodiscard]] constexpr std::int64_t softmax8_value(std::int32_t e, const SoftmaxScale& scale,
                                                    int bits) {
  return rdiv_by_pot(srdhm(static_cast<std::int32_t>(scale.factor), e),
                     static_cast<unsigned>(12 - scale.zeros + 31 - bits));
}

/// Position in the table of exp, 0..65535: 128 positions to an entry.
/// Example: softmax16_position(0, 1 << 30, 1) = 65535
/// Example: softmax16_position(-65535, 1 << 30, 1) = 0
[[nodiscard]] constexpr std::int64_t softmax16_position(std::int64_t difference, std::int32_t mult,
                                                        int shift) {
  return saturate_to(std::int64_t{tflite_double(difference, mult, shift)} + 32767, 16) + 32768;
}

/// Position in the table of the inverse for the sum of a row, 1..2^31 - 1.
/// Example: softmax16_inverse_position(32767) = 65532
[[nodiscard]] constexpr std::int64_t softmax16_inverse_position(std::int64_t sum) {
  const int zeros = leading_zeros32(static_cast<std::uint64_t>(sum));
  const std::int64_t k = (((sum << (zeros - 1)) + (1 << 13)) >> 14) - 98304;
  return wrap_to(k, 16) + 32768;
}

/// Example: softmax16_value(32767, SoftmaxScale{16384, 17}) = 32767
[[nodiscard]] constexpr std::int64_t softmax16_value(std::int64_t e, const SoftmaxScale& scale) {
  return round_shift(e * scale.factor, static_cast<unsigned>(31 - scale.zeros), Rounding::half_up);
}

/// Of the sum of the entries, 1..2^32 - 1.
/// Example: softmax_lut_scale(1).factor = std::int64_t{1} << 31
/// Example: softmax_lut_scale(3).factor = 1431655765
[[nodiscard]] constexpr SoftmaxScale softmax_lut_scale(std::int64_t sum) {
  const int zeros = leading_zeros32(static_cast<std::uint64_t>(sum));
  // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): sum is 1 or more
  return {(std::int64_t{1} << 62) / (sum << zeros), zeros};
}

/// Before zero point and clamp.
/// Example: softmax_lut_value(1, 255, softmax_lut_scale(3)) = 85
/// Example: softmax_lut_value(65535, 65535, softmax_lut_scale(65535)) = 65535
[[nodiscard]] constexpr std::int64_t softmax_lut_value(std::int64_t e, std::int64_t one,
                                                       const SoftmaxScale& scale) {
  return round_shift(int128_t{e} * one * scale.factor, static_cast<unsigned>(62 - scale.zeros),
                     Rounding::half_up);
}

}  // namespace tactus
