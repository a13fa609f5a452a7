// SPDX-License-Identifier: Apache-2.0
// Values, digests and value-dependent events of the fast back end on hand-made programs.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

std::uint64_t as_unsigned(std::int64_t v) { return static_cast<std::uint64_t>(v); }

/// Where the programs below keep their data off chip.
constexpr std::int64_t act_at = 0, weight_at = 256, param_at = 1024, out_at = 2048;

/// Loads activations (one plane per bank), weights and `records` records; all push to compute.
std::vector<TileOp> loads(std::int64_t planes, std::int64_t line_bytes, std::int64_t weight_bytes,
                          std::int64_t records) {
  return {tile(load(Dest::ifmap, act_at, planes, line_bytes, 2)),
          tile(load(Dest::weight, weight_at, 1, weight_bytes)),
          tile(load(Dest::param, param_at, 1, 32 * records), 0, from_compute)};
}

/// Runs one compute op on K x 1 weights of column 0 for one pixel and returns the raw psum.
struct SumRun {
  std::int64_t value = 0;
  std::uint64_t overflows = 0, zeros = 0;
};
SumRun sum_of(const std::vector<int>& x, const std::vector<int>& w, const char* policy,
              std::int64_t bias = 0, bool signed_act = false, std::int64_t act_zp = 0) {
  ArchConfig config = small_config();
  config.hw_acc_bits = 12;
  config.hw_acc_overflow = policy;
  std::vector<std::uint8_t> image(4096);
  const auto k = static_cast<std::int64_t>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    image[act_at + 4 * i] = static_cast<std::uint8_t>(x[i]);
    image[weight_at + 4 * i] = static_cast<std::uint8_t>(w[i]);
  }
  put(image, param_at, encode(ChannelRecord{bias, 1, 0, 0}));
  ComputeOp op = compute(1, k, 1);
  op.act_signed = signed_act ? 1 : 0;
  op.act_zp = act_zp;
  PostOp raw = post(PostMode::requant, 1, 1);
  raw.convention = static_cast<std::int64_t>(Convention::none);
  raw.dst_log2_bytes = 2;
  std::vector<TileOp> ops = loads(k, 1, 4 * k, 1);
  ops.push_back(tile(op, from_load, from_post));
  ops.push_back(tile(raw, from_compute, from_store));
  ops.push_back(tile(store(out_at, 1, 4), from_post));
  const RunResult result = run(make_program(ops, image), config);
  SumRun sum;
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word |= std::uint32_t{result.memory[out_at + i]} << 8 * i;
  sum.value = static_cast<std::int32_t>(word);
  sum.overflows = record(result, Queue::compute, 0).events[Event::acc_overflow] +
                  record(result, Queue::post, 0).events[Event::acc_overflow];
  sum.zeros = record(result, Queue::compute, 0).events[Event::act_zero];
  return sum;
}

}  // namespace

TEST_CASE("a chain computes, requantises and stores; its digests are those of the contract") {
  // x[k][m] = 10 k + m, weights: identity and w[0][1] = 2, bias c, so y[c][m] = x[c][m] + c, and
  // 2 m more for c = 1.
  std::vector<std::uint8_t> image(4096, 0xEE);
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t m = 0; m < 6; ++m) {
      image[act_at + 8 * k + m] = static_cast<std::uint8_t>(10 * k + m);
    }
    for (std::size_t c = 0; c < 4; ++c) image[weight_at + 4 * k + c] = k == c ? 1 : 0;
    put(image, param_at + 32 * k, encode(ChannelRecord{static_cast<std::int64_t>(k), 1, 0, 0}));
  }
  image[weight_at + 1] = 2;
  std::vector<TileOp> ops = loads(4, 6, 16, 4);
  ops.push_back(tile(compute(6, 4, 4), from_load, from_post));
  ops.push_back(tile(post(PostMode::requant, 4, 6), from_compute, from_store));
  ops.push_back(tile(store(out_at, 4, 6), from_post));
  const RunResult result = run(make_program(ops, image), small_config());

  std::uint64_t psums = 0, outputs = 0, loaded = 0, stored = 0;
  for (std::uint64_t c = 0; c < 4; ++c) {
    for (std::uint64_t m = 0; m < 6; ++m) {
      const std::uint64_t acc = 10 * c + m + (c == 1 ? 2 * m : 0);
      psums += mix(m * 4 + c, acc);
      outputs += mix(c * 6 + m, acc + c);
      CHECK(result.memory[out_at + 8 * c + m] == acc + c);
    }
    CHECK(result.memory[out_at + 8 * c + 6] == 0xEE);  // masked by the strobe
    const auto word = [](const std::uint8_t* b, unsigned n) {
      std::uint64_t v = 0;
      for (unsigned i = 0; i < n; ++i) v |= std::uint64_t{b[i]} << 8 * i;
      return v;
    };
    loaded += mix(2 * c, word(&image[8 * c], 4)) + mix(2 * c + 1, word(&image[8 * c + 4], 4));
    stored += mix(2 * c, word(&result.memory[out_at + 8 * c], 4)) +
              mix(2 * c + 1, word(&result.memory[out_at + 8 * c + 4], 2));
  }
  CHECK(record(result, Queue::load, 0).digest == loaded);
  CHECK(record(result, Queue::compute, 0).digest == psums);
  CHECK(record(result, Queue::post, 0).digest == outputs);
  CHECK(record(result, Queue::store, 0).digest == stored);
  CHECK(record(result, Queue::compute, 0).events[Event::act_zero] == 1);
}

