// SPDX-License-Identifier: Apache-2.0
// A made-up program of two layers with a retire stream whose stalls are counted by hand.
//
// cycle: 0.........10........20........30........40........50........60
// load 0  (ifmap)  1 to 9; load 1 (weight) 10 to 19; load 2 (ifmap, waits for store 0) 41 to 47
// compute 0        20 to 29 (20 idle cycles: ifmap came at 10, weight at 20; weight was last)
// compute 1        28 to 34 (overlaps: 5 cycles), compute 2 52 to 56, layer 1:
//                  idle 35..51: store came at 41, ifmap at 48, started at 52
// post 0           35 to 37, store 0 38 to 40, post 1 57 to 58, store 1 59 to 62
#pragma once

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus::testing {

inline std::uint8_t bit(Queue q) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(q));
}

template <typename Body>
TileOp op_of(Body body, std::uint16_t layer, std::uint8_t wait, std::uint8_t push) {
  TileOp op;
  op.body = body;
  op.layer = layer;
  op.wait = wait;
  op.push = push;
  return op;
}

inline LoadOp load_into(Dest dest) {
  LoadOp op;
  op.dest = static_cast<std::int64_t>(dest);
  return op;
}

inline Program report_program() {
  const std::uint8_t load = bit(Queue::load), compute = bit(Queue::compute),
                     post = bit(Queue::post), store = bit(Queue::store);
  Program p;
  p.ops = {op_of(load_into(Dest::ifmap), 0, 0, compute),
           op_of(load_into(Dest::weight), 0, 0, compute),
           op_of(ComputeOp{}, 0, load, 0),
           op_of(ComputeOp{}, 0, load, post),
           op_of(PostOp{}, 0, compute, store),
           op_of(StoreOp{}, 0, post, load),
           op_of(load_into(Dest::ifmap), 1, store, compute),
           op_of(ComputeOp{}, 1, load, post),
           op_of(PostOp{}, 1, compute, store),
           op_of(StoreOp{}, 1, post, 0)};
  // The first compute op consumes one token of the load queue; the weight load is to be the last.
  p.ops[0].push = 0;
  p.ops[3].wait = 0;
  p.ops.back().prog_end = true;
  LayerInfo a;
  a.id = "000_conv";
  a.source_name = "conv1";
  a.op = "conv2d";
  a.macs = 4096;
  a.macs_executed = 2048;
  LayerInfo fused;
  fused.id = "002_add";
  fused.op = "add";
  fused.fused_into = "001_conv_with_a_very_long_name";
  LayerInfo b = a;
  b.id = "001_conv_with_a_very_long_name";
  p.layers = {a, b, fused};
  p.tensors = {{"x", 1, 2, 3, 1, true, true, 64, 8, 8}};
  return p;
}

inline RunResult report_result() {
  RunResult r;
  const auto add = [&](Queue q, std::uint32_t seq, Cycle start, Cycle cycle) {
    RetireRecord record;
    record.queue = q;
    record.seq = seq;
    record.start = start;
    record.cycle = cycle;
    r.retired.push_back(record);
  };
  add(Queue::load, 0, 1, 9);
  add(Queue::load, 1, 10, 19);
  add(Queue::load, 2, 41, 47);
  add(Queue::compute, 0, 20, 29);
  add(Queue::compute, 1, 28, 34);
  add(Queue::compute, 2, 52, 56);
  add(Queue::post, 0, 35, 37);
  add(Queue::post, 1, 57, 58);
  add(Queue::store, 0, 38, 40);
  add(Queue::store, 1, 59, 62);
  r.retired[0].events[Event::mem_rd_beat] = 7;
  r.retired[3].events[Event::pe_active] = 100;
  r.retired[5].events[Event::pe_active] = 50;
  r.retired[9].events[Event::mem_wr_beat] = 3;
  r.cycles = 63;
  r.wall_seconds = 0.5;
  return r;
}

}  // namespace tactus::testing
