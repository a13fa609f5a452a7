// SPDX-License-Identifier: Apache-2.0
// An entry of a look-up table: 32 bits, read as one value or as two that are interpolated.
#pragma once

#include <cstdint>

namespace tactus {

/// The value of `entry` for a source that lies `offset` above the table's first. shift = 0: the
/// entry itself, 32 bits signed. Otherwise (1..8) the entry holds the signed 16-bit values at both
/// ends of its step of 2^shift sources, the lower end in the low half, and the result is
/// low + floor(((high - low) * (offset mod 2^shift) + 2^(shift-1)) / 2^shift).
/// Example: look_up(0xFFFFFFFE, 9, 0) = -2
/// Example: look_up(0x00080004, 1, 2) = 5
/// Example: look_up(0xFFFC0004, 3, 2) = -2
[[nodiscard]] constexpr std::int64_t look_up(std::uint32_t entry, std::int64_t offset,
                                             unsigned shift) {
  if (shift == 0) return static_cast<std::int32_t>(entry);
  const auto low = static_cast<std::int16_t>(static_cast<std::uint16_t>(entry));
  const auto high = static_cast<std::int16_t>(static_cast<std::uint16_t>(entry >> 16));
  const std::int64_t part = offset & ((std::int64_t{1} << shift) - 1);
  return low + (((high - low) * part + (std::int64_t{1} << (shift - 1))) >> shift);
}

}  // namespace tactus