TEST_CASE("the overflow policy applies once per fold, in fold order") {
  // Folds of 4 K elements: 250 * 6 = 1500, again 1500, then -1500; 12 bits hold -2048..2047.
  const std::vector<int> x{250, 0, 0, 0, 250, 0, 0, 0, 250}, w{6, 0, 0, 0, 6, 0, 0, 0, -6};
  const SumRun wrap = sum_of(x, w, "wrap");
  CHECK(wrap.value == 1500);  // 1500, 3000 - 4096 = -1096, -2596 + 4096 = 1500
  CHECK(wrap.overflows == 2);
  CHECK(wrap.zeros == 6);
  const SumRun saturate = sum_of(x, w, "saturate");
  CHECK(saturate.value == 547);  // 1500, 2047, 547
  CHECK(saturate.overflows == 1);
  const SumRun error = sum_of(x, w, "error");
  CHECK(error.value == 1500);
  CHECK(error.overflows == 2);
}

TEST_CASE("column sums inside a fold are exact") {
  const SumRun run = sum_of({250, 250, 1, 0}, {127, -127, 5, 0}, "saturate");
  CHECK(run.value == 5);
  CHECK(run.overflows == 0);
}

TEST_CASE("the bias is added under the policy") {
  CHECK(sum_of({250, 0, 0, 0}, {8, 0, 0, 0}, "saturate", 48).value == 2047);
  CHECK(sum_of({250, 0, 0, 0}, {8, 0, 0, 0}, "saturate", 48).overflows == 1);
  CHECK(sum_of({250, 0, 0, 0}, {8, 0, 0, 0}, "wrap", 48).value == -2048);
  CHECK(sum_of({250, 0, 0, 0}, {8, 0, 0, 0}, "wrap", 47).value == 2047);
  CHECK(sum_of({250, 0, 0, 0}, {8, 0, 0, 0}, "wrap", 47).overflows == 0);
}

TEST_CASE("operands are bytes minus the zero point") {
  CHECK(sum_of({0x80, 0x7F}, {1, 1}, "wrap", 0, true, -3).value == -125 + 130);
  CHECK(sum_of({0x80, 0x7F}, {1, 1}, "wrap", 0, false, 128).value == 0 - 1);
  CHECK(sum_of({0x80, 0x7F}, {1, 1}, "wrap", 0, false, 128).zeros == 1);
  CHECK_THROWS_AS(static_cast<void>(sum_of({1}, {1}, "wrap", 0, false, 300)), InternalError);
}

TEST_CASE("a later op accumulates on the psums of an earlier one") {
  std::vector<std::uint8_t> image(4096);
  for (std::size_t k = 0; k < 8; ++k) {
    image[act_at + 4 * k] = static_cast<std::uint8_t>(k + 1);
    for (std::size_t c = 0; c < 4; ++c) image[weight_at + 4 * k + c] = static_cast<std::uint8_t>(c);
  }
  std::vector<TileOp> ops = loads(8, 1, 32, 1);
  ComputeOp first = compute(1, 4, 4), second = first;
  first.k_complete = 0;
  second.accumulate = 1;
  second.slots = first.slots = 2;
  second.start_slot = 1;
  second.weight_base = 4;
  ops.push_back(tile(first, from_load));
  ops.push_back(tile(second));
  const RunResult result = run(make_program(ops, image), small_config());
  // Column c: c * (1 + ... + 8).
  CHECK(record(result, Queue::compute, 0).digest == 0);
  CHECK(record(result, Queue::compute, 1).digest ==
        mix(0, 0) + mix(1, 36) + mix(2, 72) + mix(3, 108));
}

