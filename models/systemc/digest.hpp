// SPDX-License-Identifier: Apache-2.0
// The order-independent digest of models/README.md ("Retire records, digests").
#pragma once

#include <cstdint>

namespace tactus::systemc {

[[nodiscard]] inline std::uint64_t mix(std::uint64_t a, std::uint64_t v) {
  const std::uint64_t h = (v ^ (a * 0x9E3779B97F4A7C15U)) * 0xC2B2AE3D27D4EB4FU;
  return h ^ (h >> 32);
}

/// XOR of the 64-bit little-endian words of a beat; a 32-bit beat is zero-extended.
[[nodiscard]] inline std::uint64_t beat_word(const std::uint8_t* beat, std::int64_t bytes) {
  std::uint64_t word = 0;
  for (std::int64_t i = 0; i < bytes; ++i) {
    word ^= static_cast<std::uint64_t>(beat[i]) << (8 * (static_cast<unsigned>(i) % 8));
  }
  return word;
}

}  // namespace tactus::systemc
