// SPDX-License-Identifier: Apache-2.0
#include "program/validator.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "../support/tiny_program.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

using namespace testing;

std::string verdict(const Program& program, const ArchConfig& config = preset("tiny_4")) {
  try {
    validate_program(program, config);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "(accepted)";
}

/// Verdict after a change to the tiny program, whose code in the image follows the change.
std::string after(const std::function<void(Program&)>& change) {
  Program p = tiny_program();
  change(p);
  seal(p);
  return verdict(p);
}

template <class Op>
Op& body(Program& p, std::size_t index) {
  return std::get<Op>(p.ops[index].body);
}

bool says(const std::string& message, const std::string& part) {
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
  return true;
}

TEST_CASE("validator: the tiny program is accepted") {
  CHECK(verdict(tiny_program()) == "(accepted)");
}

TEST_CASE("validator: a refusal names op, reason and disassembly") {
  const std::string m = after([](Program& p) { body<ComputeOp>(p, compute).folds = 2; });
  says(m, "op 4: folds must be ceil(k_rows / rows_used) (compute compute layer=0");
}

TEST_CASE("validator: compute fields") {
  const auto with = [](const std::function<void(ComputeOp&)>& change) {
    return after([&](Program& p) { change(body<ComputeOp>(p, compute)); });
  };
  says(with([](ComputeOp& op) { op.rows_used = 8; }), "rows_used");
  says(with([](ComputeOp& op) { op.cols = 5; }), "cols");
  says(with([](ComputeOp& op) { op.log2_group = 3; }), "2^log2_group");
  says(with([](ComputeOp& op) { op.weight_base = 1021; }), "weight row 1024");
  says(with([](ComputeOp& op) { op.psum_base = 241; }), "psum entry 256");
  says(with([](ComputeOp& op) { op.ifmap_base = 2033; }), "ifmap byte 2048");
  says(with([](ComputeOp& op) { op.start_slot = 1; }), "start_slot");
  says(with([](ComputeOp& op) { op.act_zp = 128; }), "act_zp");
  says(with([](ComputeOp& op) { op.wgt_bits = 9; }), "wgt_bits");
  CHECK(with([](ComputeOp& op) { op.ifmap_base = 2032; }) == "(accepted)");
  CHECK(with([](ComputeOp& op) { op.psum_base = 240; }) == "(accepted)");
}

TEST_CASE("validator: DMA fields") {
  const auto with = [](const std::function<void(LoadOp&)>& change) {
    return after([&](Program& p) { change(body<LoadOp>(p, load_ifmap)); });
  };
  says(with([](LoadOp& op) { op.mem_addr = 4098; }), "mem_addr is not beat aligned");
  says(with([](LoadOp& op) { op.line_stride = 6; }), "line_stride is not beat aligned");
  says(with([](LoadOp& op) { op.mem_addr = 8192 - 60; }), "behind the image");
  says(with([](LoadOp& op) { op.dst_base = 509; }), "beat 512");
  says(with([](LoadOp& op) { op.lines = 0; }), "lines must be 1 or more");
  says(with([](LoadOp& op) { op.log2_group = 3; }), "more groups than there are banks");
  CHECK(with([](LoadOp& op) { op.dst_base = 508; }) == "(accepted)");
  CHECK(with([](LoadOp& op) { op.mem_addr = 8192 - 64; }) == "(accepted)");
  says(after([](Program& p) { body<StoreOp>(p, store).src_base = 509; }), "beat 512");
}

TEST_CASE("validator: post fields") {
  const auto with = [](const std::function<void(PostOp&)>& change) {
    return after([&](Program& p) { change(body<PostOp>(p, post)); });
  };
  says(with([](PostOp& op) { op.mode = 11; }), "mode");
  says(with([](PostOp& op) { op.channels = 5; }), "channels must be at most");
  says(with([](PostOp& op) { op.param_base = 29; }), "parameter record 32");
  says(with([](PostOp& op) { op.convention = 6; }), "convention");
  says(with([](PostOp& op) { op.clamp_min = 128; }), "clamp_min");
  says(with([](PostOp& op) { op.dst_base = 2033; }), "ofmap byte 2048");
  says(with([](PostOp& op) {
         op.dst_log2_bytes = 2;
         op.dst_base = 2;
       }),
       "not aligned");
  says(with([](PostOp& op) {
         op.mode = 2;
         op.win_h = op.win_w = 2;
         op.src_step_x = 1;
         op.src_step_y = 4;
       }),
       "overwrites source elements");
  says(with([](PostOp& op) {
         op.mode = 9;
         op.clamp_max = 1000;
       }),
       "parameter record");
  says(with([](PostOp& op) {
         op.mode = 10;
         op.row_kind = 5;
       }),
       "row_kind");
}

TEST_CASE("validator: tokens") {
  says(after([](Program& p) { p.ops[store].push = 8; }), "push to itself");
  says(after([](Program& p) { p.ops[load_weight].push = 2; }), "never consumed");
  says(after([](Program& p) { p.ops[load_param].push = 0; }),
       "op 4: the program deadlocks, it waits for ever for a token of queue load");
  says(after([](Program& p) {  // a cycle: the load waits for the store that depends on it
         p.ops[load_ifmap].wait = 8;
         p.ops[store].push = 1;
       }),
       "deadlocks");
}

TEST_CASE("validator: a full queue ahead of the op it waits for is a deadlock") {
  // tiny_4 queues hold 4 ops: the head waits for a compute op that is dispatched behind them.
  const auto build = [](std::size_t fills) {
    Program p = tiny_program();
    FillOp fill;
    fill.half = 1;
    fill.beats = 1;
    TileOp op;
    op.body = fill;
    op.wait = 2;
    for (std::size_t k = 0; k < fills; ++k, op.wait = 0) {
      p.ops.insert(p.ops.begin() + static_cast<std::ptrdiff_t>(compute + k), op);
    }
    p.ops[compute + fills].push |= 1;
    seal(p);
    return verdict(p);
  };
  CHECK(build(4) == "(accepted)");
  says(build(5), "deadlocks");
}

TEST_CASE("validator: token counters hold 255") {
  const auto build = [](int tokens) {
    Program p = tiny_program();
    p.image.resize(65536);
    p.ops[load_param].seg_end = false;
    p.ops.erase(p.ops.begin());
    p.prog_addr = 8192;
    FillOp fill;
    fill.half = 1;
    fill.beats = 1;
    TileOp op;
    op.body = fill;
    op.push = 8;
    p.ops.back().prog_end = false;
    TileOp consumer = p.ops.back();
    consumer.wait = 1;
    p.ops.insert(p.ops.end(), static_cast<std::size_t>(tokens), op);
    p.ops.insert(p.ops.end(), static_cast<std::size_t>(tokens), consumer);
    p.ops.back().prog_end = true;
    seal(p);
    ArchConfig config = preset("tiny_4");
    config.hw_segment_ops = 1024;
    return verdict(p, config);
  };
  CHECK(build(255) == "(accepted)");
  says(build(256), "more than 255 tokens to the store queue");
}

TEST_CASE("validator: two queues may not use one half without an order") {
  says(after([](Program& p) {  // post no longer waits for compute
         p.ops[load_param].push = 2 | 4;
         p.ops[post].wait = 1;
         p.ops[compute].push = 0;
       }),
       "half 0 of the psum buffer");
  says(after([](Program& p) {  // the load of the weights may be late
         std::swap(p.ops[load_weight].body, p.ops[load_param].body);
         std::swap(p.ops[load_weight].push, p.ops[load_param].push);
       }),
       "op 4: it may use half 0 of the weight buffer at the same time as op 3");
}

TEST_CASE("validator: loads and stores of the same off-chip bytes need an order") {
  const auto reload = [](std::int64_t address, bool ordered) {
    return after([&](Program& p) {
      LoadOp load = body<LoadOp>(p, load_ifmap);
      load.half = 1;
      load.mem_addr = address;
      TileOp op;
      op.body = load;
      op.wait = ordered ? 8 : 0;
      op.prog_end = true;
      p.ops[store].prog_end = false;
      p.ops[store].push = ordered ? 1 : 0;
      p.ops.push_back(op);
    });
  };
  says(reload(6144, false), "op 7: it touches off-chip bytes of op 6");
  says(reload(6144 + 60, false), "off-chip bytes");
  CHECK(reload(6144, true) == "(accepted)");
  CHECK(reload(6144 + 64, false) == "(accepted)");
}

TEST_CASE("validator: interleaved strides that never meet need no order") {
  const std::string m = after([](Program& p) {
    LoadOp load = body<LoadOp>(p, load_ifmap);
    load.half = 1;
    load.mem_addr = 6144 + 8;  // lines 2 and 3 of each plane; the store writes lines 0 and 1
    load.lines = 2;
    TileOp op;
    op.body = load;
    op.prog_end = true;
    p.ops[store].prog_end = false;
    body<StoreOp>(p, store).lines = 2;
    p.ops.push_back(op);
  });
  CHECK(m == "(accepted)");
}

TEST_CASE("validator: segments") {
  Program p = tiny_program();
  p.image[0] ^= 0x80;
  says(verdict(p), "the image holds other bytes");
  p = tiny_program();
  p.prog_ops = 5;
  says(verdict(p), "but 5 are loaded");
  says(after([](Program& q) { q.ops[store].prog_end = false; }), "prog_end");
  says(after([](Program& q) { body<LoadOp>(q, load_inst).half = 0; }), "half that is not running");
  says(after([](Program& q) { q.ops.erase(q.ops.begin()); }), "loads the next segment");
  says(after([](Program& q) { q.ops[0].layer = 1; }), "its layer does not exist");
  CHECK_THROWS_AS(validate_program(Program{}, preset("tiny_4")), InternalError);
}

}  // namespace
}  // namespace tactus
