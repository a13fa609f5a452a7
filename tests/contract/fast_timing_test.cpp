// SPDX-License-Identifier: Apache-2.0
// Cycles of the fast back end against figures worked out by hand from models/README.md.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

RunOptions timing_only() {
  RunOptions options;
  options.timing_only = true;
  return options;
}

/// Start and retire of fold sequences, fold by fold as models/README.md writes it.
struct FoldByFold {
  std::int64_t wl = 0, a = 0, m = 0;
  bool used = false;
  std::int64_t start = 0, retire = 0;
  void op(std::int64_t pixels, std::int64_t folds, std::int64_t ready, bool overlap) {
    constexpr std::int64_t rows = 4, cols = 4;
    for (std::int64_t fold = 0; fold < folds; ++fold) {
      std::int64_t next = fold == 0 ? ready : 0;
      std::int64_t array = 0;
      if (overlap) {
        if (used) next = std::max({next, wl + rows, a});
        array = next + rows;
        if (used) array = std::max(array, a + m);
      } else {
        if (used) next = std::max(next, a + m + rows + cols);
        array = next + rows;
      }
      if (fold == 0) start = next;
      wl = next;
      a = array;
      m = pixels;
      used = true;
    }
    retire = a + m - 1 + rows + cols;
  }
};

}  // namespace

TEST_CASE("a load-compute-post-store chain takes the cycles of the contract") {
  const Program program = make_program({
      tile(load(Dest::ifmap, 0, 4, 6, 2)),
      tile(load(Dest::weight, 64, 1, 16)),
      tile(load(Dest::param, 128, 1, 128), 0, from_compute),
      tile(compute(6, 4, 4), from_load, from_post),
      tile(post(PostMode::requant, 4, 6), from_compute, from_store),
      tile(store(256, 4, 6), from_post),
  });
  const RunResult result = run(program, small_config(), timing_only());
  // Boot: 6 * 64 / 4 = 96 beats, b = 10 + 192 = 202; op i is dispatched in 204 + i.
  const auto is = [&](Queue queue, std::uint32_t seq, Cycle start, Cycle retire) {
    CHECK(record(result, queue, seq).start == start);
    CHECK(record(result, queue, seq).cycle == retire);
  };
  is(Queue::load, 0, 205, 231);     // 8 beats: 10 + 16
  is(Queue::load, 1, 232, 250);     // 4 beats: 10 + 8
  is(Queue::load, 2, 251, 325);     // 32 beats: 10 + 64
  is(Queue::compute, 0, 326, 343);  // a = 330, last write 330 + 5 + 4 + 4
  is(Queue::post, 0, 344, 360);     // 4 records + 6 taps + 6
  is(Queue::store, 0, 361, 388);    // 1 + 8 * 2 + 10
  CHECK(result.cycles == 389);
}

TEST_CASE("mem.ideal makes latency and interval 1") {
  ArchConfig config = small_config();
  config.mem_ideal = true;
  const RunResult result =
      run(make_program({tile(load(Dest::ifmap, 0, 4, 6, 2))}), config, timing_only());
  // Boot: 16 beats, b = 17; dispatch 19, start 20, 8 beats.
  CHECK(record(result, Queue::load, 0).start == 20);
  CHECK(record(result, Queue::load, 0).cycle == 29);
}

TEST_CASE("folds follow the recurrence fold by fold") {
  struct Case {
    std::int64_t pixels, folds;
  };
  for (const bool overlap : {true, false}) {
    ArchConfig config = small_config();
    config.hw_fold_overlap = overlap;
    std::vector<TileOp> ops;
    const std::vector<Case> cases{{1, 1}, {1, 3}, {9, 1}, {2, 4}, {4, 2}, {9, 5}, {1, 1}, {30, 2}};
    for (const Case& c : cases) ops.push_back(tile(compute(c.pixels, 4 * c.folds, 4)));
    const RunResult result = run(make_program(ops), config, timing_only());
    // Boot: 8 * 64 / 4 beats.
    std::int64_t dispatch = 10 + 128 * 2 + 2;
    FoldByFold array;
    std::vector<std::int64_t> starts;
    for (std::uint32_t i = 0; i < cases.size(); ++i) {
      if (i > 0) ++dispatch;
      if (i >= 2) dispatch = std::max(dispatch, starts[i - 2] + 1);
      array.op(cases[i].pixels, cases[i].folds, dispatch + 1, overlap);
      starts.push_back(array.start);
      CAPTURE(overlap);
      CAPTURE(i);
      CHECK(record(result, Queue::compute, i).start == static_cast<Cycle>(array.start));
      CHECK(record(result, Queue::compute, i).cycle == static_cast<Cycle>(array.retire));
    }
  }
}

