// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every platform.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace tactus::oplevel {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  /// splitmix64.
  std::uint64_t word() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// Uniform in low..high.
  std::int64_t in(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(word() % static_cast<std::uint64_t>(high - low + 1));
  }
  std::int64_t pick(std::initializer_list<std::int64_t> choices) {
    return *(choices.begin() + in(0, static_cast<std::int64_t>(choices.size()) - 1));
  }
  /// True in `times` of `of` cases.
  bool chance(std::int64_t times, std::int64_t of) { return in(0, of - 1) < times; }

 private:
  std::uint64_t state_;
};

}  // namespace tactus::oplevel
