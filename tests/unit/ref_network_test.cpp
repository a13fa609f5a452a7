// SPDX-License-Identifier: Apache-2.0
// The layers of the reference against values calculated by hand.
#include <doctest/doctest.h>

#include "../support/one_layer.hpp"
#include "numerics/errors.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

Layer conv(int out, int in_per_group, int kernel, std::vector<std::int16_t> weight) {
  return weighted_layer(LayerOp::conv2d, out, in_per_group, kernel, kernel, std::move(weight));
}

/// Units of one channel, `rows` to a fold.
KMapping folds_of(std::int64_t rows, std::int64_t slots, std::int64_t columns) {
  KMapping m;
  m.rows = rows;
  m.slots = slots;
  m.column_channels = columns;
  return m;
}

}  // namespace

TEST_CASE("ref: convolution with padding, stride and zero points") {
  // Input zero point 3: padding counts as 3, weight zero point 1.
  Layer l = conv(1, 1, 2, {2, 3, 4, 5});
  l.padding = {1, 0, 0, 1};
  l.stride_w = 2;
  l.weight_zero_point = {1};
  l.bias = {100};
  const Network n = one_layer({1, 2, 3}, Format{8, false, 3}, l);
  // x - 3 = [1 2 3; 4 5 6], w - 1 = [1 2; 3 4]; rows start at -1, columns at 0 and 2.
  // (0,0): 3*1 + 4*2 = 11; (0,1): 3*3 = 9; (1,0): 1 + 4 + 12 + 20 = 37; (1,1): 3 + 18 = 21
  CHECK(output(n, {4, 5, 6, 7, 8, 9}) == std::vector<std::int32_t>{111, 109, 137, 121});
}

TEST_CASE("ref: dilation and groups") {
  Layer l = conv(2, 1, 2, {1, 1, 1, 1, 1, 0, 0, -1});
  l.groups = 2;
  l.dilation_h = l.dilation_w = 2;
  const Network n = one_layer({2, 3, 3}, Format{8, true, 0}, l);
  CHECK(output(n, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90}) ==
        std::vector<std::int32_t>{1 + 3 + 7 + 9, 10 - 90});
}

TEST_CASE("ref: folds decide what a saturating accumulator holds") {
  // 12 bits: [-2048, 2047]. Products in K order (c): 1500, 1000, -1000, 200.
  Layer l = conv(1, 4, 1, {100, 100, -100, 100});
  l.bias = {1};
  const Network n = one_layer({4, 1, 1}, Format{8, true, 0}, l);
  const std::vector<std::int32_t> x{15, 10, 10, 2};
  RefOptions o;
  o.acc_bits = 12;
  o.overflow = Overflow::saturate;
  std::uint64_t count = 0;
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1701});  // one fold
  CHECK(count == 0);
  o.k_mapping["000_l"] = folds_of(2, 4, 1);  // 2500 -> 2047, then -800, then bias
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1248});
  CHECK(count == 1);
  o.k_mapping["000_l"] = folds_of(3, 4, 1);  // 1500, then 200
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1701});
  CHECK(count == 0);
  o.overflow = Overflow::wrap;
  o.k_mapping["000_l"] = folds_of(1, 4, 1);  // 1500, 2500 wraps to -1596, -2596 wraps to 1500
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1701});
  CHECK(count == 2);
}

TEST_CASE("ref: the bias is the last fold") {
  Layer l = conv(1, 1, 1, {100});
  l.bias = {100};
  const Network n = one_layer({1, 1, 1}, Format{8, true, 0}, l);
  RefOptions o;
  o.acc_bits = 12;
  o.overflow = Overflow::saturate;
  std::uint64_t count = 0;
  CHECK(output(n, {20}, o, &count) == std::vector<std::int32_t>{2047});  // 2000 + 100
  CHECK(count == 1);
  CHECK(output(n, {-30}, o, &count) == std::vector<std::int32_t>{-1948});  // -2048 + 100
  CHECK(count == 1);
}