TEST_CASE("one op of serial folds occupies folds * (R + M + R + C) cycles") {
  ArchConfig config = small_config();
  config.hw_fold_overlap = false;
  const RunResult result = run(make_program({tile(compute(7, 20, 4))}), config, timing_only());
  const RetireRecord& r = record(result, Queue::compute, 0);
  CHECK(r.cycle - r.start + 1 == 5 * (4 + 7 + 4 + 4));
}

TEST_CASE("a full queue blocks the dispatch of ops of other queues behind it") {
  FillOp fill;
  fill.dest = static_cast<std::int64_t>(Dest::ifmap);
  fill.beats = 100;
  const Program program =
      make_program({tile(fill), tile(fill), tile(fill), tile(fill), tile(compute(1, 4, 4))});
  const RunResult result = run(program, small_config(), timing_only());
  // Boot 80 beats: b = 170, d0 = 172, fills start in 173, 274, 375, 476. The fourth fill needs the
  // second to have started: d3 = 275, so the compute op is dispatched in 276.
  CHECK(record(result, Queue::load, 0).cycle == 273);
  CHECK(record(result, Queue::load, 3).start == 476);
  CHECK(record(result, Queue::compute, 0).start == 277);
}

TEST_CASE("a later segment waits for its load") {
  std::vector<TileOp> ops{tile(load(Dest::inst, 0, 1, 64)), tile(compute(1, 4, 4)),
                          tile(compute(1, 4, 4))};
  ops[1].seg_end = true;
  const RunResult result = run(make_program(ops), small_config(), timing_only());
  // Boot 32 beats: b = 74, d = 76, 77; the load starts in 77 and retires in 77 + 10 + 32 = 119, so
  // the op of segment 1 is dispatched in 121.
  CHECK(record(result, Queue::load, 0).cycle == 119);
  CHECK(record(result, Queue::compute, 0).start == 78);
  CHECK(record(result, Queue::compute, 1).start == 122);
}

TEST_CASE("a loaded segment goes on two cycles behind the last dispatch of the one before") {
  ArchConfig config = small_config();
  config.mem_ideal = true;
  FillOp fill;
  fill.beats = 100;
  // Boot 4 * 16 beats: b = 65, d = 67, 68. The instruction load runs from 68 to 85. The fills need
  // room: d2 = 69 (op 0 started in 68); d3 = 87 (the first fill starts in 86).
  std::vector<TileOp> ops{tile(load(Dest::inst, 0, 1, 64)), tile(fill), tile(fill), tile(fill),
                          tile(compute(1, 4, 4))};
  ops[3].seg_end = true;
  const RunResult result = run(make_program(ops), config, timing_only());
  CHECK(record(result, Queue::load, 0).cycle == 85);
  CHECK(record(result, Queue::load, 1).start == 86);
  CHECK(record(result, Queue::compute, 0).start == 90);
}

TEST_CASE("post passes, records and taps") {
  ArchConfig config = small_config();
  config.hw_post_lanes = 2;
  PostOp pool = post(PostMode::max_window, 5, 6);
  pool.win_h = 3;
  pool.win_w = 2;
  PostOp mean = pool;
  mean.mode = static_cast<std::int64_t>(PostMode::sum_window);
  const std::vector<std::pair<PostOp, Cycle>> cases{
      {post(PostMode::requant, 4, 6), 4 + 2 * (6 + 6)},
      {post(PostMode::requant_add, 3, 6), 1 + 3 + 2 * (6 + 6)},
      {pool, 3 * (36 + 6)},
      {mean, 5 + 3 * (36 + 6)},
      {post(PostMode::add, 5, 6), 1 + 3 * (12 + 6)},
      {post(PostMode::clamp, 1, 6), 6 + 6}};
  for (const auto& [op, duration] : cases) {
    const RunResult result = run(make_program({tile(op)}), config, timing_only());
    const RetireRecord& r = record(result, Queue::post, 0);
    CAPTURE(op.mode);
    CHECK(r.cycle - r.start == duration);
  }
}

