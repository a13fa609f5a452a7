// SPDX-License-Identifier: Apache-2.0
// Division by a power of two with a choice of rounding: the only place where tactus rounds.
#pragma once

#include <cstdint>
#include <type_traits>

#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "numerics/int128.hpp"

namespace tactus {

namespace detail {

/// Whether the rounded quotient is floor + 1. `half` is the bit of weight one half, `below` tells
/// whether any bit under it is set, `floor_odd` and `negative` describe the floor and the value.
[[nodiscard]] constexpr bool rounds_to_next(bool half, bool below, bool floor_odd, bool negative,
                                            Rounding rounding) {
  switch (rounding) {
    case Rounding::half_even:
      return half && (below || floor_odd);
    case Rounding::half_up:
      return half;
    case Rounding::half_away:
      return half && (below || !negative);
    case Rounding::half_down:
      return half && below;
    case Rounding::floor:
      return false;
    case Rounding::ceil:
      return half || below;
    case Rounding::trunc:
      return (half || below) && negative;
  }
  throw InternalError("a rounding code is outside its enumeration");
}

template <typename Int, typename Unsigned>
[[nodiscard]] constexpr Int round_shift(Int value, unsigned shift, Rounding rounding) {
  if (shift == 0) return value;
  const auto bits = static_cast<Unsigned>(value);
  const Unsigned half_bit = Unsigned{1} << (shift - 1);
  const Int quotient = value >> shift;
  const bool up = rounds_to_next((bits & half_bit) != 0, (bits & (half_bit - 1)) != 0,
                                 (quotient & 1) != 0, value < 0, rounding);
  return quotient + (up ? 1 : 0);
}

}  // namespace detail

/// value / 2^shift rounded to an integer; shift 0..127, exact for every value.
/// Example: round_shift(5, 1, half_even) = 2
/// Example: round_shift(7, 1, half_even) = 4
/// Example: round_shift(5, 1, half_up) = 3
/// Example: round_shift(-5, 1, half_up) = -2
/// Example: round_shift(5, 1, half_away) = 3
/// Example: round_shift(-5, 1, half_away) = -3
/// Example: round_shift(5, 1, half_down) = 2
/// Example: round_shift(-5, 1, half_down) = -3
/// Example: round_shift(-5, 1, floor) = -3
/// Example: round_shift(5, 2, ceil) = 2
/// Example: round_shift(-7, 2, trunc) = -1
[[nodiscard]] constexpr int128_t round_shift(int128_t value, unsigned shift, Rounding rounding) {
  return detail::round_shift<int128_t, uint128_t>(value, shift, rounding);
}

/// The same for values of 64 bits and fewer, shift 0..63; one machine word, for hot loops.
/// Example: round_shift(std::int64_t{11}, 2, half_even) = 3
template <typename Int, typename = std::enable_if_t<std::is_integral_v<Int> && (sizeof(Int) <= 8)>>
[[nodiscard]] constexpr std::int64_t round_shift(Int value, unsigned shift, Rounding rounding) {
  static_assert(std::is_signed_v<Int>, "an unsigned value has no arithmetic shift");
  return detail::round_shift<std::int64_t, std::uint64_t>(value, shift, rounding);
}

}  // namespace tactus
