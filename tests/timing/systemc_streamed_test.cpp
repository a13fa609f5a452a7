// SPDX-License-Identifier: Apache-2.0
// Output-stationary ops in the SystemC model: values, cycles and events, worked out by hand.
#include <doctest/doctest.h>

#include <cstring>

#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {
using Span = std::pair<Cycle, Cycle>;

/// `pixels` pixels in blocks of 4 that stream k_rows units.
ComputeOp streamed_op(std::int64_t pixels, std::int64_t k_rows) {
  ComputeOp op = compute_op(pixels, k_rows);
  op.dataflow = 1;
  op.log2_group = 0;
  op.slots = k_rows;
  op.folds = (pixels + 3) / 4;
  return op;
}

std::int32_t result_word(const RunResult& result, std::int64_t channel, std::int64_t pixel) {
  std::int32_t value = 0;
  std::memcpy(&value, result.memory.data() + data_at + 4096 + 64 * channel + 4 * pixel,
              sizeof value);
  return value;
}

/// Loads 4 banks of 16 bytes and `weights`, runs the ops and stores the psums.
RunResult run_ops(const std::vector<ComputeOp>& ops, const std::vector<std::uint8_t>& banks,
                  const std::vector<std::uint8_t>& weights, const ArchConfig& config) {
  std::vector<std::uint8_t> data = banks;
  data.resize(64);
  data.insert(data.end(), weights.begin(), weights.end());
  LoadOp ifmap = load_op(Dest::ifmap, 16);
  ifmap.planes = 4;
  ifmap.plane_stride = 16;
  ifmap.log2_group = 2;
  const auto bytes = static_cast<std::int64_t>(weights.size());
  std::vector<TileOp> tiles{tile(ifmap),
                            tile(load_op(Dest::weight, bytes, data_at + 64), 0, to_compute)};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    tiles.push_back(tile(ops[i], i == 0 ? to_load : 0, i + 1 == ops.size() ? to_post : 0));
  }
  const std::int64_t pixels = ops.back().out_w;
  StoreOp store = store_op(pixels * 4);
  store.planes = 4;
  store.plane_stride = 64;
  store.half = 1;
  tiles.push_back(tile(post_op(PostMode::requant, 4, pixels), to_compute, to_store));
  tiles.push_back(tile(store, to_post));
  return run_systemc(make_program({tiles}, data), config);
}

Span compute_span(const std::vector<ComputeOp>& ops, const ArchConfig& config,
                  std::uint32_t seq = 0) {
  std::vector<TileOp> tiles;
  for (const ComputeOp& op : ops) tiles.push_back(tile(op));
  return span_of(run_systemc(make_program({tiles}), config), Queue::compute, seq);
}

}  // namespace

TEST_CASE("a block of pixels stays in the array while the units stream") {
  // Bank r, byte x is 10 r + x; pixel m reads bank m mod 4 at m + k for unit k.
  std::vector<std::uint8_t> banks;
  for (int r = 0; r < 4; ++r) {
    for (int x = 0; x < 16; ++x) banks.push_back(static_cast<std::uint8_t>(10 * r + x));
  }
  ComputeOp op = streamed_op(6, 3);
  op.slot_stride = 1;
  const std::vector<std::uint8_t> weights{1, 0, 2, 0xff, 1, 0, 0, 0xff, 1, 3, 0, 0};
  const RunResult r = run_ops({op}, banks, weights, flexible_arch());
  for (std::int64_t m = 0; m < 6; ++m) {
    CAPTURE(m);
    const auto v = static_cast<std::int32_t>(10 * (m % 4) + m);
    CHECK(result_word(r, 0, m) == 3 * v + 3);
    CHECK(result_word(r, 1, m) == 3 * (v + 2));
    CHECK(result_word(r, 2, m) == 2 * v);
    CHECK(result_word(r, 3, m) == -(2 * v + 1));
  }
  const EventCounts e = record_of(r, Queue::compute).events;
  CHECK(e[Event::weight_rd] == 6);  // both blocks stream all three units
  CHECK(e[Event::index_rd] == 0);
  CHECK(e[Event::ifmap_rd] == 18);
  CHECK(e[Event::pe_weight] == 96);
  CHECK(e[Event::pe_active] == 96);
  CHECK(e[Event::psum_wr] == 24);
  CHECK(e[Event::psum_rd] == 0);
  CHECK(e[Event::act_zero] == 1);  // pixel 0, unit 0
  CHECK(e[Event::mac_gated] == 0);
  CHECK(e[Event::acc_overflow] == 0);

  ComputeOp more = op;
  more.accumulate = 1;
  const RunResult twice = run_ops({op, more}, banks, weights, flexible_arch());
  CHECK(result_word(twice, 0, 5) == 2 * (3 * 15 + 3));
  CHECK(record_of(twice, Queue::compute, 1).events[Event::psum_rd] == 24);
}

