// SPDX-License-Identifier: Apache-2.0
// Hand-made programs for the tests of the SystemC cycle model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "numerics/errors.hpp"
#include "systemc/systemc_backend.hpp"

namespace tactus::testing {

/// R = C = 4, B = 4 bytes, L = 12, I = 1, 16 ops per segment, queues of 4 ops.
inline ArchConfig small_arch() {
  ArchConfig c;
  c.hw_array_rows = c.hw_array_cols = c.hw_post_lanes = 4;
  c.hw_segment_ops = 16;
  c.buf_ifmap_kib = c.buf_ofmap_kib = 16;
  c.buf_weight_kib = c.buf_psum_kib = 8;
  c.buf_param_kib = 2;
  c.mem_data_bits = 32;
  c.mem_latency_cycles = 12;
  return c;
}

/// The same with operands of all widths, N:M weights and both dataflows.
inline ArchConfig flexible_arch() {
  ArchConfig c = small_arch();
  c.hw_precision = "multi";
  c.hw_nm_patterns = "any";
  c.hw_edge_words = 4;
  c.hw_dataflows = "ws_os";
  return c;
}

/// Cycle in which the first op of a program of `ops` ops in one segment starts if nothing holds it
/// back: the boot load of 64 * ops / B beats retires in b = L + beats * I, the op is dispatched in
/// b + 2 and starts in b + 3.
constexpr Cycle first_start(Cycle ops, Cycle latency = 12, Cycle interval = 1, Cycle beat = 4) {
  return latency + 64 * ops / beat * interval + 3;
}

/// Data of the tests starts here; segment 1 of the program, if any, at segment_1.
inline constexpr std::size_t data_at = 8192;
inline constexpr std::size_t segment_1 = 4096;

inline constexpr std::uint8_t to_load = 1, to_compute = 2, to_post = 4, to_store = 8;

template <typename Body>
TileOp tile(Body body, unsigned wait = 0, unsigned push = 0) {
  TileOp op;
  op.wait = static_cast<std::uint8_t>(wait);
  op.push = static_cast<std::uint8_t>(push);
  op.body = body;
  return op;
}

inline LoadOp load_op(Dest dest, std::int64_t bytes, std::int64_t address = data_at) {
  LoadOp op;
  op.mem_addr = address;
  op.planes = op.lines = 1;
  op.line_bytes = bytes;
  op.dest = static_cast<std::int64_t>(dest);
  return op;
}

inline FillOp fill_op(Dest dest, std::int64_t beats, std::int64_t value = 0) {
  FillOp op;
  op.dest = static_cast<std::int64_t>(dest);
  op.beats = beats;
  op.value = value;
  return op;
}

/// `pixels` pixels in one line, `k_rows` K elements in folds of 4, all columns. Each fold reads the
/// same addresses of the four banks.
inline ComputeOp compute_op(std::int64_t pixels, std::int64_t k_rows) {
  ComputeOp op;
  op.out_h = 1;
  op.out_w = pixels;
  op.step_x = 1;
  op.rows_used = 4;
  op.log2_group = 2;
  op.slots = (k_rows + 3) / 4;
  op.kernel_w = 1;
  op.k_rows = k_rows;
  op.folds = (k_rows + 3) / 4;
  op.cols = 4;
  op.k_complete = 1;
  op.act_signed = op.wgt_signed = 1;
  op.act_bits = op.wgt_bits = 8;
  return op;
}

/// Raw accumulators to the ofmap buffer, 4 bytes an element.
inline PostOp post_op(PostMode mode, std::int64_t channels, std::int64_t pixels) {
  PostOp op;
  op.mode = static_cast<std::int64_t>(mode);
  op.win_h = op.win_w = 1;
  op.channels = channels;
  op.out_h = 1;
  op.out_w = pixels;
  op.dst_half = 1;
  op.dst_log2_bytes = 2;
  op.src_step_x = 1;
  op.src_signed = op.srcb_signed = 1;
  op.clamp_min = -1000;
  op.clamp_max = 1000;
  return op;
}

inline StoreOp store_op(std::int64_t bytes) {
  StoreOp op;
  op.mem_addr = data_at + 4096;
  op.planes = op.lines = 1;
  op.line_bytes = bytes;
  return op;
}

/// Puts the ops, one list per segment (at most two), and the data into an image.
inline Program make_program(std::initializer_list<std::vector<TileOp>> segments,
                            const std::vector<std::uint8_t>& data = {}) {
  Program p;
  p.image.resize(data_at + 8192);
  std::copy(data.begin(), data.end(), p.image.begin() + data_at);
  std::size_t number = 0;
  for (std::vector<TileOp> ops : segments) {
    (number + 1 == segments.size() ? ops.back().prog_end : ops.back().seg_end) = true;
    if (number == 0) p.prog_ops = static_cast<std::uint32_t>(ops.size());
    std::size_t address = number++ == 0 ? 0 : segment_1;
    for (const TileOp& op : ops) {
      const EncodedOp code = encode(op);
      std::copy(code.begin(), code.end(), p.image.begin() + static_cast<std::ptrdiff_t>(address));
      address += code.size();
      p.ops.push_back(op);
    }
  }
  return p;
}

inline RunResult run_systemc(const Program& program, const ArchConfig& config,
                             const RunOptions& options = {}) {
  return make_systemc_backend()->run(program, config, program.image, options);
}

/// The record of op `seq` of a queue.
inline RetireRecord record_of(const RunResult& result, Queue queue, std::uint32_t seq = 0) {
  for (const RetireRecord& record : result.retired) {
    if (record.queue == queue && record.seq == seq) return record;
  }
  throw InternalError("no such record");
}

/// (start, retire) of an op.
inline std::pair<Cycle, Cycle> span_of(const RunResult& result, Queue queue,
                                       std::uint32_t seq = 0) {
  const RetireRecord record = record_of(result, queue, seq);
  return {record.start, record.cycle};
}

}  // namespace tactus::testing
