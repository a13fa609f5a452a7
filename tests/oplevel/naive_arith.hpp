// SPDX-License-Identifier: Apache-2.0
// Arithmetic of the naive machine, on 128 bits.
#pragma once

#include <cstdint>

#include "naive_machine.hpp"

namespace tactus::oplevel {

inline std::size_t z(std::int64_t v) { return static_cast<std::size_t>(v); }

inline Wide clamped(Wide v, std::int64_t low, std::int64_t high) {
  return v < low ? Wide{low} : v > high ? Wide{high} : v;
}

/// value / 2^shift, rounded; by comparison of the remainder with one half.
inline Wide rounded(Wide value, std::int64_t shift, std::int64_t rounding) {
  const Wide unit = Wide{1} << shift;
  Wide floor = value / unit;
  if (floor * unit > value) --floor;
  const Wide twice = 2 * (value - floor * unit);  // 0 .. 2 * unit - 1
  const bool exact = twice == 0;
  const bool tie = twice == unit;
  const bool above = twice > unit;
  bool next = false;
  switch (rounding) {
    case 0:
      next = above || (tie && floor % 2 != 0);
      break;
    case 1:
      next = above || tie;
      break;
    case 2:
      next = above || (tie && value > 0);
      break;
    case 3:
      next = above;
      break;
    case 4:
      break;
    case 5:
      next = !exact;
      break;
    default:
      next = !exact && value < 0;
      break;
  }
  return floor + (next ? 1 : 0);
}

/// TFLite's requantisation in two roundings (doubled) or one; shift > 0 is to the left.
inline Wide tflite(bool doubled, std::int64_t value, std::int64_t mult, std::int64_t shift) {
  const auto low = [](Wide v) {
    return Wide{
        static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::uint64_t>(v)))};
  };
  constexpr std::int64_t half_up = 1, half_away = 2;
  if (!doubled) return rounded(low(value) * mult, 31 - shift, half_up);
  const Wide raised = low(Wide{value} * (Wide{1} << (shift > 0 ? shift : 0)));
  return rounded(rounded(raised * mult, 31, half_up), shift < 0 ? -shift : 0, half_away);
}

}  // namespace tactus::oplevel
