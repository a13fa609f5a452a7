// SPDX-License-Identifier: Apache-2.0
// Post, load, fill and store values of the fast back end, worked out by hand.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

constexpr std::int64_t param_at = 1024, out_at = 2048;

/// Loads `planes` lines from address 0 into the ofmap (and the records), runs the op, stores.
RunResult run_on_ofmap(const PostOp& op, std::int64_t planes, std::int64_t line_bytes,
                       const std::vector<EncodedRecord>& records, std::vector<std::uint8_t> image,
                       std::int64_t out_planes, std::int64_t out_bytes) {
  image.resize(4096);
  for (std::size_t i = 0; i < records.size(); ++i) put(image, param_at + 32 * i, records[i]);
  PostOp placed = op;
  placed.dst_half = 1;
  StoreOp out = store(out_at, out_planes, out_bytes);
  out.half = 1;
  return run(make_program({tile(load(Dest::param, param_at, 1, 64)),
                           tile(load(Dest::ofmap, 0, planes, line_bytes, 2), 0, from_post),
                           tile(placed, from_load, from_store), tile(out, from_post)},
                          image),
             small_config());
}

std::vector<int> signed_bytes(const RunResult& result, std::size_t from, std::size_t count) {
  std::vector<int> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes.push_back(static_cast<std::int8_t>(result.memory[from + i]));
  }
  return bytes;
}

}  // namespace

TEST_CASE("max window of signed bytes, clamped") {
  PostOp op = post(PostMode::max_window, 1, 3);
  op.win_w = 2;
  op.src_step_kx = 1;
  op.src_step_x = 2;
  op.src_signed = 1;
  op.clamp_min = -2;
  op.clamp_max = 100;
  const RunResult result = run_on_ofmap(op, 1, 6, {}, {0x80, 0xFB, 0x7F, 0x01, 0x03, 0xFF}, 1, 3);
  CHECK(signed_bytes(result, out_at, 3) == std::vector<int>{-2, 100, 3});
  op.src_signed = 0;
  op.clamp_max = 2000;
  const RunResult plain = run_on_ofmap(op, 1, 6, {}, {0x80, 0xFB, 0x7F, 0x01, 0x03, 0xFF}, 1, 3);
  CHECK(signed_bytes(plain, out_at, 3) == std::vector<int>{-5, 127, -1});
}

TEST_CASE("sum window over lines, then bias and requantisation") {
  PostOp op = post(PostMode::sum_window, 1, 1);
  op.win_h = 2;
  op.win_w = 2;
  op.src_step_kx = 1;
  op.src_step_ky = 4;
  // (10 + 20 + 30 + 41 + 1) * 3 / 8 = 38.25, half_up, + 5
  op.rounding = static_cast<std::int64_t>(Rounding::half_up);
  op.out_zp = 5;
  const RunResult result =
      run_on_ofmap(op, 1, 8, {encode(ChannelRecord{1, 3, 3, 0})}, {10, 20, 99, 99, 30, 41}, 1, 1);
  CHECK(signed_bytes(result, out_at, 1) == std::vector<int>{43});
  CHECK(record(result, Queue::post, 0).events[Event::param_rd] == 1);
}

TEST_CASE("clamp copies more channels than banks") {
  PostOp op = post(PostMode::clamp, 5, 2);
  op.clamp_min = 3;
  op.clamp_max = 9;
  const RunResult result =
      run_on_ofmap(op, 5, 2, {}, {1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0, 7, 8, 0, 0, 9, 10}, 5, 2);
  for (std::size_t c = 0; c < 5; ++c) {
    const int low = static_cast<int>(2 * c + 1), high = low + 1;
    CHECK(signed_bytes(result, out_at + 4 * c, 2) ==
          std::vector<int>{low < 3 ? 3 : low, high > 9   ? 9
                                              : high < 3 ? 3
                                                         : high});
  }
}

