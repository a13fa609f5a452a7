// SPDX-License-Identifier: Apache-2.0
// Convention `add_mul_shift` of design.md 4: residual add of two scaled operands, rounded once.
#pragma once

#include <cstdint>

#include "numerics/formats.hpp"
#include "numerics/round_shift.hpp"
#include "numerics/saturate.hpp"

namespace tactus {

/// How one operand enters the sum: (value - zp) * mult << left.
struct AddOperand {
  std::int64_t zp = 0;
  std::int64_t mult = 1;  ///< at most 32 bits
  unsigned left = 0;      ///< 0..31
};

struct AddMulShift {
  AddOperand a, b;
  std::int64_t add = 0;  ///< at most 48 bits
  unsigned shift = 0;    ///< 0..63
  Rounding rounding = Rounding::half_even;
  std::int64_t zp = 0, clamp_min = 0, clamp_max = 0;
};

/// The exact term of one operand of up to 32 bits.
/// Example: add_term(5, AddOperand{1, 3, 2}) = 48
[[nodiscard]] constexpr int128_t add_term(std::int64_t value, const AddOperand& operand) {
  return (int128_t{value} - operand.zp) * operand.mult * (int128_t{1} << operand.left);
}

/// clamp(round((((a-za)*ma << la) + ((b-zb)*mb << lb) + add) / 2^shift) + zp), exact intermediate.
/// Example: add_mul_shift(5, 3, AddMulShift{{0, 1, 1}, {0, 1, 0}, 0, 1, half_even, 0, 0, 15}) = 6
/// Example: add_mul_shift(5, 3, AddMulShift{{1, 3, 2}, {0, 1, 0}, 1, 3, half_up, 1, 0, 15}) = 8
/// Example: add_mul_shift(5, 3, AddMulShift{{1, 3, 2}, {0, 1, 0}, 1, 3, half_up, 9, 0, 15}) = 15
[[nodiscard]] constexpr std::int64_t add_mul_shift(std::int64_t a, std::int64_t b,
                                                   const AddMulShift& p) {
  const int128_t sum = add_term(a, p.a) + add_term(b, p.b) + p.add;
  return clamp(round_shift(sum, p.shift, p.rounding) + p.zp, p.clamp_min, p.clamp_max);
}

/// Whether the hardware's 64-bit sum equals the exact one for all operands of these formats: the
/// largest magnitudes of both terms and of `add` together stay below 2^63.
/// Example: add_mul_shift_fits(Format{8}, Format{8}, AddMulShift{{0, 1 << 30, 20}, {}}) = true
/// Example: add_mul_shift_fits(Format{32}, Format{8}, AddMulShift{{0, 1 << 30, 20}, {}}) = false
[[nodiscard]] constexpr bool add_mul_shift_fits(const Format& a, const Format& b,
                                                const AddMulShift& p) {
  const auto magnitude = [](int128_t v) { return v < 0 ? -v : v; };
  const auto largest = [&](const Format& f, const AddOperand& operand) {
    const int128_t low = magnitude(add_term(f.min(), operand));
    const int128_t high = magnitude(add_term(f.max(), operand));
    return low > high ? low : high;
  };
  return largest(a, p.a) + largest(b, p.b) + magnitude(p.add) < (int128_t{1} << 63);
}

}  // namespace tactus