TEST_CASE("tokens are counted: the second wait takes the second push") {
  FillOp fill;
  fill.beats = 50;
  const Program program = make_program({
      tile(fill, 0, from_compute),
      tile(fill, 0, from_compute),
      tile(compute(1, 4, 4), from_load),
      tile(compute(1, 4, 4), from_load),
  });
  const RunResult result = run(program, small_config(), timing_only());
  // Boot 64 beats: b = 138, d0 = 140; fills 141..191 and 192..242.
  CHECK(record(result, Queue::compute, 0).start == 192);
  CHECK(record(result, Queue::compute, 1).start == 243);
}

TEST_CASE("deadlocks are reported with op, queue and token") {
  const auto message = [](const Program& program) {
    try {
      static_cast<void>(run(program, small_config(), timing_only()));
    } catch (const BadInput& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  FillOp fill;
  fill.beats = 1;
  CHECK(message(make_program({tile(fill), tile(compute(1, 4, 4), from_load)})) ==
        "the program deadlocks: op 1, number 0 of queue compute, waits for token 1 from queue "
        "load, which pushed only 0 (2 of 2 ops were dispatched)");
  std::vector<TileOp> ops{tile(fill), tile(fill)};
  ops[0].seg_end = true;
  CHECK(message(make_program(ops)) ==
        "the program deadlocks: segment 1 is never loaded, because only 0 load ops went to the "
        "instruction buffer before op 1");
}

TEST_CASE("the watchdog counts cycles without a retire") {
  FillOp fill;
  fill.beats = 1000;
  const Program program = make_program({tile(fill)});
  RunOptions options = timing_only();
  options.watchdog_cycles = 100;
  CHECK_THROWS_AS(static_cast<void>(run(program, small_config(), options)), BadInput);
  options.watchdog_cycles = 2000;
  CHECK(run(program, small_config(), options).cycles > 1000);
}

TEST_CASE("events that the shape determines") {
  const auto events = [](const TileOp& op, Queue queue) {
    return record(run(make_program({op}), small_config(), timing_only()), queue, 0).events;
  };
  EventCounts e = events(tile(load(Dest::ifmap, 0, 3, 22, 1)), Queue::load);
  CHECK(e[Event::mem_rd_req] == 6);  // lines of 6 beats, bursts of 4 and 2
  CHECK(e[Event::mem_rd_beat] == 18);
  CHECK(e[Event::ifmap_wr] == 36);  // each beat goes to 2 of 4 banks
  e = events(tile(load(Dest::weight, 0, 1, 16)), Queue::load);
  CHECK(e[Event::weight_wr] == 4);
  CHECK(e[Event::ifmap_wr] == 0);
  ComputeOp op = compute(7, 10, 3);
  e = events(tile(op), Queue::compute);
  CHECK(e[Event::weight_rd] == 10);
  CHECK(e[Event::pe_weight] == 48);
  CHECK(e[Event::ifmap_rd] == 70);
  CHECK(e[Event::pe_active] == 336);
  CHECK(e[Event::psum_wr] == 63);
  CHECK(e[Event::psum_rd] == 42);
  op.accumulate = 1;
  CHECK(events(tile(op), Queue::compute)[Event::psum_rd] == 63);
  PostOp to_ifmap = post(PostMode::requant_add, 3, 5);
  to_ifmap.dst = 1;
  to_ifmap.dst_log2_group = 0;
  e = events(tile(to_ifmap), Queue::post);
  CHECK(e[Event::param_rd] == 4);
  CHECK(e[Event::psum_rd] == 15);
  CHECK(e[Event::ofmap_rd] == 15);
  CHECK(e[Event::ifmap_wr] == 60);
  CHECK(e[Event::post_op] == 15);
  e = events(tile(store(0, 3, 6)), Queue::store);
  CHECK(e[Event::mem_wr_beat] == 6);
  CHECK(e[Event::ofmap_rd] == 6);
}
