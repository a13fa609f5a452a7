// SPDX-License-Identifier: Apache-2.0
// A random case as a list of numbers, so that a failing one can be made smaller number by number.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "run/job.hpp"

namespace tactus::property {

/// Deterministic stream of random numbers (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Uniform in [lo, hi].
  std::int64_t in(std::int64_t lo, std::int64_t hi);
  /// A value of the format; with `extreme` its smallest or largest one.
  std::int64_t value(const Format& format, bool extreme);

 private:
  std::uint64_t state_;
};

/// One number of a case: name, value, the value that is simplest.
struct Knob {
  std::string name;
  std::int64_t value, simplest;
};

class Case {
 public:
  /// Architecture keys that every case of a run has besides its own.
  using Overrides = std::vector<std::pair<std::string, std::string>>;
  /// Draws a case for a preset; with `elaborated` also keys that an RTL build fixes.
  Case(const std::string& preset, std::uint64_t seed, Overrides overrides, bool elaborated);

  [[nodiscard]] std::int64_t operator[](const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const;
  void set(const std::string& name, std::int64_t value);
  [[nodiscard]] const std::vector<Knob>& knobs() const { return knobs_; }
  /// All numbers that are not at their simplest value.
  [[nodiscard]] std::string text() const;
  /// Network, inputs, architecture and program; throws BadInput where the case is impossible.
  [[nodiscard]] Job job() const;

 private:
  void draw(const std::string& name, Random& random, std::int64_t lo, std::int64_t hi,
            std::int64_t simplest);
  [[nodiscard]] Network network(const ArchConfig& config) const;
  [[nodiscard]] ArchConfig config() const;
  std::string preset_;
  Overrides overrides_;
  std::uint64_t seed_;
  std::vector<Knob> knobs_;
};

}  // namespace tactus::property
