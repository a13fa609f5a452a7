// SPDX-License-Identifier: Apache-2.0
// Dispatch, tokens, segments and the reports of runs that stand still, by hand.
#include <doctest/doctest.h>

#include <string>

#include "numerics/errors.hpp"
#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {
using Span = std::pair<Cycle, Cycle>;

std::string message_of(const Program& program, const ArchConfig& config,
                       const RunOptions& options = {}) {
  try {
    run_systemc(program, config, options);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("a token is visible in the cycle after the retirement that pushed it") {
  for (const std::int64_t beats : {1, 2, 9}) {
    const Program p = make_program(
        {{tile(fill_op(Dest::ofmap, beats), 0, to_store), tile(store_op(4), to_load)}});
    const RunResult r = run_systemc(p, small_arch());
    // The fill starts in 47 and retires in 47 + beats; the store, dispatched in 47, starts one
    // cycle after that. r = s + 1 + 1 + 12.
    const Cycle start = 47 + static_cast<Cycle>(beats) + 1;
    CHECK(span_of(r, Queue::store) == Span{start, start + 14});
  }
}

TEST_CASE("an op waits for the last of its tokens and consumes one of each") {
  // Six ops: b = 12 + 96 = 108, dispatch from 110. Fill 0 (dispatch 110) runs 111..114, store 0
  // (dispatch 111) runs 112..126, post 0 waits for both: 127. Its duration with one channel and
  // one pixel in mode 5 is 1 + 6. Post 1 needs a second pair of tokens: fill 1 runs 115..155 and
  // store 1 126 + 1 = 127..141, so it starts in 156.
  const PostOp clamp = post_op(PostMode::clamp, 1, 1);
  const unsigned both = to_load | to_store;
  const Program p =
      make_program({{tile(fill_op(Dest::ifmap, 3), 0, to_post), tile(store_op(4), 0, to_post),
                     tile(clamp, both), tile(fill_op(Dest::ifmap, 40), 0, to_post),
                     tile(store_op(4), 0, to_post), tile(clamp, both)}});
  const RunResult r = run_systemc(p, small_arch());
  CHECK(span_of(r, Queue::load, 0) == Span{111, 114});
  CHECK(span_of(r, Queue::store, 0) == Span{112, 126});
  CHECK(span_of(r, Queue::post, 0) == Span{127, 134});
  CHECK(span_of(r, Queue::load, 1) == Span{115, 155});
  CHECK(span_of(r, Queue::post, 1) == Span{156, 163});
}

TEST_CASE("a full queue holds dispatch until the cycle after a start") {
  const FillOp fill = fill_op(Dest::ifmap, 20);
  const Program p =
      make_program({{tile(fill), tile(fill), tile(fill), tile(fill), tile(store_op(4))}});
  ArchConfig c = small_arch();
  // Five ops: b = 12 + 80 = 92, d0 = 94, s0 = 95, r0 = 115; d1 = 95, s1 = 116, r1 = 136, s2 = 137.
  SUBCASE("depth 2") {
    c.hw_queue_depth = 2;
    // d2: op 0 started in 95, so 96. d3: op 1 starts in 116, so 117. Store: d = 118, s = 119.
    const RunResult r = run_systemc(p, c);
    CHECK(span_of(r, Queue::load, 0) == Span{95, 115});
    CHECK(span_of(r, Queue::load, 1) == Span{116, 136});
    CHECK(span_of(r, Queue::load, 2) == Span{137, 157});
    CHECK(span_of(r, Queue::load, 3) == Span{158, 178});
    CHECK(span_of(r, Queue::store) == Span{119, 133});
  }
  SUBCASE("depth 4") {
    // d3 = 97, the store is dispatched in 98 and starts in 99.
    CHECK(span_of(run_systemc(p, c), Queue::store) == Span{99, 113});
  }
}

TEST_CASE("a segment change waits for the load of the next segment") {
  LoadOp inst = load_op(Dest::inst, 128, segment_1);
  inst.half = 1;
  const Program p = make_program(
      {{tile(inst), tile(fill_op(Dest::ifmap, 3))}, {tile(store_op(4)), tile(store_op(4))}});
  const RunResult r = run_systemc(p, small_arch());
  // b = 44, d0 = 46, s0 = 47, T = 32, r0 = 47 + 44 = 91; the first op of segment 1 is dispatched
  // in 93 and starts in 94.
  CHECK(span_of(r, Queue::load, 0) == Span{47, 91});
  CHECK(span_of(r, Queue::load, 1) == Span{92, 95});
  CHECK(span_of(r, Queue::store) == Span{94, 108});
  CHECK(record_of(r, Queue::load).events[Event::inst_wr] == 32);
}

TEST_CASE("a segment change takes two cycles when the next segment is there") {
  LoadOp inst = load_op(Dest::inst, 64, segment_1);
  inst.half = 1;
  const Program p = make_program({{tile(inst), tile(fill_op(Dest::ifmap, 40)),
                                   tile(fill_op(Dest::ifmap, 40)), tile(fill_op(Dest::ifmap, 1))},
                                  {tile(store_op(4))}});
  ArchConfig c = small_arch();
  c.hw_queue_depth = 2;
  const RunResult r = run_systemc(p, c);
  // b = 76, d0 = 78, s0 = 79, r0 = 79 + 12 + 16 = 107; d1 = 79, s1 = 108; d2 = 80;
  // d3 = 109 (queue full until s1). Segment 1: max(109 + 2, 107 + 2) = 111, start 112.
  CHECK(span_of(r, Queue::load, 0) == Span{79, 107});
  CHECK(span_of(r, Queue::store) == Span{112, 126});
}

TEST_CASE("a program that stands still is reported with queue heads and missing tokens") {
  const Program p = make_program({{tile(fill_op(Dest::ifmap, 3)), tile(compute_op(2, 4), to_load),
                                   tile(store_op(4), to_post)}});
  const std::string text = message_of(p, small_arch());
  CHECK(contains(text, "stands still"));
  CHECK(contains(text, "head of queue compute"));
  CHECK(contains(text, "misses a token from queue load"));
  CHECK(contains(text, "head of queue store"));
  CHECK(contains(text, "misses a token from queue post"));
  CHECK_FALSE(contains(text, "head of queue load"));
}

TEST_CASE("a full queue and a missing segment are named") {
  ArchConfig c = small_arch();
  c.hw_queue_depth = 2;
  const TileOp stuck = tile(store_op(4), to_load);
  CHECK(contains(message_of(make_program({{stuck, stuck, stuck}}), c),
                 "the sequencer waits for room in queue store"));
  CHECK(contains(message_of(make_program({{tile(fill_op(Dest::ifmap, 1))}, {stuck}}), c),
                 "the sequencer waits for segment 1"));
}

TEST_CASE("the watchdog gives up after too many cycles without a retirement") {
  RunOptions options;
  options.watchdog_cycles = 100;
  const ArchConfig c = small_arch();
  CHECK(contains(message_of(make_program({{tile(fill_op(Dest::ifmap, 400))}}), c, options),
                 "no op retired for more than 100 cycles"));
  CHECK(message_of(make_program({{tile(fill_op(Dest::ifmap, 60))}}), c, options).empty());
}

TEST_CASE("a process can do many runs, also after one that failed") {
  const Program good = make_program({{tile(compute_op(6, 8))}});
  const Program bad = make_program({{tile(compute_op(6, 8), to_load)}});
  const ArchConfig c = small_arch();
  for (int i = 0; i < 20; ++i) {
    CHECK(run_systemc(good, c).cycles == 55);
    CHECK_THROWS_AS(run_systemc(bad, c), BadInput);
  }
}

TEST_CASE("an access outside a buffer half is an error of its own") {
  FillOp fill = fill_op(Dest::ifmap, 4);
  fill.dst_base = 511;  // 16 KiB / 2 / 4 banks = 512 beats
  CHECK_THROWS_AS(run_systemc(make_program({{tile(fill)}}), small_arch()), InternalError);
}

TEST_CASE("progress is reported") {
  RunOptions options;
  Cycle seen = 0;
  std::uint64_t ops = 0;
  options.progress = [&](Cycle cycle, std::uint64_t retired) {
    seen = cycle;
    ops = retired;
  };
  const RunResult r = run_systemc(make_program({{tile(compute_op(6, 8))}}), small_arch(), options);
  CHECK(seen + 1 >= r.cycles);
  CHECK(ops == 1);
}
