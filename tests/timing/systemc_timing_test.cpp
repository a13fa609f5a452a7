// SPDX-License-Identifier: Apache-2.0
// Durations of each op in the SystemC model against the arithmetic of models/README.md, by hand.
#include <doctest/doctest.h>

#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {
using Span = std::pair<Cycle, Cycle>;
}

TEST_CASE("a load of T beats lasts L + T * I cycles") {
  LoadOp load = load_op(Dest::ifmap, 10);
  load.planes = 2;
  load.plane_stride = 64;
  load.lines = 2;
  load.line_stride = 16;
  load.dst_slot_stride = 8;
  load.dst_line_stride = 4;
  const Program p = make_program({{tile(load)}});
  ArchConfig c = small_arch();
  c.mem_burst_beats = 2;
  // T = 2 planes * 2 lines * ceil(10 / 4) = 12 beats.
  SUBCASE("one beat per cycle") {
    // b = 12 + 16 = 28, dispatch 30, start 31, r = 31 + 12 + 12.
    const RunResult r = run_systemc(p, c);
    CHECK(span_of(r, Queue::load) == Span{31, 55});
    CHECK(r.cycles == 56);
    const EventCounts e = record_of(r, Queue::load).events;
    CHECK(e[Event::mem_rd_req] == 8);  // each line of 3 beats in bursts of 2 and 1
    CHECK(e[Event::mem_rd_beat] == 12);
    CHECK(e[Event::ifmap_wr] == 48);  // G = 1: four banks per beat
  }
  SUBCASE("three cycles per beat") {
    c.mem_cycles_per_beat = 3;
    // b = 12 + 16 * 3 = 60, start 63, r = 63 + 12 + 36.
    CHECK(span_of(run_systemc(p, c), Queue::load) == Span{63, 111});
  }
  SUBCASE("ideal memory has L = I = 1") {
    c.mem_cycles_per_beat = 3;
    c.mem_ideal = true;
    // b = 1 + 16 = 17, start 20, r = 20 + 1 + 12.
    CHECK(span_of(run_systemc(p, c), Queue::load) == Span{20, 33});
  }
}

TEST_CASE("the load unit is free in the cycle after a retirement") {
  const Program p = make_program({{tile(load_op(Dest::ifmap, 4)), tile(fill_op(Dest::ofmap, 7))}});
  const RunResult r = run_systemc(p, small_arch());
  // start 12 + 32 + 3 = 47, T = 1: r = 47 + 12 + 1 = 60; the fill starts in 61 and takes 7.
  CHECK(span_of(r, Queue::load, 0) == Span{47, 60});
  CHECK(span_of(r, Queue::load, 1) == Span{61, 68});
}

TEST_CASE("a store lasts 1 + T * I + L cycles") {
  StoreOp store = store_op(7);
  store.planes = 2;
  store.plane_stride = 8;
  const Program p = make_program({{tile(store)}});
  ArchConfig c = small_arch();
  // T = 2 * ceil(7 / 4) = 4; r = 31 + 1 + 4 + 12.
  RunResult r = run_systemc(p, c);
  CHECK(span_of(r, Queue::store) == Span{31, 48});
  CHECK(record_of(r, Queue::store).events[Event::mem_wr_beat] == 4);
  // I = 2: b = 12 + 32, start 47, r = 47 + 1 + 8 + 12.
  c.mem_cycles_per_beat = 2;
  CHECK(span_of(run_systemc(p, c), Queue::store) == Span{47, 68});
  // A second store starts in the cycle after the acknowledgement: 47 + 17 = 64, 65.
  c.mem_cycles_per_beat = 1;
  r = run_systemc(make_program({{tile(store), tile(store)}}), c);
  CHECK(span_of(r, Queue::store, 1) == Span{65, 82});
}

TEST_CASE("folds overlap: the longer of M and R sets the pace") {
  ArchConfig c = small_arch();
  // M = 6 > R: wl0 = 31, a0 = 35, a1 = max(35 + 4, 35 + 6) = 41, r = 41 + 6 - 1 + 4 + 4.
  CHECK(span_of(run_systemc(make_program({{tile(compute_op(6, 8))}}), c), Queue::compute) ==
        Span{31, 54});
  // M = 2 < R: wl1 = a0 = 35, a1 = 35 + 4 = 39, r = 39 + 2 - 1 + 8.
  CHECK(span_of(run_systemc(make_program({{tile(compute_op(2, 8))}}), c), Queue::compute) ==
        Span{31, 48});
  // k_rows = 9 makes a third fold of one row that costs as much: M = 6, a2 = 47, r = 47 + 13.
  CHECK(span_of(run_systemc(make_program({{tile(compute_op(6, 9))}}), c), Queue::compute) ==
        Span{31, 60});
}

