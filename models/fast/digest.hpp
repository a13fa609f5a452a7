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

/// Lines of 64-bit words.
struct MixLines {
  std::int64_t lines, line_bytes;      ///< bytes from one line to the next
  std::int64_t words;                  ///< of a line
  std::uint64_t line_step, word_step;  ///< scaled addresses from one line or word to the next
};
/// Adds mix_scaled(address + line * line_step + i * word_step, word i) for all words of all lines.
void mix_lines(MixSum& sum, const void* words, const MixLines& lines, std::uint64_t address);

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
  void add(const std::uint8_t* bytes, std::int64_t beats) { add(bytes, beats, 1, 0); }
  /// Lines of beats, `line_bytes` from one to the next.
  void add(const std::uint8_t* bytes, std::int64_t beats, std::int64_t lines,
           std::int64_t line_bytes) {
    if (beat_bytes_ == 8) {
      const std::uint64_t step = static_cast<std::uint64_t>(beats) * digest_address;
      mix_lines(sum_, bytes, {lines, line_bytes, beats, step, digest_address}, next_);
      next_ += static_cast<std::uint64_t>(lines) * step;
      return;
    }
    for (std::int64_t line = 0; line < lines; ++line, bytes += line_bytes) {
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

/// Adds `count` values whose addresses are first, first + 1, ...
inline void digest_run(MixSum& sum, const std::int64_t* values, std::int64_t count,
                       std::int64_t first) {
  mix_lines(sum, values, {1, 0, count, 0, digest_address},
            static_cast<std::uint64_t>(first) * digest_address);
}

/// Adds the psums of `count` pixels from pixel `first` on and of `cols` columns, `stride` apart:
/// column c of pixel m has the address m * array_cols + first_col + c.
inline void digest_psums(MixSum& sum, const std::int64_t* psums, std::int64_t stride,
                         std::int64_t first, std::int64_t count, std::int64_t first_col,
                         std::int64_t cols, std::int64_t array_cols) {
  mix_lines(sum, psums,
            {cols, stride * 8, count, digest_address,
             static_cast<std::uint64_t>(array_cols) * digest_address},
            static_cast<std::uint64_t>(first * array_cols + first_col) * digest_address);
}

}  // namespace tactus::fast
