// SPDX-License-Identifier: Apache-2.0
// A hand-made program for tiny_4: a 1x1 convolution of 4 channels, 4x4 pixels, in two segments.
#pragma once

#include <algorithm>

#include "program/program.hpp"

namespace tactus::testing {

/// Rewrites prog_ops, the lengths of segment loads and the code in the image after a change.
inline void seal(Program& program) {
  std::uint64_t address = program.prog_addr;
  std::size_t first = 0;
  LoadOp* load = nullptr;
  while (first < program.ops.size()) {
    std::size_t last = first;
    while (last + 1 < program.ops.size() && !program.ops[last].seg_end) ++last;
    const std::size_t count = last - first + 1;
    if (load == nullptr) {
      program.prog_ops = static_cast<std::uint32_t>(count);
    } else {
      load->line_bytes = static_cast<std::int64_t>(count) * op_bytes;
      address = static_cast<std::uint64_t>(load->mem_addr);
    }
    load = nullptr;
    for (std::size_t i = first; i <= last; ++i) {
      auto* body = std::get_if<LoadOp>(&program.ops[i].body);
      if (body != nullptr && body->dest == static_cast<std::int64_t>(Dest::inst)) load = body;
    }
    first = last + 1;
    if (load == nullptr) break;
  }
  address = program.prog_addr;
  for (const TileOp& op : program.ops) {
    const EncodedOp code = encode(op);
    std::copy(code.begin(), code.end(),
              program.image.begin() + static_cast<std::ptrdiff_t>(address));
    address += op_bytes;
  }
}

/// Op numbers of tiny_program().
enum TinyOp : std::size_t { load_inst, load_ifmap, load_weight, load_param, compute, post, store };

inline Program tiny_program() {
  Program p;
  p.image.resize(8192);
  LayerInfo layer;
  layer.id = "000_conv";
  p.layers.push_back(layer);
  TensorPlace out;
  out.name = "000_conv";
  out.c = out.h = out.w = 4;
  out.is_signed = true;
  out.in_memory = true;
  out.address = 6144;
  out.plane_stride = 16;
  out.line_stride = 4;
  p.tensors.push_back(out);

  LoadOp inst;
  inst.mem_addr = 4 * op_bytes;
  inst.planes = inst.lines = 1;
  inst.dest = static_cast<std::int64_t>(Dest::inst);
  inst.half = 1;
  LoadOp ifmap;
  ifmap.mem_addr = 4096;
  ifmap.planes = ifmap.lines = ifmap.line_bytes = 4;
  ifmap.plane_stride = 16;
  ifmap.line_stride = 4;
  ifmap.dst_line_stride = 1;
  ifmap.log2_group = 2;
  LoadOp weight;
  weight.mem_addr = 5120;
  weight.planes = weight.lines = 1;
  weight.line_bytes = 16;
  weight.dest = static_cast<std::int64_t>(Dest::weight);
  LoadOp param;
  param.mem_addr = 5376;
  param.planes = param.lines = 1;
  param.line_bytes = 4 * record_bytes;
  param.dest = static_cast<std::int64_t>(Dest::param);
  ComputeOp conv;
  conv.out_h = conv.out_w = 4;
  conv.step_x = 1;
  conv.step_y = 4;
  conv.rows_used = conv.k_rows = conv.cols = 4;
  conv.log2_group = 2;
  conv.slots = conv.kernel_w = conv.folds = 1;
  conv.k_complete = conv.act_signed = conv.wgt_signed = 1;
  conv.act_bits = conv.wgt_bits = 8;
  PostOp requant;
  requant.win_h = requant.win_w = 1;
  requant.channels = requant.out_h = requant.out_w = 4;
  requant.dst_step_y = 4;
  requant.convention = 1;
  requant.clamp_min = -128;
  requant.clamp_max = 127;
  StoreOp store_op;
  store_op.mem_addr = 6144;
  store_op.planes = store_op.lines = store_op.line_bytes = 4;
  store_op.plane_stride = 16;
  store_op.line_stride = 4;
  store_op.src_line_stride = 1;

  const auto add = [&](auto body, unsigned wait, unsigned push) {
    TileOp op;
    op.wait = static_cast<std::uint8_t>(wait);
    op.push = static_cast<std::uint8_t>(push);
    op.body = body;
    p.ops.push_back(op);
  };
  add(inst, 0, 0);
  add(ifmap, 0, 0);
  add(weight, 0, 0);
  add(param, 0, 1U << 1);
  add(conv, 1U << 0, 1U << 2);
  add(requant, 1U << 1, 1U << 3);
  add(store_op, 1U << 2, 0);
  p.ops[load_param].seg_end = true;
  p.ops[store].prog_end = true;
  seal(p);
  return p;
}

}  // namespace tactus::testing