TEST_CASE("serial folds take R + M + R + C cycles each") {
  ArchConfig c = small_arch();
  c.hw_fold_overlap = false;
  // 2 folds of 4 + 6 + 4 + 4 = 18 = P + 2 cycles with SCALE-Sim's P = 2R + C + M - 2 = 16.
  RunResult r = run_systemc(make_program({{tile(compute_op(6, 8))}}), c);
  CHECK(span_of(r, Queue::compute) == Span{31, 31 + 36 - 1});
  // The next op's weights follow in the cycle after the last psum: 47 + 18 = 65.
  r = run_systemc(make_program({{tile(compute_op(6, 4)), tile(compute_op(6, 4))}}), c);
  CHECK(span_of(r, Queue::compute, 0) == Span{47, 64});
  CHECK(span_of(r, Queue::compute, 1) == Span{65, 82});
}

TEST_CASE("the next op preloads once the last fold of the one before has begun") {
  const ArchConfig c = small_arch();
  // wl0 = 47, a0 = 51; op 1: wl = max(47 + 4, 51) = 51, a = max(55, 51 + 6) = 57, r = 57 + 13.
  RunResult r = run_systemc(make_program({{tile(compute_op(6, 4)), tile(compute_op(6, 4))}}), c);
  CHECK(span_of(r, Queue::compute, 0) == Span{47, 64});
  CHECK(span_of(r, Queue::compute, 1) == Span{51, 70});
  // Two folds first: a0 = 51, a1 = 57; op 1: wl = max(51 + 4, 57) = 57, a = max(61, 63) = 63.
  r = run_systemc(make_program({{tile(compute_op(6, 8)), tile(compute_op(6, 4))}}), c);
  CHECK(span_of(r, Queue::compute, 0) == Span{47, 70});
  CHECK(span_of(r, Queue::compute, 1) == Span{57, 76});
}

TEST_CASE("an op that becomes ready late starts in its ready cycle") {
  const ArchConfig c = small_arch();
  // Three ops: start 12 + 48 + 3 = 63. The fill (second dispatch) runs from 64 to 64 + n, op 1 is
  // ready one cycle later. Op 0: wl = 63, a = 67, M = 6: the array's input is free from 73 on.
  const auto run = [&](std::int64_t beats) {
    return run_systemc(
        make_program({{tile(compute_op(6, 4)), tile(fill_op(Dest::ifmap, beats), 0, to_compute),
                       tile(compute_op(6, 4), to_load)}}),
        c);
  };
  // n = 2: tokens in 67, wl = max(67, 67) = 67, a = max(71, 73) = 73, r = 73 + 13.
  CHECK(span_of(run(2), Queue::compute, 1) == Span{67, 86});
  // n = 3: wl = 68, a = max(72, 73) = 73.
  CHECK(span_of(run(3), Queue::compute, 1) == Span{68, 86});
  // n = 5: wl = 70, a = max(74, 73) = 74.
  CHECK(span_of(run(5), Queue::compute, 1) == Span{70, 87});
  // n = 30: the token is there in 64 + 30 + 1 = 95, a = 99.
  CHECK(span_of(run(30), Queue::compute, 1) == Span{95, 112});
}

TEST_CASE("post passes") {
  ArchConfig c = small_arch();
  c.hw_post_lanes = 2;
  // 3 channels on 2 lanes: passes of 2 and 1 channels; M = 4; start 31.
  const auto span = [&](const PostOp& op) {
    return span_of(run_systemc(make_program({{tile(op)}}), c), Queue::post);
  };
  // Mode 0: (2 + 4 + 6) + (1 + 4 + 6) = 23.
  CHECK(span(post_op(PostMode::requant, 3, 4)) == Span{31, 54});
  // Mode 1: one more for the add record.
  CHECK(span(post_op(PostMode::requant_add, 3, 4)) == Span{31, 55});
  // Mode 4: 1 + 2 * (4 * 2 + 6) = 29.
  CHECK(span(post_op(PostMode::add, 3, 4)) == Span{31, 60});
  // Mode 5: 2 * (4 + 6) = 20.
  CHECK(span(post_op(PostMode::clamp, 3, 4)) == Span{31, 51});
  PostOp window = post_op(PostMode::max_window, 3, 4);
  window.win_h = 2;
  window.win_w = 3;
  // Mode 2: 2 * (4 * 6 + 6) = 60.
  CHECK(span(window) == Span{31, 91});
  window.mode = static_cast<std::int64_t>(PostMode::sum_window);
  // Mode 3: (2 + 24 + 6) + (1 + 24 + 6) = 63.
  CHECK(span(window) == Span{31, 94});
  // The unit is free in the cycle after a retirement: start 47, r = 47 + 20 = 67, 68.
  const PostOp clamp = post_op(PostMode::clamp, 3, 4);
  const RunResult r = run_systemc(make_program({{tile(clamp), tile(clamp)}}), c);
  CHECK(span_of(r, Queue::post, 1) == Span{68, 88});
}
