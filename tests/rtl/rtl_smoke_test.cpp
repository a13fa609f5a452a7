// SPDX-License-Identifier: Apache-2.0
// The Verilated accelerator (tiny_4) on hand-made programs, with cycles and values worked out by
// hand from models/README.md: not compared with another back end.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "numerics/errors.hpp"
#include "program/program.hpp"
#include "rtl_host/rtl_backend.hpp"
#include "rtl_host/rtl_builder.hpp"
#include "tiny_program.hpp"

using namespace tactus;

namespace {

const RetireRecord& record(const RunResult& result, Queue queue, std::uint32_t seq) {
  for (const auto& r : result.retired) {
    if (r.queue == queue && r.seq == seq) return r;
  }
  throw InternalError("no such retire record");
}

RunResult run(const Program& program, const RunOptions& options = {}) {
  RunOptions limited = options;
  limited.watchdog_cycles = 20000;
  return make_rtl_backend({TACTUS_RTL_TEST_DIR})
      ->run(program, preset("tiny_4"), program.image, limited);
}

/// Activations 1..64, weights w[k][c] = k == c ? 2 : 0, mult 1, so that out = 2 * in.
Program doubling_program() {
  Program p = testing::tiny_program();
  for (std::uint8_t i = 0; i < 64; ++i) p.image[4096U + i] = static_cast<std::uint8_t>(i + 1);
  for (std::size_t k = 0; k < 4; ++k) p.image[5120 + 5 * k] = 2;
  for (std::size_t c = 0; c < 4; ++c) {
    ChannelRecord r;
    r.mult = 1;
    const auto bytes = encode(r);
    std::copy(bytes.begin(), bytes.end(), p.image.begin() + 5376 + 32 * static_cast<int>(c));
  }
  return p;
}

std::vector<int> output(const RunResult& result) {
  std::vector<int> values;
  for (std::size_t i = 0; i < 64; ++i) {
    values.push_back(static_cast<std::int8_t>(result.memory.at(6144 + i)));
  }
  return values;
}

/// 2 * i, clamped to 127.
std::vector<int> doubled() {
  std::vector<int> values;
  for (int i = 1; i <= 64; ++i) values.push_back(2 * i > 127 ? 127 : 2 * i);
  return values;
}

constexpr std::uint64_t latency = 12;  // tiny_4, I = 1, beats of 4 bytes

}  // namespace

TEST_CASE("load, compute, post and store retire in the cycles of the contract") {
  const RunResult result = run(doubling_program());
  CHECK(output(result) == doubled());
  // Boot: 4 ops of 64 bytes = 64 beats, b = L + 64. First dispatch at b + 2, start a cycle later.
  const std::uint64_t boot = latency + 64;
  const auto& inst = record(result, Queue::load, 0);
  CHECK(inst.start == boot + 3);
  CHECK(inst.cycle == inst.start + latency + 48);  // 3 ops of 64 bytes
  const auto& ifmap = record(result, Queue::load, 1);
  CHECK(ifmap.start == inst.cycle + 1);
  CHECK(ifmap.cycle == ifmap.start + latency + 16);
  const auto& weight = record(result, Queue::load, 2);
  CHECK(weight.cycle == ifmap.cycle + 1 + latency + 4);
  const auto& param = record(result, Queue::load, 3);
  CHECK(param.cycle == weight.cycle + 1 + latency + 32);
  // R = C = 4, M = 16: a = s + 4, r = a + M - 1 + R + C.
  const auto& compute = record(result, Queue::compute, 0);
  CHECK(compute.start == param.cycle + 1);
  CHECK(compute.cycle == compute.start + 4 + 15 + 8);
  // One pass of 4 channels: 4 records, 16 taps, 6 cycles.
  const auto& post = record(result, Queue::post, 0);
  CHECK(post.start == compute.cycle + 1);
  CHECK(post.cycle == post.start + 4 + 16 + 6);
  const auto& store = record(result, Queue::store, 0);
  CHECK(store.start == post.cycle + 1);
  CHECK(store.cycle == store.start + 1 + 16 + latency);
  CHECK(result.cycles == store.cycle + 1);

  CHECK(ifmap.events[Event::mem_rd_req] == 16);
  CHECK(ifmap.events[Event::ifmap_wr] == 16);
  CHECK(compute.events[Event::weight_rd] == 4);
  CHECK(compute.events[Event::pe_active] == 16 * 16);
  CHECK(compute.events[Event::psum_wr] == 64);
  CHECK(compute.events[Event::psum_rd] == 0);
  CHECK(compute.events[Event::act_zero] == 0);
  CHECK(post.events[Event::param_rd] == 4);
  CHECK(post.events[Event::post_op] == 64);
  CHECK(store.events[Event::mem_wr_beat] == 16);
}

TEST_CASE("two folds accumulate and follow each other every max(R, M) cycles") {
  Program p = doubling_program();
  auto& conv = std::get<ComputeOp>(p.ops[testing::compute].body);
  conv.k_rows = 8;
  conv.folds = 2;
  conv.kernel_w = 2;  // both kernel positions read the same pixel
  auto& weight = std::get<LoadOp>(p.ops[testing::load_weight].body);
  weight.line_bytes = 32;
  for (std::size_t k = 0; k < 4; ++k) p.image[5136 + 5 * k] = 255;  // -1: out = 2x - x = x
  testing::seal(p);
  const RunResult result = run(p);
  std::vector<int> expected;
  for (int i = 1; i <= 64; ++i) expected.push_back(i);
  CHECK(output(result) == expected);
  const auto& compute = record(result, Queue::compute, 0);
  CHECK(compute.cycle == compute.start + 4 + 16 + 15 + 8);
  CHECK(compute.events[Event::psum_rd] == 64);
  CHECK(compute.events[Event::weight_rd] == 8);
}

TEST_CASE("back-pressure changes cycles but neither memory nor digests") {
  const Program p = doubling_program();
  const RunResult free = run(p);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RunOptions options;
    options.backpressure_seed = seed;
    const RunResult held = run(p, options);
    CHECK(held.cycles > free.cycles);
    CHECK(held.memory == free.memory);
    REQUIRE(held.retired.size() == free.retired.size());
    for (std::size_t i = 0; i < free.retired.size(); ++i) {
      CHECK(held.retired[i].digest == free.retired[i].digest);
    }
  }
}

TEST_CASE("a program that waits for ever is stopped with the op that hangs") {
  Program p = doubling_program();
  p.ops[testing::compute].push = 0;
  testing::seal(p);
  CHECK_THROWS_WITH_AS(run(p), doctest::Contains("post op 0 did not retire"), BadInput);
}

TEST_CASE("an architecture without a build is refused with the command that makes one") {
  ArchConfig config = preset("tiny_4");
  config.hw_acc_bits = 13;
  const Program p = doubling_program();
  const auto backend = make_rtl_backend({TACTUS_RTL_TEST_DIR});
  CHECK_THROWS_WITH_AS(static_cast<void>(backend->run(p, config, p.image, {})),
                       doctest::Contains("make one with: tactus rtl-build"), BadInput);
}

TEST_CASE("a smaller buffer limit uses the larger build") {
  ArchConfig config = preset("tiny_4");
  config.buf_ifmap_kib = 8;
  const Program p = doubling_program();
  const auto result = make_rtl_backend({TACTUS_RTL_TEST_DIR})->run(p, config, p.image, {});
  CHECK(output(result) == doubled());
}