TEST_CASE("ref: a column tile shares the K positions of its groups") {
  // Depthwise 2x1: kernel positions of both channels alternate when they share a tile.
  Layer l = conv(2, 1, 1, {});
  l.groups = 2;
  l.kernel_h = 3;
  l.weight = {100, 100, -100, 1, 1, 1};
  const Network n = one_layer({2, 3, 1}, Format{8, true, 0}, l);
  const std::vector<std::int32_t> x{15, 10, 10, 1, 1, 1};  // channel 0: 1500, 1000, -1000
  RefOptions o;
  o.acc_bits = 12;
  o.overflow = Overflow::saturate;
  std::uint64_t count = 0;
  o.k_mapping["000_l"] = folds_of(2, 1, 1);  // own tile: {1500, 1000}, {-1000}
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1047, 3});
  CHECK(count == 1);
  o.k_mapping["000_l"] = folds_of(2, 2, 2);  // {1500, 0}, {1000, 0}, {-1000, 0}
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1047, 3});
  CHECK(count == 1);
  o.k_mapping["000_l"] = folds_of(6, 2, 2);
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1500, 3});
  CHECK(count == 0);
  // Padded to 4 channels: 6 positions hold 1500 (0) and 1000 (4), then -1000 (8).
  o.k_mapping["000_l"] = folds_of(6, 4, 2);
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1047, 3});
  CHECK(count == 1);
}

namespace {

/// 1x1 convolution of 8 channels with one output, accumulators of 12 bits that saturate.
std::int32_t eight_channels(const std::vector<std::int16_t>& weight, const KMapping& mapping,
                            std::uint64_t expected_overflows) {
  Layer l = conv(1, 8, 1, weight);
  const Network n = one_layer({8, 1, 1}, Format{8, true, 0}, l);
  RefOptions o;
  o.acc_bits = 12;  // -2048 .. 2047
  o.overflow = Overflow::saturate;
  o.k_mapping["000_l"] = mapping;
  std::uint64_t count = 0;
  const auto out = output(n, {10, 10, 10, 10, 10, 10, 10, 10}, o, &count);
  CHECK(count == expected_overflows);
  return out.at(0);
}

}  // namespace

TEST_CASE("ref: lanes and planes of a K mapping are summed together") {
  const std::vector<std::int16_t> w{100, 100, 100, 100, -100, -100, -100, -100};
  KMapping m = folds_of(2, 8, 1);
  // units of one channel: 2000, 4000 -> 2047, 47, -1953
  CHECK(eight_channels(w, m, 1) == -1953);
  m.bundle = m.lanes = 4;  // two units of 4 lanes in one fold
  m.slots = 2;
  CHECK(eight_channels(w, m, 0) == 0);
  m.rows = 1;  // 4000 -> 2047, then - 4000
  CHECK(eight_channels(w, m, 1) == -1953);
  m.lanes = 2;  // windows: 2000, 4000 -> 2047, 47, -1953
  m.windows = 2;
  CHECK(eight_channels(w, m, 1) == -1953);
  // Two planes side by side: unit 0 is window 0 of plane 0, unit 1 window 0 of plane 1.
  m.group = 2;
  m.slots = 1;
  m.rows = 2;
  CHECK(eight_channels(w, m, 0) == 0);
}

TEST_CASE("ref: the kept weights of an N:M group lie in units of their own") {
  // 2:4: first kept weights 100, -50; second kept 127, -100.
  const std::vector<std::int16_t> w{0, 100, 0, 127, -50, 0, -100, 0};
  KMapping m = folds_of(1, 2, 1);
  m.bundle = 4;
  m.candidates = 4;
  m.kept = 2;
  // 1000, 2270 -> 2047, 1547, 547
  CHECK(eight_channels(w, m, 1) == 547);
  m.slots = 1;
  m.bundle = 8;
  m.lanes = 2;  // n = 0: 1000 - 500, n = 1: 500 + 1270 - 1000
  CHECK(eight_channels(w, m, 0) == 770);
  m.lanes = 1;
  m.bundle = 4;
  m.group = 2;
  m.rows = 2;  // the same two sums, side by side on the rows
  CHECK(eight_channels(w, m, 0) == 770);
  m.kept = 1;
  CHECK_THROWS_AS(eight_channels(w, m, 0), InternalError);
}

