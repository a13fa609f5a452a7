// SPDX-License-Identifier: Apache-2.0
#include "backend/lock_step.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "../support/tiny_program.hpp"

namespace tactus {
namespace {

/// Loads retire in 9, 19, 29, 39, the others in 25, 50 and 80.
RunResult expected_run() {
  RunResult run;
  run.memory.resize(8192);
  for (std::uint32_t i = 0; i < 4; ++i) {
    run.retired.push_back({0, Queue::load, i, 10 * i, 10 * i + 9, i, {}});
  }
  run.retired.push_back({0, Queue::compute, 0, 10, 25, 5, {}});
  run.retired.push_back({0, Queue::post, 0, 26, 50, 6, {}});
  run.retired.push_back({0, Queue::store, 0, 51, 80, 7, {}});
  run.cycles = 81;
  return run;
}

/// Feeds records until accept() says false; the number of records taken.
std::size_t feed(LockStep& step, const std::vector<RetireRecord>& records) {
  std::size_t taken = 0;
  for (const RetireRecord& r : records) {
    ++taken;
    if (!step.accept(r)) break;
  }
  return taken;
}

/// The records in the order of their cycles.
std::vector<RetireRecord> in_time(const RunResult& run) {
  std::vector<RetireRecord> records = run.retired;
  std::sort(records.begin(), records.end(),
            [](const RetireRecord& a, const RetireRecord& b) { return a.cycle < b.cycle; });
  return records;
}

TEST_CASE("lock step: equal runs go on to the end") {
  const RunResult run = expected_run();
  LockStep step(run, {});
  CHECK(feed(step, in_time(run)) == run.retired.size());
  LockStep again(run, {});
  for (const RetireRecord& r : in_time(run)) CHECK(again.accept(r));
}

TEST_CASE("lock step: a wrong digest ends the run at once") {
  const RunResult run = expected_run();
  RunResult other = run;
  other.retired[2].digest = 99;  // load 2, cycle 29
  LockStep step(run, {});
  CHECK(feed(step, in_time(other)) == 4);  // 9, 19, 25, 29
}

TEST_CASE("lock step: an op that should have retired before is waited for") {
  const RunResult run = expected_run();
  RunResult other = run;
  other.retired[4].cycle = 45;   // compute 0, in 25
  other.retired[2].digest = 99;  // load 2, in 29: seen first, but later by what is expected
  const auto records = in_time(other);
  LockStep step(run, {});
  REQUIRE(feed(step, records) == 5);  // 9, 19, 29, 39, 45
  RunResult stopped = other;
  stopped.retired = {records.begin(), records.begin() + 5};
  std::sort(stopped.retired.begin(), stopped.retired.end(),
            [](const RetireRecord& a, const RetireRecord& b) {
              return std::tie(a.queue, a.seq) < std::tie(b.queue, b.seq);
            });
  const Difference whole = compare(testing::tiny_program(), run, "fast", other, "rtl");
  const Difference part =
      compare(testing::tiny_program(), step.comparable(stopped), "fast", stopped, "rtl");
  CHECK(whole.kind == DifferenceKind::cycle);
  CHECK(part.text == whole.text);
}

TEST_CASE("lock step: what is not compared does not end a run") {
  const RunResult run = expected_run();
  RunResult other = run;
  for (RetireRecord& r : other.retired) r.cycle += 3;
  LockStep strict(run, {});
  CHECK(feed(strict, in_time(other)) == 1);
  CompareOptions no_timing;
  no_timing.timing = false;
  LockStep step(run, no_timing);
  for (const RetireRecord& r : in_time(other)) CHECK(step.accept(r));
}

TEST_CASE("lock step: an op too many") {
  const RunResult run = expected_run();
  LockStep step(run, {});
  const auto records = in_time(run);
  for (const RetireRecord& r : records) CHECK(step.accept(r));
  CHECK(!step.accept({0, Queue::load, 4, 100, 110, 0, {}}));
}

}  // namespace
}  // namespace tactus
