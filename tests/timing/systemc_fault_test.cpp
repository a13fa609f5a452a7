// SPDX-License-Identifier: Apache-2.0
// Each seeded fault (models/systemc/faults.md) must show in a comparison with the fast back end,
// or stop the run. Without TACTUS_FAULTS the number must have no effect.
#include <doctest/doctest.h>

#include <string>

#include "backend/retire_checker.hpp"
#include "fast/fast_backend.hpp"
#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

void put(std::vector<std::uint8_t>& data, std::size_t at, const EncodedRecord& record) {
  std::copy(record.begin(), record.end(), data.begin() + static_cast<std::ptrdiff_t>(at));
}

/// A program that uses every part of the hardware which a fault touches.
Program all_parts() {
  std::vector<std::uint8_t> data(1024);
  for (std::size_t i = 0; i < 512; ++i) data[i] = static_cast<std::uint8_t>(37 * i + 11);
  for (std::size_t c = 0; c < 4; ++c) {
    // Shift 1 with mult 1: every odd sum is a tie.
    put(data, 512 + c * record_bytes, encode(ChannelRecord{static_cast<std::int64_t>(c), 1, 1, 0}));
  }
  AddRecord add;
  add.ma = add.mb = 1;
  add.clamp_min = -100000;
  add.clamp_max = 100000;
  put(data, 512 + 4 * record_bytes, encode(add));

  LoadOp ifmap = load_op(Dest::ifmap, 16);
  ifmap.planes = 4;
  ifmap.plane_stride = 64;
  ifmap.lines = 2;
  ifmap.line_stride = 16;
  ifmap.dst_line_stride = 4;
  ifmap.log2_group = 2;
  const LoadOp weight = load_op(Dest::weight, 64, data_at + 256);
  const LoadOp param = load_op(Dest::param, 5 * record_bytes, data_at + 512);
  // A 2x2 kernel over 4 channels: four folds; the second op adds to the first one's psums.
  ComputeOp compute = compute_op(6, 16);
  compute.slots = 1;
  compute.kernel_w = 2;
  compute.step_kx = 1;
  compute.step_ky = 16;
  compute.act_zp = 5;
  ComputeOp more = compute;
  more.accumulate = 1;
  PostOp requant = post_op(PostMode::requant, 4, 6);
  requant.convention = static_cast<std::int64_t>(Convention::mul_shift);
  requant.clamp_min = -5000;
  requant.clamp_max = 5000;
  PostOp clamp = post_op(PostMode::clamp, 4, 6);
  clamp.src_half = 1;
  clamp.src_log2_bytes = 2;
  clamp.src_step_x = 4;
  clamp.dst_half = 0;
  StoreOp store = store_op(7);
  store.planes = 4;
  store.plane_stride = 16;
  store.src_base = 1;
  const TileOp release = tile(post_op(PostMode::clamp, 1, 1), 0, to_store);
  return make_program(
      {{tile(ifmap), tile(weight), tile(param, 0, to_compute | to_post), tile(compute, to_load),
        tile(more, 0, to_post), tile(requant, to_load | to_compute), tile(clamp, 0, to_store),
        tile(store, to_post), release, tile(store, to_post), tile(fill_op(Dest::ifmap, 30)),
        tile(fill_op(Dest::ifmap, 9)), tile(fill_op(Dest::ifmap, 9)), tile(store)}},
      data);
}

/// A program of packed words, N:M weights and both dataflows.
Program all_operands() {
  std::vector<std::uint8_t> data(256);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(89 * i + 47);
  LoadOp load = load_op(Dest::ofmap, 8);
  load.log2_pack = load.log2_bundle = 1;
  load.unpack_signed = 1;
  PostOp pack = post_op(PostMode::clamp, 4, 4);
  pack.dst = 1;
  pack.dst_half = 0;
  pack.dst_log2_bytes = 0;
  pack.dst_log2_pack = pack.dst_log2_bundle = 1;
  // Two lanes, each with one of two candidates.
  ComputeOp held = compute_op(2, 4);
  held.act_pack = held.wgt_pack = 1;
  held.act_bits = held.wgt_bits = 4;
  held.log2_bundle = held.log2_m = 1;
  held.step_x = held.slot_stride = 2;
  held.log2_group = 0;
  held.slots = 4;
  ComputeOp streamed = held;
  streamed.dataflow = 1;
  streamed.psum_half = 1;
  PostOp post = post_op(PostMode::requant, 4, 2);
  post.psum_half = 1;
  post.dst_log2_bytes = 0;
  StoreOp store = store_op(2);
  store.half = 1;
  store.log2_pack = 1;
  store.bank0 = 2;
  store.channels = 2;
  return make_program(
      {{tile(load, 0, to_post), tile(load_op(Dest::weight, 16, data_at + 16)),
        tile(load_op(Dest::index, 8, data_at + 32), 0, to_compute), tile(pack, to_load, to_compute),
        tile(held, to_load | to_post), tile(streamed, 0, to_post), tile(post, to_compute, to_store),
        tile(store, to_post)}},
      data);
}

ArchConfig fault_arch() {
  ArchConfig c = small_arch();
  c.hw_queue_depth = 2;
  c.hw_acc_bits = 14;
  c.hw_acc_overflow = "saturate";
  return c;
}

constexpr int first_operand_fault = 117, last_fault = 122;

/// Empty when the run with the fault equals the fast back end's.
std::string symptom(const Program& p, const ArchConfig& c, int fault) {
  const RunResult expected = make_fast_backend()->run(p, c, p.image, {});
  RunOptions options;
  options.fault = fault;
  try {
    return compare(p, expected, "fast", run_systemc(p, c, options), "systemc").text;
  } catch (const BadInput& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("the programs of the fault test run without a difference") {
  CHECK(symptom(all_parts(), fault_arch(), 0) == "");
  CHECK(symptom(all_operands(), flexible_arch(), 0) == "");
}

TEST_CASE("each seeded fault is found") {
  for (int fault = 101; fault <= last_fault; ++fault) {
    CAPTURE(fault);
    const std::string found = fault < first_operand_fault
                                  ? symptom(all_parts(), fault_arch(), fault)
                                  : symptom(all_operands(), flexible_arch(), fault);
#ifdef TACTUS_FAULTS
    CHECK(found != "");
#else
    CHECK(found == "");
#endif
  }
}