TEST_CASE("ref: output-stationary ops settle per unit and at each drain") {
  const std::vector<std::int16_t> w{100, 127, -127, -127, -100, 127, 127, 100};
  KMapping m = folds_of(4, 8, 1);
  m.output_stationary = true;
  // 1000, 2270 -> 2047, 777, -493, -1493, -223, 1047, 2047 (exact)
  CHECK(eight_channels(w, m, 1) == 2047);
  // Ops of 3 units: 1000, 2047 (overflow), 777 | -1270, -2270 -> -2048, -778 | 1270, 2270 -> 2047;
  // psum 777, -1, 2046.
  m.chunk = 3;
  CHECK(eight_channels(w, m, 3) == 2046);
  // Ops of 2 units: 2047 (overflow) | -2540 -> -2048 | 270 | 2270 -> 2047; 2047, -1, 269, 2316.
  m.chunk = 2;
  CHECK(eight_channels(w, m, 4) == 2047);
}

TEST_CASE("ref: line phases of a depthwise layer shift its folds") {
  // 3x1 kernel with products 1000, 1270, -1270; two phases, stride 1, folds of two lines.
  Layer l = conv(1, 1, 1, {100, 127, -127});
  l.kernel_h = 3;
  const Network n = one_layer({1, 4, 1}, Format{8, true, 0}, l);
  RefOptions o;
  o.acc_bits = 12;
  o.overflow = Overflow::saturate;
  KMapping m = folds_of(2, 1, 1);
  m.line_phases = 2;
  o.k_mapping["000_l"] = m;
  std::uint64_t count = 0;
  // Line 0: folds {ky 0, 1}, {2}: 2270 -> 2047, 777. Line 1: ky' 1 | 2, 3: 1000, 1000 + 1270 -
  // 1270.
  CHECK(output(n, {10, 10, 10, 10}, o, &count) == std::vector<std::int32_t>{777, 1000});
  CHECK(count == 1);
}

TEST_CASE("ref: linear walks its input as (y, x, c) when told so") {
  Layer l = conv(1, 4, 1, {100, 100, 100, 100});
  l.op = LayerOp::linear;
  const Network n = one_layer({4, 1, 1}, Format{8, true, 0}, l);
  const std::vector<std::int32_t> x{15, -10, 10, 1};
  RefOptions o;
  o.acc_bits = 12;
  o.overflow = Overflow::saturate;
  o.k_mapping["000_l"] = folds_of(2, 4, 1);
  std::uint64_t count = 0;
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1600});  // 500, 1600
  CHECK(count == 0);
  o.linear_shape["000_l"] = {2, 1, 2};  // order 0, 2, 1, 3: 2500 -> 2047, then -900
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1147});
  CHECK(count == 1);
}

TEST_CASE("ref: pools") {
  Layer l;
  l.op = LayerOp::maxpool;
  l.kernel_h = l.kernel_w = 2;
  l.stride_h = l.stride_w = 2;
  l.padding = {1, 1, 0, 0};
  l.out_format = Format{8, true, -5};
  const std::vector<std::int32_t> x{-9, -8, -7, -6, -5, -4, -3, -2, -1};
  CHECK(output(one_layer({1, 3, 3}, l.out_format, l), x) ==
        std::vector<std::int32_t>{-9, -7, -3, -1});

  l.op = LayerOp::avgpool;
  l.requant.convention = Convention::avg_tflite;
  l.requant.clamp_min = -128;
  l.requant.clamp_max = 127;
  // Means over the inside taps: -9, -7.5, -4.5, -3 -> away from zero.
  CHECK(output(one_layer({1, 3, 3}, l.out_format, l), x) ==
        std::vector<std::int32_t>{-9, -8, -5, -3});

  l.requant.convention = Convention::mul_shift;
  l.requant.mult = {1};
  l.requant.shift = {2};
  l.count_include_pad = true;
  // Sums of x + 5: -4, -3 - 2 = -5, -1 + 2 = 1, 0 + 1 + 3 + 4 = 8; /4 half up, - 5.
  CHECK(output(one_layer({1, 3, 3}, l.out_format, l), x) ==
        std::vector<std::int32_t>{-6, -6, -5, -3});
}

TEST_CASE("ref: inputs are checked") {
  const Network n = one_layer({1, 1, 1}, Format{4, true, 0}, conv(1, 1, 1, {1}));
  CHECK_THROWS_AS(output(n, {8}), BadInput);
  CHECK_THROWS_AS(output(n, {1, 2}), BadInput);
  CHECK_THROWS_AS((void)run_reference(n, {}, {}), BadInput);
}
