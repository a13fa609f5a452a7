// SPDX-License-Identifier: Apache-2.0
// Digest of an op: an order-independent sum of mixed (address, value) pairs (models/README.md).
#pragma once

#include <cstdint>
#include <cstring>

namespace tactus::fast {

inline constexpr std::uint64_t digest_address = 0x9E3779B97F4A7C15U;
inline constexpr std::uint64_t digest_value = 0xC2B2AE3D27D4EB4FU;

/// mix() with the address already multiplied by digest_address: loops over equidistant addresses
/// add digest_address times the distance instead of multiplying.
[[nodiscard]] inline std::uint64_t mix_scaled(std::uint64_t scaled_address, std::uint64_t value) {
  const std::uint64_t h = (value ^ scaled_address) * digest_value;
  return h ^ (h >> 32);
}

/// A sum of mixed words in four parts, so that it can go on from line to line as one vector.
struct MixSum {
  std::uint64_t part[4] = {};
  [[nodiscard]] std::uint64_t value() const { return part[0] + part[1] + part[2] + part[3]; }
};

/// Adds mix_scaled(address + i * step, word i) for `count` 64-bit words.
void mix_words(MixSum& sum, const void* words, std::int64_t count, std::uint64_t address,
               std::uint64_t step);

/// XOR of the 64-bit words of a beat; a 32-bit beat is zero-extended.
[[nodiscard]] inline std::uint64_t fold_beat(const std::uint8_t* beat, std::int64_t beat_bytes) {
  if (beat_bytes == 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, beat, 4);
    return word;
  }
  std::uint64_t folded = 0;
  for (std::int64_t i = 0; i < beat_bytes; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, beat + i, 8);
    folded ^= word;
  }
  return folded;
}

/// Digest of the beats of a load or store, in order.
class BeatDigest {
 public:
  explicit BeatDigest(std::int64_t beat_bytes) : beat_bytes_(beat_bytes) {}
  void add(const std::uint8_t* bytes, std::int64_t beats) {
    if (beat_bytes_ == 8) {
      mix_words(sum_, bytes, beats, next_, digest_address);
      next_ += static_cast<std::uint64_t>(beats) * digest_address;
    } else {
      for (std::int64_t i = 0; i < beats; ++i) {
        add_beat(fold_beat(bytes + beat_bytes_ * i, beat_bytes_));
      }
    }
  }
  [[nodiscard]] std::uint64_t value() const { return sum_.value(); }

 private:
  void add_beat(std::uint64_t folded) {
    sum_.part[0] += mix_scaled(next_, folded);
    next_ += digest_address;
  }
  std::int64_t beat_bytes_;
  std::uint64_t next_ = 0;
  MixSum sum_;
};

/// Adds `count` values whose addresses are first, first + step, ...
inline void digest_run(MixSum& sum, const std::int64_t* values, std::int64_t count,
                       std::int64_t first, std::int64_t step) {
  mix_words(sum, values, count, static_cast<std::uint64_t>(first) * digest_address,
            static_cast<std::uint64_t>(step) * digest_address);
}

}  // namespace tactus::fast
