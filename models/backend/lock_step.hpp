// SPDX-License-Identifier: Apache-2.0
// Compares a running back end with a finished run, op by op, so that it can be ended early.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "backend/backend.hpp"
#include "backend/retire_checker.hpp"

namespace tactus {

/// One core. Keeps a reference to the expected run.
class LockStep {
 public:
  LockStep(const RunResult& expected, const CompareOptions& options);

  /// Takes the next retired op of the running back end. False once an op differs and everything
  /// that should have retired before it has retired, too: then the earliest difference is known.
  [[nodiscard]] bool accept(const RetireRecord& record);

  /// The part of the expected run that a stopped run can be compared with: the records that it has
  /// as well, its memory and its cycles.
  [[nodiscard]] RunResult comparable(const RunResult& stopped) const;

 private:
  static constexpr Cycle none = std::numeric_limits<Cycle>::max();

  const RunResult& expected_;
  CompareOptions options_;
  std::array<std::vector<const RetireRecord*>, queue_count> queues_;  ///< by seq
  std::array<std::size_t, queue_count> done_{};                       ///< ops that retired
  Cycle first_ = none;  ///< expected cycle of the earliest op known to differ
};

}  // namespace tactus
