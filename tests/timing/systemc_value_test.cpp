// SPDX-License-Identifier: Apache-2.0
// Values, digests and value-dependent events of small programs, worked out by hand.
#include <doctest/doctest.h>

#include <cstring>

#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

// models/README.md, "Retire records, digests".
std::uint64_t mix(std::uint64_t a, std::uint64_t v) {
  const std::uint64_t h = (v ^ (a * 0x9E3779B97F4A7C15U)) * 0xC2B2AE3D27D4EB4FU;
  return h ^ (h >> 32);
}

std::int32_t word_at(const RunResult& result, std::size_t address) {
  std::int32_t value = 0;
  std::memcpy(&value, result.memory.data() + address, sizeof value);
  return value;
}

/// Activations 3 in all banks, two folds of weights, a bias of 0 and the psums stored as words:
/// channel 0 of pixels 0 and 1.
RunResult product(const ComputeOp& compute, std::int64_t fill, const std::vector<std::uint8_t>& w,
                  const ArchConfig& config) {
  PostOp post = post_op(PostMode::requant, 4, compute.out_w);
  StoreOp store = store_op(compute.out_w * 4);
  store.planes = 4;
  store.plane_stride = 64;
  store.half = 1;
  const auto bytes = static_cast<std::int64_t>(w.size());
  const Program p = make_program(
      {{tile(fill_op(Dest::ifmap, 8, fill)), tile(load_op(Dest::weight, bytes), 0, to_compute),
        tile(compute, to_load, to_post), tile(post, to_compute, to_store), tile(store, to_post)}},
      w);
  return run_systemc(p, config);
}

}  // namespace

TEST_CASE("two folds add up, zero points are subtracted") {
  // Columns have the weights 2, 1, 0, -1 in all 8 rows.
  std::vector<std::uint8_t> w;
  for (int r = 0; r < 8; ++r) w.insert(w.end(), {2, 1, 0, 0xff});
  ComputeOp op = compute_op(2, 8);
  op.act_zp = 1;
  op.wgt_zp = -1;
  const RunResult r = product(op, 0x03030303, w, small_arch());
  // (3 - 1) * (w + 1) * 8 rows.
  for (std::size_t pixel = 0; pixel < 2; ++pixel) {
    CHECK(word_at(r, data_at + 4096 + 4 * pixel) == 48);
    CHECK(word_at(r, data_at + 4096 + 64 + 4 * pixel) == 32);
    CHECK(word_at(r, data_at + 4096 + 128 + 4 * pixel) == 16);
    CHECK(word_at(r, data_at + 4096 + 192 + 4 * pixel) == 0);
  }
  // Term of pixel m, column c: a = m * 4 + c.
  std::uint64_t digest = 0;
  for (std::uint64_t m = 0; m < 2; ++m) {
    for (std::uint64_t c = 0; c < 4; ++c) digest += mix(m * 4 + c, 48 - 16 * c);
  }
  const RetireRecord compute = record_of(r, Queue::compute);
  CHECK(compute.digest == digest);
  CHECK(compute.events[Event::weight_rd] == 8);
  CHECK(compute.events[Event::pe_weight] == 32);
  CHECK(compute.events[Event::ifmap_rd] == 16);
  CHECK(compute.events[Event::pe_active] == 64);
  CHECK(compute.events[Event::act_zero] == 0);
  CHECK(compute.events[Event::psum_wr] == 16);
  CHECK(compute.events[Event::psum_rd] == 8);
  const RetireRecord post = record_of(r, Queue::post);
  CHECK(post.events[Event::param_rd] == 4);
  CHECK(post.events[Event::psum_rd] == 8);
  CHECK(post.events[Event::post_op] == 8);
  CHECK(post.events[Event::ofmap_wr] == 8);
  CHECK(record_of(r, Queue::load, 0).digest == mix(8, 0x03030303));
  // Eight weight beats 0xff000102.
  digest = 0;
  for (std::uint64_t n = 0; n < 8; ++n) digest += mix(n, 0xff000102U);
  CHECK(record_of(r, Queue::load, 1).digest == digest);
}

