// SPDX-License-Identifier: Apache-2.0
// The three ways to make a value fit a range.
#pragma once

#include <cstdint>

#include "numerics/int128.hpp"

namespace tactus {

/// The nearest value of [low, high], low <= high.
/// Example: clamp(300, -128, 127) = 127
/// Example: clamp(-300, -128, 127) = -128
[[nodiscard]] constexpr std::int64_t clamp(int128_t value, std::int64_t low, std::int64_t high) {
  return value < low ? low : value > high ? high : static_cast<std::int64_t>(value);
}

/// The low `bits` bits (1..64) read as two's complement.
/// Example: wrap_to(128, 8) = -128
/// Example: wrap_to(-129, 8) = 127
[[nodiscard]] constexpr std::int64_t wrap_to(int128_t value, int bits) {
  const auto unused = static_cast<unsigned>(64 - bits);
  const auto low = static_cast<std::uint64_t>(static_cast<uint128_t>(value));
  return static_cast<std::int64_t>(low << unused) >> unused;
}

/// The nearest value that `bits` bits (1..64) hold in two's complement.
/// Example: saturate_to(128, 8) = 127
/// Example: saturate_to(-129, 8) = -128
[[nodiscard]] constexpr std::int64_t saturate_to(int128_t value, int bits) {
  const auto high = static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
  return clamp(value, -high - 1, high);
}

}  // namespace tactus
