// SPDX-License-Identifier: Apache-2.0
// The parts of explain_difference; only triage/*.cpp includes this.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "triage/classify.hpp"
#include "triage/places.hpp"
#include "triage/triage.hpp"

namespace tactus::triage {

/// Host time that is left for probing.
class Budget {
 public:
  explicit Budget(double seconds)
      : end_(std::chrono::steady_clock::now() +
             std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                 std::chrono::duration<double>(seconds))) {}
  [[nodiscard]] bool left() const { return std::chrono::steady_clock::now() < end_; }

 private:
  std::chrono::steady_clock::time_point end_;
};

[[nodiscard]] FoundOp found_op(const Program& program, std::size_t op);
[[nodiscard]] const RetireRecord* record_of(const RunResult& run, const Program& program,
                                            std::size_t op);
[[nodiscard]] FoundElement found_element(const Coordinates& at, int n);
/// A window of cycles around [from, to].
[[nodiscard]] std::pair<Cycle, Cycle> window_around(Cycle from, Cycle to);

// Each fills in what it finds out about wrong values of op `op` (program index), which is of the
// kind that its name says.
void explain_compute(const Case& c, const Budget& budget, std::size_t op, Finding& f);
void explain_post(const Case& c, std::size_t op, Finding& f);
void explain_load(const Case& c, std::size_t op, Finding& f);
void explain_store(const Case& c, std::size_t op, Finding& f);
/// Off-chip memory differs and no retire record does; `address` is the first differing byte.
void explain_memory(const Case& c, std::uint64_t address, Finding& f);

}  // namespace tactus::triage