TEST_CASE("mode 4 adds a 16-bit and an 8-bit tile by the record at param_base") {
  PostOp op = post(PostMode::add, 1, 2);
  op.src_log2_bytes = 1;
  op.src_signed = 1;
  op.src_step_x = 2;
  op.src_base_b = 4;
  op.srcb_signed = 0;
  op.dst_log2_bytes = 1;
  AddRecord r;
  r.ma = 3;
  r.la = 1;
  r.za = 2;
  r.mb = 1;
  r.zb = -1;
  r.shift = 1;
  r.rounding = static_cast<std::int64_t>(Rounding::floor);
  r.zp = 10;
  r.clamp_min = -400;
  r.clamp_max = 400;
  r.add = 1;
  // a = -300, 100; b = 200, 7: ((a - 2) * 6 + (b + 1) + 1) >> 1, + 10
  //   -1812 + 202 = -1610 -> -805 + 10 -> clamp -400; 588 + 9 = 597 -> 298 + 10
  const RunResult result = run_on_ofmap(op, 1, 6, {encode(r)}, {0xD4, 0xFE, 100, 0, 200, 7}, 1, 4);
  CHECK(signed_bytes(result, out_at, 4) == std::vector<int>{0x70, -2, 0x34, 1});
}

TEST_CASE("mode 1 adds a residual to requantised psums; the add record follows the channels'") {
  std::vector<std::uint8_t> image(4096);
  for (std::size_t k = 0; k < 2; ++k) image[4 * k] = static_cast<std::uint8_t>(40 + 10 * k);
  image[256] = image[261] = 1;                                    // identity weights
  image[512] = 5;                                                 // residual of channel 0
  image[516] = 0xFD;                                              // and of channel 1: -3
  put(image, param_at, encode(ChannelRecord{2, 1, 1, 0}));        // (40 + 2) / 2 = 21
  put(image, param_at + 32, encode(ChannelRecord{-1, 2, 0, 0}));  // (50 - 1) * 2 = 98
  AddRecord r;
  r.ma = 1;
  r.mb = 2;
  r.clamp_min = -128;
  r.clamp_max = 100;
  put(image, param_at + 64, encode(r));
  PostOp op = post(PostMode::requant_add, 2, 1);
  op.src_signed = 1;
  op.dst = 1;
  op.dst_half = 1;
  op.dst_log2_group = 1;
  op.dst_ch0 = 2;  // channels 2 and 3: slot 1 of banks {0, 2} and {1, 3}
  op.dst_slot_stride = 4;
  ComputeOp again = compute(1, 4, 1);
  again.ifmap_half = 1;
  again.log2_group = 1;
  again.slots = 2;
  again.weight_base = 2;
  again.psum_half = 1;
  image[264] = 1;  // K elements: channel 0, 1 (empty), 2, 3
  image[268] = 1;
  image[272] = 1;
  image[276] = 100;
  const RunResult result =
      run(make_program({tile(load(Dest::ifmap, 0, 2, 1, 2)), tile(load(Dest::weight, 256, 1, 24)),
                        tile(load(Dest::param, param_at, 1, 96)),
                        tile(load(Dest::ofmap, 512, 2, 1, 2), 0, from_compute),
                        tile(compute(1, 2, 2), from_load, from_post),
                        tile(op, from_compute, from_compute), tile(again, from_post)},
                       image),
          small_config());
  // v = 21 + 2 * 5 = 31 and 98 - 6 = 92; the next op sums 31 + 100 * 92.
  const auto mix = [](std::uint64_t a, std::uint64_t v) {
    const std::uint64_t h = (v ^ (a * 0x9E3779B97F4A7C15U)) * 0xC2B2AE3D27D4EB4FU;
    return h ^ (h >> 32U);
  };
  CHECK(record(result, Queue::post, 0).digest == mix(0, 31) + mix(1, 92));
  CHECK(record(result, Queue::compute, 1).digest == mix(0, 9231));
  CHECK(record(result, Queue::post, 0).events[Event::ifmap_wr] == 4);
}

TEST_CASE("byte enables: loads leave the bytes behind a line alone in the ofmap") {
  FillOp fill;
  fill.dest = static_cast<std::int64_t>(Dest::ofmap);
  fill.dst_base = 1;
  fill.beats = 2;
  fill.value = 0x04030201;
  std::vector<std::uint8_t> image(4096, 0x55);
  LoadOp over = load(Dest::ofmap, 0, 1, 2, 2);
  over.dst_base = 1;
  const RunResult result = run(
      make_program({tile(fill), tile(over, 0, from_store), tile(store(out_at, 1, 13), from_load)},
                   image),
      small_config());
  CHECK(signed_bytes(result, out_at, 14) ==
        std::vector<int>{0, 0, 0, 0, 0x55, 0x55, 3, 4, 1, 2, 3, 4, 0, 0x55});
}

TEST_CASE("ops outside a buffer half are refused") {
  FillOp fill;
  fill.beats = 1'000'000;
  CHECK_THROWS_AS(static_cast<void>(run(make_program({tile(fill)}), small_config())),
                  InternalError);
}
