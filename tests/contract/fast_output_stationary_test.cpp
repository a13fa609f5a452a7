// SPDX-License-Identifier: Apache-2.0
// The output-stationary mode of the fast back end, with cycles, values and events by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

constexpr std::int64_t weight_at = 256;

ArchConfig both_dataflows(bool overlap) {
  ArchConfig config = small_config();
  config.hw_dataflows = "ws_os";
  config.hw_fold_overlap = overlap;
  return config;
}

/// One line of pixels, a unit per slot; every bank holds all planes.
ComputeOp stationary(std::int64_t pixels, std::int64_t k_rows, std::int64_t cols) {
  ComputeOp op = compute(pixels, k_rows, cols);
  op.dataflow = 1;
  op.log2_group = 0;
  op.slots = k_rows;
  op.folds = (pixels + 3) / 4;
  return op;
}

RunResult run_ops(const std::vector<ComputeOp>& computes, const std::vector<std::uint8_t>& image,
                  const ArchConfig& config, std::int64_t planes, std::int64_t pixels) {
  std::vector<TileOp> ops{tile(load(Dest::ifmap, 0, planes, pixels)),
                          tile(load(Dest::weight, weight_at, 1, 64), 0, from_compute)};
  for (const ComputeOp& op : computes) ops.push_back(tile(op));
  ops[2].wait = from_load;
  return run(make_program(ops, image), config);
}

/// One pixel, x times each weight of column 0.
RetireRecord run_sum(const std::vector<int>& weights, const char* policy, int times) {
  ArchConfig config = both_dataflows(true);
  config.hw_acc_bits = 12;
  config.hw_acc_overflow = policy;
  std::vector<std::uint8_t> image(4096);
  const auto k = static_cast<std::int64_t>(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    image[4 * i] = 250;
    image[weight_at + 4 * i] = static_cast<std::uint8_t>(weights[i]);
  }
  std::vector<ComputeOp> ops(static_cast<std::size_t>(times), stationary(1, k, 1));
  for (std::size_t i = 1; i < ops.size(); ++i) ops[i].accumulate = 1;
  return record(run_ops(ops, image, config, k, 1), Queue::compute,
                static_cast<std::uint32_t>(times - 1));
}

}  // namespace

TEST_CASE("output-stationary folds: values, cycles and events") {
  std::vector<std::uint8_t> image(4096);
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t m = 0; m < 6; ++m) {
      image[8 * k + m] = static_cast<std::uint8_t>(10 * k + m);
    }
    for (std::size_t c = 0; c < 4; ++c) {
      image[weight_at + 4 * k + c] = static_cast<std::uint8_t>(k + 2 * c);
    }
  }
  std::uint64_t digest = 0;
  for (std::uint64_t m = 0; m < 6; ++m) {
    for (std::uint64_t c = 0; c < 4; ++c) {
      digest += mix(4 * m + c, m * 2 * c + (10 + m) * (1 + 2 * c) + (20 + m) * (2 + 2 * c));
    }
  }
  for (const bool overlap : {true, false}) {
    const RunResult result = run_ops({stationary(6, 3, 4)}, image, both_dataflows(overlap), 3, 6);
    const RetireRecord& r = record(result, Queue::compute, 0);
    CHECK(r.digest == digest);
    // Overlap: N = 4, a = 2 and 6, 6 + 4 + 2 * 4 + 4 - 2. Serial: two folds of 3 + 2 * 4 + 4 + 1.
    CHECK(r.cycle - r.start == (overlap ? 20 : 31));
    CHECK(r.events[Event::weight_rd] == 6);
    CHECK(r.events[Event::index_rd] == 0);
    CHECK(r.events[Event::ifmap_rd] == 18);
    CHECK(r.events[Event::act_zero] == 1);
    CHECK(r.events[Event::pe_weight] == 96);
    CHECK(r.events[Event::pe_active] == 96);
    CHECK(r.events[Event::psum_wr] == 24);
    CHECK(r.events[Event::psum_rd] == 0);
  }
  ComputeOp again = stationary(6, 3, 4);
  again.accumulate = 1;
  const RunResult result = run_ops({stationary(6, 3, 4), again}, image, both_dataflows(true), 3, 6);
  CHECK(record(result, Queue::compute, 1).events[Event::psum_rd] == 24);
}

