// SPDX-License-Identifier: Apache-2.0
// Packed operands are kept from op to op: an op that differs in one field from the one before must
// give what it gives alone.
#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

ArchConfig flexible() {
  ArchConfig config = small_config();
  config.hw_precision = "multi";
  config.hw_nm_patterns = "any";
  config.hw_edge_words = 4;
  config.hw_dataflows = "ws_os";
  config.hw_zero_gating = true;
  config.hw_acc_bits = 48;
  return config;
}

std::vector<std::uint8_t> random_image() {
  std::vector<std::uint8_t> image(4096);
  std::uint64_t state = 23;
  for (std::uint8_t& b : image) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    b = static_cast<std::uint8_t>(state >> 56U & (state >> 48U & 1U ? 0xFFU : 0x0FU));
  }
  return image;
}

/// Runs the ops on the same buffers. Other indices than those at 1024 are loaded before the last.
RetireRecord run_last(const std::vector<ComputeOp>& computes, std::int64_t index_at = 1024) {
  std::vector<TileOp> ops{tile(load(Dest::ifmap, 0, 1, 512)),
                          tile(load(Dest::weight, 2048, 1, 256)),
                          tile(load(Dest::index, 1024, 1, 64), 0, from_compute)};
  for (const ComputeOp& op : computes) ops.push_back(tile(op, ops.size() == 3 ? from_load : 0));
  if (index_at != 1024) {
    const auto last = ops.end() - 1;
    last->wait |= from_load;
    if (computes.size() > 1) {
      (last - 1)->push = from_load;
      ops.insert(last, tile(load(Dest::index, index_at, 1, 64), from_compute, from_compute));
    } else {
      ops[2] = tile(load(Dest::index, index_at, 1, 64), 0, from_compute);
    }
  }
  return record(run(make_program(ops, random_image()), flexible()), Queue::compute,
                static_cast<std::uint32_t>(computes.size() - 1));
}

bool same(const RetireRecord& a, const RetireRecord& b) {
  return a.digest == b.digest && a.events[Event::act_zero] == b.events[Event::act_zero] &&
         a.events[Event::mac_gated] == b.events[Event::mac_gated];
}

/// 4-bit activations and 8-bit weights, 2:4, bundles of two windows.
ComputeOp sparse_op() {
  ComputeOp op = compute(3, 9, 2);
  op.out_h = 2;
  op.log2_group = 0;
  op.act_pack = 1;
  op.act_bits = 4;
  op.log2_bundle = op.log2_m = 2;
  op.nm_last = 1;
  op.ifmap_base = 4;
  op.step_x = 4;
  op.step_y = 16;
  op.slots = op.kernel_w = 2;
  op.slot_stride = 64;
  op.step_kx = 4;
  op.step_ky = 32;
  return op;
}

ComputeOp bit_op() {
  ComputeOp op = compute(3, 6, 2);
  op.log2_group = 0;
  op.act_pack = op.wgt_pack = 3;
  op.act_bits = op.wgt_bits = 1;
  op.slots = 6;
  return op;
}

}  // namespace

TEST_CASE("no field of a compute op is forgotten by the kept operands") {
  using Change = std::function<void(ComputeOp&)>;
  const std::vector<std::pair<std::string, Change>> changes{
      {"ifmap_base", [](ComputeOp& op) { op.ifmap_base = 8; }},
      {"out", [](ComputeOp& op) { std::swap(op.out_h, op.out_w); }},
      {"step_x", [](ComputeOp& op) { op.step_x = 8; }},
      {"step_y", [](ComputeOp& op) { op.step_y = 20; }},
      {"slots", [](ComputeOp& op) { op.slots = 1; }},
      {"slot_stride", [](ComputeOp& op) { op.slot_stride = 60; }},
      {"kernel_w", [](ComputeOp& op) { op.kernel_w = 1; }},
      {"step_kx", [](ComputeOp& op) { op.step_kx = 8; }},
      {"step_ky", [](ComputeOp& op) { op.step_ky = 40, op.start_ky = 1; }},
      {"start_slot", [](ComputeOp& op) { op.start_slot = 1; }},
      {"start_kx", [](ComputeOp& op) { op.start_kx = 1; }},
      {"start_ky", [](ComputeOp& op) { op.start_ky = 1; }},
      {"start_n", [](ComputeOp& op) { op.start_n = 1; }},
      {"start_s", [](ComputeOp& op) { op.start_s = 1; }},
      {"k_rows", [](ComputeOp& op) { op.k_rows = 10; }},
      {"log2_group", [](ComputeOp& op) { op.log2_group = 1; }},
      {"cols", [](ComputeOp& op) { op.cols = 3; }},
      {"weight_base", [](ComputeOp& op) { op.weight_base = 3; }},
      {"index_base", [](ComputeOp& op) { op.index_base = 3; }},
      {"act_signed", [](ComputeOp& op) { op.act_signed = 1; }},
      {"wgt_signed", [](ComputeOp& op) { op.wgt_signed = 0; }},
      {"act_zp", [](ComputeOp& op) { op.act_zp = 3; }},
      {"wgt_zp", [](ComputeOp& op) { op.wgt_zp = 3; }},
      {"act_pack", [](ComputeOp& op) { op.act_pack = 0; }},
      {"wgt_pack", [](ComputeOp& op) { op.wgt_pack = 1; }},
      {"log2_bundle", [](ComputeOp& op) { op.log2_bundle = 1; }},
      {"log2_m", [](ComputeOp& op) { op.log2_m = 3; }},
      {"nm_last", [](ComputeOp& op) { op.nm_last = 2; }},
  };
  const RetireRecord before = run_last({sparse_op()});
  for (const auto& [name, change] : changes) {
    ComputeOp op = sparse_op();
    change(op);
    op.folds = (op.k_rows + 3) / 4;
    CAPTURE(name);
    const RetireRecord alone = run_last({op});
    CHECK_FALSE(same(alone, before));
    CHECK(same(run_last({sparse_op(), op}), alone));
    CHECK(same(run_last({op, sparse_op()}), before));
  }
  for (const bool act : {false, true}) {
    ComputeOp op = bit_op();
    (act ? op.act_bipolar : op.wgt_bipolar) = 1;
    const RetireRecord alone = run_last({op});
    CHECK_FALSE(same(alone, run_last({bit_op()})));
    CHECK(same(run_last({bit_op(), op}), alone));
  }
}

TEST_CASE("other indices are packed anew") {
  const RetireRecord alone = run_last({sparse_op()}, 1536);
  CHECK_FALSE(same(alone, run_last({sparse_op()})));
  CHECK(same(run_last({sparse_op(), sparse_op()}, 1536), alone));
}

TEST_CASE("both dataflows sum the same products") {
  ComputeOp op = sparse_op();
  op.dataflow = 1;
  op.folds = 2;
  CHECK(same(run_last({sparse_op(), op}), run_last({sparse_op()})));
  CHECK(same(run_last({op, sparse_op()}), run_last({op})));
}
