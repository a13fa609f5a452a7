// SPDX-License-Identifier: Apache-2.0
#include "backend/retire_checker.hpp"

#include <doctest/doctest.h>

#include "../support/tiny_program.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

RunResult small_run() {
  RunResult run;
  run.memory.resize(8192);
  run.retired.resize(7);
  for (std::uint32_t i = 0; i < 4; ++i) {
    run.retired[i] = {0, Queue::load, i, 10 * i, 10 * i + 9, i, {}};
  }
  run.retired[4] = {0, Queue::compute, 0, 40, 70, 5, {}};
  run.retired[5] = {0, Queue::post, 0, 71, 90, 6, {}};
  run.retired[6] = {0, Queue::store, 0, 91, 120, 7, {}};
  run.cycles = 121;
  return run;
}

Difference diff(const RunResult& b, const CompareOptions& options = {}) {
  return compare(testing::tiny_program(), small_run(), "fast", b, "rtl", options);
}

TEST_CASE("compare: equal runs") {
  CHECK(!diff(small_run()));
  CHECK(diff(small_run()).text.empty());
}

TEST_CASE("compare: the earliest record wins, whatever its queue") {
  RunResult b = small_run();
  b.retired[6].digest = 1;                  // retires in 120
  b.retired[5].events[Event::psum_rd] = 3;  // retires in 90
  b.memory[0] = 1;
  const Difference d = diff(b);
  CHECK(d.kind == DifferenceKind::events);
  CHECK(d.queue == Queue::post);
  CHECK(d.seq == 0);
  CHECK(d.layer == "000_conv");
  CHECK(d.text.find("000_conv, post op 0, event psum_rd: fast 0, rtl 3 (post post") == 0);
}

TEST_CASE("compare: start, cycle, digest") {
  RunResult b = small_run();
  b.retired[4].start = 41;
  CHECK(diff(b).kind == DifferenceKind::start);
  CHECK(diff(b).expected == "40");
  CHECK(diff(b).actual == "41");
  b = small_run();
  b.retired[4].cycle = 71;
  CHECK(diff(b).kind == DifferenceKind::cycle);
  CHECK(!diff(b, {false, true, true}));
  b = small_run();
  b.retired[4].digest = 16;
  CHECK(diff(b).kind == DifferenceKind::digest);
  CHECK(diff(b).actual == "0x0000000000000010");
  CHECK(!diff(b, {true, false, true}));
}

TEST_CASE("compare: a missing record") {
  RunResult b = small_run();
  b.retired.erase(b.retired.begin() + 4);
  const Difference d = diff(b);
  CHECK(d.kind == DifferenceKind::retire_count);
  CHECK(d.expected == "retired in cycle 70");
  CHECK(d.actual == "not retired");
}

TEST_CASE("compare: memory names tensor, element and values") {
  RunResult b = small_run();
  b.memory[6144 + 2 * 16 + 1 * 4 + 3] = 0xFF;
  const Difference d = diff(b);
  CHECK(d.kind == DifferenceKind::memory);
  CHECK(d.tensor == "000_conv");
  CHECK(d.c == 2);
  CHECK(d.y == 1);
  CHECK(d.x == 3);
  CHECK(d.expected == "0");
  CHECK(d.actual == "-1");
  CHECK(d.text == "000_conv element c=2 y=1 x=3 (off-chip byte 6183): fast 0, rtl -1");
  b = small_run();
  b.memory[1] = 7;
  CHECK(diff(b).text == "off-chip byte 1, outside every tensor: fast 0, rtl 7");
}

TEST_CASE("compare: cycles and unsorted records") {
  RunResult b = small_run();
  b.cycles = 122;
  CHECK(diff(b).kind == DifferenceKind::cycles);
  std::swap(b.retired[0], b.retired[1]);
  CHECK_THROWS_AS((void)diff(b), InternalError);
}

}  // namespace
}  // namespace tactus