TEST_CASE("each row reads its own bank") {
  // Planes go to alternate banks, so odd pixels of plane 0 read plane 1.
  std::vector<std::uint8_t> image(4096);
  for (std::size_t m = 0; m < 4; ++m) {
    image[m] = static_cast<std::uint8_t>(1 + m);
    image[4 + m] = static_cast<std::uint8_t>(51 + m);
  }
  image[weight_at] = 1;
  const RunResult result =
      run(make_program({tile(load(Dest::ifmap, 0, 2, 4, 1)),
                        tile(load(Dest::weight, weight_at, 1, 4), 0, from_compute),
                        tile(stationary(4, 1, 1), from_load)},
                       image),
          both_dataflows(true));
  CHECK(record(result, Queue::compute, 0).digest ==
        mix(0, 1) + mix(4, 52) + mix(8, 3) + mix(12, 54));
}

TEST_CASE("output-stationary folds follow the recurrence fold by fold") {
  struct Case {
    std::int64_t dataflow, pixels, k_rows;
  };
  const std::vector<Case> cases{{1, 9, 1}, {1, 4, 7}, {1, 13, 4}, {0, 5, 9}, {0, 9, 3},
                                {1, 1, 1}, {1, 1, 1}, {1, 30, 6}, {0, 1, 1}, {1, 5, 20}};
  for (const bool overlap : {true, false}) {
    std::vector<TileOp> ops;
    for (const Case& c : cases) {
      ops.push_back(tile(c.dataflow == 1 ? stationary(c.pixels, c.k_rows, 4)
                                         : compute(c.pixels, c.k_rows, 4)));
    }
    ArchConfig config = both_dataflows(overlap);
    config.hw_queue_depth = 16;
    config.hw_segment_ops = 16;
    RunOptions options;
    options.timing_only = true;
    const RunResult result = run(make_program(ops), config, options);
    constexpr std::int64_t rows = 4, cols = 4;
    std::int64_t wl = 0, a = 0, length = 0, end = 0, retire = 0, dataflow = 0;
    bool used = false;
    for (std::uint32_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      const bool os = c.dataflow == 1;
      const std::int64_t folds = os ? (c.pixels + 3) / 4 : (c.k_rows + 3) / 4;
      // Boot: 10 ops of 64 bytes, 10 + 160 * 2; op i is dispatched in b + 2 + i.
      std::int64_t start = 0;
      for (std::int64_t fold = 0; fold < folds; ++fold) {
        std::int64_t next = fold == 0 ? 10 + 320 + 3 + std::int64_t{i} : 0;
        if (fold == 0 && used && dataflow != c.dataflow) next = std::max(next, retire + 1);
        if (used && overlap) next = std::max({next, wl + rows, a});
        if (used && !overlap) next = std::max(next, end);
        const std::int64_t lead = os ? 2 : rows;
        const std::int64_t stream =
            used && overlap ? std::max(next + lead, a + length) : next + lead;
        if (fold == 0) start = next;
        wl = next;
        a = stream;
        length = os ? (overlap ? std::max(c.k_rows, rows) : c.k_rows) : c.pixels;
        end = os ? a + length + 2 * rows + cols - 1 : a + length + rows + cols;
        used = true;
      }
      retire = os ? a + length + 2 * rows + cols - 2 : a + length - 1 + rows + cols;
      dataflow = c.dataflow;
      CAPTURE(overlap);
      CAPTURE(i);
      CHECK(record(result, Queue::compute, i).start == static_cast<Cycle>(start));
      CHECK(record(result, Queue::compute, i).cycle == static_cast<Cycle>(retire));
    }
  }
}

TEST_CASE("the overflow policy applies once per unit and at the drain") {
  // 250 * 8 = 2000; 12 bits hold -2048 .. 2047.
  RetireRecord r = run_sum({8, 8, 0xF8}, "saturate", 1);
  CHECK(r.digest == mix(0, 47));
  CHECK(r.events[Event::acc_overflow] == 1);
  r = run_sum({8, 8, 0xF8}, "wrap", 1);
  CHECK(r.digest == mix(0, 2000));
  CHECK(r.events[Event::acc_overflow] == 2);
  r = run_sum({8}, "saturate", 2);  // 2000 + 2000 at the drain
  CHECK(r.digest == mix(0, 2047));
  CHECK(r.events[Event::acc_overflow] == 1);
  // The accumulator starts at 0 in each op, so only the drain overflows.
  r = run_sum({8, 0xF8, 8}, "error", 2);
  CHECK(r.digest == mix(0, 4000 - 4096));
  CHECK(r.events[Event::acc_overflow] == 1);
}