TEST_CASE("operands equal to the zero point are counted once per K element and pixel") {
  const std::vector<std::uint8_t> w(20, 1);
  ComputeOp op = compute_op(4, 5);  // the second fold has one row
  op.act_zp = 3;
  const RunResult r = product(op, 0x03040304, w, small_arch());
  // Bytes 4, 3, 4, 3: two of four pixels are zero, on five K elements.
  CHECK(record_of(r, Queue::compute).events[Event::act_zero] == 10);
  CHECK(word_at(r, data_at + 4096) == 5);
  CHECK(word_at(r, data_at + 4096 + 4) == 0);
}

TEST_CASE("the overflow policy applies once per fold") {
  const std::vector<std::uint8_t> w(32, 127);
  ArchConfig c = small_arch();
  c.hw_acc_bits = 12;
  const ComputeOp op = compute_op(2, 8);
  // A fold's column sum is 4 * 127 * 127 = 64516 = 16 * 4096 - 1020.
  SUBCASE("wrap") {
    // -1020, then -2040: the second fold overflows too (63496), 8 psums twice.
    const RunResult r = product(op, 0x7f7f7f7f, w, c);
    CHECK(word_at(r, data_at + 4096) == -2040);
    CHECK(record_of(r, Queue::compute).events[Event::acc_overflow] == 16);
  }
  SUBCASE("saturate") {
    c.hw_acc_overflow = "saturate";
    const RunResult r = product(op, 0x7f7f7f7f, w, c);
    CHECK(word_at(r, data_at + 4096) == 2047);
    CHECK(record_of(r, Queue::compute).events[Event::acc_overflow] == 16);
  }
  SUBCASE("error wraps and counts") {
    c.hw_acc_overflow = "error";
    const RunResult r = product(op, 0x7f7f7f7f, w, c);
    CHECK(word_at(r, data_at + 4096) == -2040);
    CHECK(record_of(r, Queue::compute).events[Event::acc_overflow] == 16);
  }
}

TEST_CASE("zero points beyond the operands' range stay exact") {
  const std::vector<std::uint8_t> w(32, 1);
  ArchConfig c = small_arch();
  c.hw_acc_bits = 48;
  ComputeOp op = compute_op(2, 8);
  op.act_zp = -65536;
  op.wgt_zp = 65535;
  const RunResult r = product(op, 0x02020202, w, c);
  // (2 + 65536) * (1 - 65535) = -(2^32 - 4), eight times: 32 - 2^35. Its low 32 bits, which the
  // convention none keeps, are 32.
  const std::int64_t acc = 32 - (std::int64_t{1} << 35);
  std::uint64_t digest = 0;
  for (std::uint64_t a = 0; a < 8; ++a) digest += mix(a, static_cast<std::uint64_t>(acc));
  CHECK(record_of(r, Queue::compute).digest == digest);
  CHECK(word_at(r, data_at + 4096) == 32);
}

TEST_CASE("a store masks the last beat of each line") {
  StoreOp store = store_op(6);
  store.lines = 2;
  store.line_stride = 8;
  store.src_line_stride = 2;
  Program p = make_program(
      {{tile(fill_op(Dest::ofmap, 4, 0x44332211), 0, to_store), tile(store, to_load)}});
  for (std::size_t i = 0; i < 16; ++i) p.image[data_at + 4096 + i] = 0xee;
  const RunResult r = run_systemc(p, small_arch());
  const std::uint8_t line[8] = {0x11, 0x22, 0x33, 0x44, 0x11, 0x22, 0xee, 0xee};
  CHECK(std::memcmp(r.memory.data() + data_at + 4096, line, 8) == 0);
  CHECK(std::memcmp(r.memory.data() + data_at + 4104, line, 8) == 0);
  // Masked bytes count as 0 in the digest.
  CHECK(record_of(r, Queue::store).digest ==
        mix(0, 0x44332211) + mix(1, 0x2211) + mix(2, 0x44332211) + mix(3, 0x2211));
}