TEST_CASE("a convolution over kernel positions, slots, replicas and several folds") {
  // 3 channels in groups of 2 (two slots, the second half empty), 5 x 5 image, 3 x 3 kernel,
  // stride 2 along x: 2 x 2... pixels; U = 4, so a fold mixes two kernel positions.
  constexpr std::int64_t channels = 3, size = 5, line = 8, slots = 2, group = 2;
  constexpr std::int64_t out_h = 3, out_w = 2;
  std::vector<std::uint8_t> image(4096);
  std::uint64_t state = 5;
  const auto random = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::uint8_t>(state >> 56U);
  };
  for (std::size_t i = 0; i < 120; ++i) image[act_at + i] = random();
  for (std::size_t i = 0; i < 36 * 4; ++i) image[weight_at + i] = random();
  LoadOp act = load(Dest::ifmap, act_at, channels, size, 1);
  act.lines = size;
  act.line_stride = line;
  act.plane_stride = size * line;
  act.dst_line_stride = line / 4;
  act.dst_slot_stride = size * line / 4;
  ComputeOp op = compute(out_w, 36, 3);
  op.out_h = out_h;
  op.step_x = 2;
  op.step_y = line;
  op.log2_group = 1;
  op.slots = slots;
  op.slot_stride = size * line;
  op.kernel_w = 3;
  op.step_kx = 1;
  op.step_ky = line;
  op.act_zp = 7;
  op.wgt_zp = -5;
  const RunResult result =
      run(make_program({tile(act), tile(load(Dest::weight, weight_at, 1, 36 * 4), 0, from_compute),
                        tile(op, from_load)},
                       image),
          small_config());
  std::uint64_t digest = 0, zeros = 0;
  for (std::int64_t y = 0; y < out_h; ++y) {
    for (std::int64_t x = 0; x < out_w; ++x) {
      for (std::int64_t n = 0; n < 3; ++n) {
        std::int64_t sum = 0;
        std::int64_t k = 0;
        for (std::int64_t ky = 0; ky < 3; ++ky) {
          for (std::int64_t kx = 0; kx < 3; ++kx) {
            for (std::int64_t c = 0; c < slots * group; ++c, ++k) {
              const std::int64_t value = c < channels
                                             ? image[static_cast<std::size_t>(
                                                   c * size * line + (y + ky) * line + 2 * x + kx)]
                                             : 0;
              const auto weight =
                  static_cast<std::int8_t>(image[static_cast<std::size_t>(weight_at + 4 * k + n)]);
              sum += (value - 7) * (weight + 5);
              if (n == 0 && value == 7) ++zeros;
            }
          }
        }
        digest += mix(static_cast<std::uint64_t>((y * out_w + x) * 4 + n), as_unsigned(sum));
      }
    }
  }
  CHECK(record(result, Queue::compute, 0).digest == digest);
  CHECK(record(result, Queue::compute, 0).events[Event::act_zero] == zeros);
}

TEST_CASE("packed operands are not reused when the bytes behind them changed") {
  std::vector<std::uint8_t> image(4096);
  for (std::size_t i = 0; i < 64; ++i) image[i] = static_cast<std::uint8_t>(i + 1);
  image[weight_at] = 1;
  image[weight_at + 512] = 2;
  const ComputeOp op = compute(1, 1, 1);
  const RunResult result =
      run(make_program({tile(load(Dest::ifmap, 0, 1, 4, 2)),
                        tile(load(Dest::weight, weight_at, 1, 4), 0, from_compute),
                        tile(op, from_load, from_load),
                        tile(load(Dest::ifmap, 8, 1, 4, 2), from_compute, from_compute),
                        tile(op, from_load, from_load),
                        tile(load(Dest::weight, weight_at + 512, 1, 4), from_compute, from_compute),
                        tile(op, from_load)},
                       image),
          small_config());
  CHECK(record(result, Queue::compute, 0).digest == mix(0, 1));
  CHECK(record(result, Queue::compute, 1).digest == mix(0, 9));
  CHECK(record(result, Queue::compute, 2).digest == mix(0, 18));
}

TEST_CASE("a store to the bytes of an earlier load changes no op that uses them") {
  // Loads may be carried out late: ops 3 and 8 load the same places before and after the store of
  // other bytes there, and the compute op between uses those of before.
  std::vector<std::uint8_t> image(4096);
  for (std::size_t i = 0; i < 64; ++i) image[i] = static_cast<std::uint8_t>(i + 1);
  image[weight_at] = 3;
  put(image, param_at, encode(ChannelRecord{100, 1, 0, 0}));
  LoadOp again = load(Dest::ifmap, 0, 1, 4, 2);
  again.half = 1;
  ComputeOp other = compute(1, 1, 1);
  other.ifmap_half = 1;
  PostOp raw = post(PostMode::requant, 1, 1);
  const Program program = make_program(
      {tile(load(Dest::ifmap, 0, 1, 4, 2)), tile(load(Dest::weight, weight_at, 1, 4)),
       tile(load(Dest::param, param_at, 1, 32)), tile(again, 0, from_compute),
       tile(compute(1, 1, 1), from_load, from_post), tile(raw, from_compute, from_store),
       tile(store(0, 1, 1), from_post, from_compute | from_load),
       tile(other, from_store, from_load), tile(again, from_store | from_compute, from_compute),
       tile(other, from_load)},
      image);
  RunOptions at_once;
  at_once.observe = [](std::size_t, bool, const BufferView&) {};
  for (const RunOptions& options : {RunOptions{}, at_once}) {
    const RunResult result = run(program, small_config(), options);
    CHECK(result.memory[0] == 103);
    CHECK(record(result, Queue::compute, 0).digest == mix(0, 3));
    CHECK(record(result, Queue::compute, 1).digest == mix(0, 3));
    CHECK(record(result, Queue::compute, 2).digest == mix(0, 309));
    const std::uint64_t loaded = record(result, Queue::load, 0).digest;
    CHECK(record(result, Queue::load, 3).digest == loaded);
    CHECK(record(result, Queue::load, 4).digest != loaded);
  }
}
