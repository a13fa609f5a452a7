// SPDX-License-Identifier: Apache-2.0
// Small hand-made programs for the tests of the fast back end.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "backend/backend.hpp"
#include "fast/fast_backend.hpp"
#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "program/program.hpp"

namespace tactus::fast_test {

inline constexpr std::uint8_t from_load = 1, from_compute = 2, from_post = 4, from_store = 8;

/// As models/README.md spells it; negative values are sign-extended.
template <class Address, class Value>
std::uint64_t mix(Address a, Value v) {
  const std::uint64_t h =
      (static_cast<std::uint64_t>(v) ^ (static_cast<std::uint64_t>(a) * 0x9E3779B97F4A7C15U)) *
      0xC2B2AE3D27D4EB4FU;
  return h ^ (h >> 32U);
}

/// 4 x 4 array, beats of 4 bytes, L = 10, I = 2.
inline ArchConfig small_config() {
  ArchConfig config;
  config.hw_array_rows = 4;
  config.hw_array_cols = 4;
  config.hw_post_lanes = 4;
  config.hw_queue_depth = 2;
  config.hw_segment_ops = 8;
  config.mem_data_bits = 32;
  config.mem_latency_cycles = 10;
  config.mem_cycles_per_beat = 2;
  config.mem_burst_beats = 4;
  return config;
}

template <class Op>
TileOp tile(const Op& body, int wait = 0, int push = 0) {
  TileOp op;
  op.wait = static_cast<std::uint8_t>(wait);
  op.push = static_cast<std::uint8_t>(push);
  op.body = body;
  return op;
}

/// Ends the program behind the last op; all ops up to the first seg_end are segment 0.
inline Program make_program(std::vector<TileOp> ops, std::vector<std::uint8_t> image = {}) {
  Program program;
  ops.back().seg_end = ops.back().prog_end = true;
  for (const TileOp& op : ops) {
    ++program.prog_ops;
    if (op.seg_end) break;
  }
  program.ops = std::move(ops);
  program.image = std::move(image);
  return program;
}

inline RunResult run(const Program& program, const ArchConfig& config, RunOptions options = {}) {
  return make_fast_backend()->run(program, config, program.image, options);
}

inline const RetireRecord& record(const RunResult& result, Queue queue, std::uint32_t seq) {
  for (const RetireRecord& r : result.retired) {
    if (r.queue == queue && r.seq == seq) return r;
  }
  throw InternalError("no such record");
}

/// A load of `lines` lines that stand one behind the other.
inline LoadOp load(Dest dest, std::int64_t address, std::int64_t planes, std::int64_t line_bytes,
                   std::int64_t log2_group = 0) {
  LoadOp op;
  op.dest = static_cast<std::int64_t>(dest);
  op.mem_addr = address;
  op.planes = planes;
  op.plane_stride = (line_bytes + 3) / 4 * 4;
  op.lines = 1;
  op.line_bytes = line_bytes;
  op.log2_group = log2_group;
  op.dst_slot_stride = (line_bytes + 3) / 4;
  return op;
}

/// A compute op on one line of pixels: one slot, 1x1 kernel, a K element per row.
inline ComputeOp compute(std::int64_t pixels, std::int64_t k_rows, std::int64_t cols) {
  ComputeOp op;
  op.out_h = 1;
  op.out_w = pixels;
  op.step_x = 1;
  op.rows_used = 4;
  op.log2_group = 2;
  op.slots = (k_rows + 3) / 4;
  op.slot_stride = (pixels + 3) / 4 * 4;
  op.kernel_w = 1;
  op.k_rows = k_rows;
  op.folds = (k_rows + 3) / 4;
  op.cols = cols;
  op.wgt_signed = 1;
  op.act_bits = op.wgt_bits = 8;
  op.k_complete = 1;
  return op;
}

/// A post op on one line of pixels that reads psums or bytes and writes bytes to the ofmap.
inline PostOp post(PostMode mode, std::int64_t channels, std::int64_t pixels) {
  PostOp op;
  op.mode = static_cast<std::int64_t>(mode);
  op.channels = channels;
  op.out_h = 1;
  op.out_w = pixels;
  op.win_h = op.win_w = 1;
  op.src_step_x = 1;
  op.src_slot_stride = op.dst_slot_stride = (pixels + 3) / 4 * 4;
  op.convention = static_cast<std::int64_t>(Convention::mul_shift);
  op.clamp_min = -128;
  op.clamp_max = 127;
  return op;
}

inline StoreOp store(std::int64_t address, std::int64_t planes, std::int64_t line_bytes) {
  StoreOp op;
  op.mem_addr = address;
  op.planes = planes;
  op.plane_stride = (line_bytes + 3) / 4 * 4;
  op.lines = 1;
  op.line_bytes = line_bytes;
  op.src_slot_stride = (line_bytes + 3) / 4;
  return op;
}

inline void put(std::vector<std::uint8_t>& image, std::size_t address, const EncodedRecord& r) {
  for (std::size_t i = 0; i < r.size(); ++i) image[address + i] = r[i];
}

}  // namespace tactus::fast_test