TEST_CASE("an accumulator of a PE takes one unit after the other") {
  ArchConfig c = flexible_arch();
  c.hw_acc_bits = 12;
  c.hw_acc_overflow = "saturate";
  const std::vector<std::uint8_t> banks(64, 100);
  // 100 * (20 + 20 - 20): 2000, saturated 2047, 47. The other columns have 0.
  const std::vector<std::uint8_t> weights{20, 0, 0, 0, 20, 0, 0, 0, 0xec, 0, 0, 0};
  RunResult r = run_ops({streamed_op(5, 3)}, banks, weights, c);
  CHECK(result_word(r, 0, 4) == 47);
  CHECK(record_of(r, Queue::compute).events[Event::acc_overflow] == 5);
  // A weight-stationary fold adds the exact sum.
  ComputeOp held = compute_op(5, 3);
  CHECK(result_word(run_ops({held}, banks, weights, c), 0, 4) == 2000);
  // The drain saturates too: 47 + 2000 (held first), 2047 + ... only then.
  ComputeOp more = streamed_op(5, 3);
  more.accumulate = 1;
  r = run_ops({held, more, more}, banks, weights, c);
  CHECK(result_word(r, 0, 4) == 2047);
  CHECK(record_of(r, Queue::compute, 1).events[Event::acc_overflow] == 5);
  CHECK(record_of(r, Queue::compute, 2).events[Event::acc_overflow] == 10);
}

TEST_CASE("lanes and N:M weights stream as well") {
  ComputeOp op = streamed_op(6, 4);
  op.act_pack = op.wgt_pack = 1;
  op.act_bits = op.wgt_bits = 4;
  op.act_signed = 0;
  op.log2_bundle = 1;
  op.log2_m = 1;
  op.slots = 4;
  op.step_x = 2;
  // A bundle is two words with (1, 2) and (3, 4): lane 0 chooses from 1, 2, lane 1 from 3, 4. The
  // index half is unwritten, so both take candidate 0: 4 units * (1 * 1 + 3 * 2).
  const std::vector<std::uint8_t> banks = [] {
    std::vector<std::uint8_t> bytes;
    for (int i = 0; i < 32; ++i) bytes.insert(bytes.end(), {0x21, 0x43});
    return bytes;
  }();
  const RunResult r = run_ops({op}, banks, std::vector<std::uint8_t>(16, 0x21), flexible_arch());
  CHECK(result_word(r, 0, 0) == 28);
  CHECK(result_word(r, 3, 5) == 28);
  CHECK(record_of(r, Queue::compute).events[Event::weight_rd] == 8);
  CHECK(record_of(r, Queue::compute).events[Event::index_rd] == 8);
  CHECK(record_of(r, Queue::compute).events[Event::ifmap_rd] == 24);
}

TEST_CASE("output-stationary folds overlap: the longer of K and R sets the pace") {
  const ArchConfig c = flexible_arch();
  // wl0 = 31, a0 = 33, N = max(3, 4); wl1 = 35, a1 = max(37, 33 + 4) = 37, r = 37 + 4 + 8 + 4 - 2.
  CHECK(compute_span({streamed_op(6, 3)}, c) == Span{31, 51});
  // N = 9: a1 = 33 + 9 = 42, r = 42 + 9 + 10.
  CHECK(compute_span({streamed_op(6, 9)}, c) == Span{31, 61});
  // A third block: wl2 = max(35 + 4, a1 = 42) = 42, a2 = 51.
  CHECK(compute_span({streamed_op(12, 9)}, c) == Span{31, 70});
  // The next op follows when the last block of the one before has begun: two ops, wl0 = 47,
  // a0 = 49, wl1 = 51, a1 = 58; wl = max(55, 58) = 58, a = 67, last a = 67 + 9, r = 76 + 19.
  CHECK(compute_span({streamed_op(6, 9), streamed_op(6, 9)}, c, 1) == Span{58, 95});
}

TEST_CASE("serial output-stationary folds take K + 2R + C + 1 cycles each") {
  ArchConfig c = flexible_arch();
  c.hw_fold_overlap = false;
  // 3 + 8 + 4 + 1 = 16 = P + 3 with SCALE-Sim's P = 2R + C + K - 2 = 13; two folds.
  CHECK(compute_span({streamed_op(6, 3)}, c) == Span{31, 31 + 31});
  CHECK(compute_span({streamed_op(4, 9)}, c) == Span{31, 31 + 21});
  // The next op starts behind the cycle of the last psum write.
  CHECK(compute_span({streamed_op(6, 3), streamed_op(6, 3)}, c, 1) == Span{79, 110});
}

TEST_CASE("the dataflow changes in an empty array") {
  ArchConfig c = flexible_arch();
  const std::vector<ComputeOp> ops{compute_op(6, 4), streamed_op(6, 3), compute_op(6, 4)};
  // Overlap: three ops start in 63, a0 = 67, r = 80. wl = 81, a0 = 83, wl1 = 85, a1 = 87, r = 101.
  // wl = 102, a = 106, r = 106 + 13.
  CHECK(compute_span(ops, c, 0) == Span{63, 80});
  CHECK(compute_span(ops, c, 1) == Span{81, 101});
  CHECK(compute_span(ops, c, 2) == Span{102, 119});
  // Serial: 18 cycles, r = 80; 32 cycles from 81 on, r = 112; 18 cycles from 113 on.
  c.hw_fold_overlap = false;
  CHECK(compute_span(ops, c, 0) == Span{63, 80});
  CHECK(compute_span(ops, c, 1) == Span{81, 112});
  CHECK(compute_span(ops, c, 2) == Span{113, 130});
}
