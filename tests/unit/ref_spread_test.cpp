// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions, moved pixels and shared operands against values calculated by hand.
#include <doctest/doctest.h>

#include "../support/one_layer.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

Layer transposed(int out, int inner, int kh, int kw, std::vector<std::int16_t> weight) {
  return weighted_layer(LayerOp::conv_transpose2d, out, inner, kh, kw, std::move(weight));
}

Layer mover(LayerOp op, const Format& format) {
  Layer l;
  l.op = op;
  l.out_format = format;
  return l;
}

}  // namespace

TEST_CASE("ref: a transposed convolution lays kernels over each other") {
  // x - 1 = [1 2; 3 4], w - 1 = [1 2 3]: stride 2, row 0 is 1 2 (3+2) 4 6.
  Layer l = transposed(1, 1, 1, 3, {2, 3, 4});
  l.stride_h = l.stride_w = 2;
  l.weight_zero_point = {1};
  l.bias = {10};
  const Format format{8, false, 1};
  CHECK(output(one_layer({1, 2, 2}, format, l), {2, 3, 4, 5}) ==
        std::vector<std::int32_t>{11, 12, 15, 14, 16, 10, 10, 10, 10, 10, 13, 16, 23, 18, 22});
  // Without the first column, the last line and with one column more.
  l.padding = {0, 1, 0, 0};
  l.output_padding = {0, 1};
  CHECK(output(one_layer({1, 2, 2}, format, l), {2, 3, 4, 5}) ==
        std::vector<std::int32_t>{12, 15, 14, 16, 10, 10, 10, 10, 10, 10, 16, 23, 18, 22, 10});
}

TEST_CASE("ref: groups of a transposed convolution") {
  // Two groups of one channel, two outputs each.
  Layer l = transposed(4, 1, 1, 1, {1, 10, 100, -1});
  l.groups = 2;
  CHECK(output(one_layer({2, 1, 1}, Format{8, true, 0}, l), {3, 5}) ==
        std::vector<std::int32_t>{3, 30, 500, -5});
}

TEST_CASE("ref: folds order the sums of a transposed convolution's pixels") {
  // One column, stride 1, kernel 3: pixel 2 is x[2] w[0] + x[1] w[1] + x[0] w[2]. The window runs
  // down the input: first x[0] w[2].
  Layer l = transposed(1, 1, 3, 1, {-100, 100, 100});
  l.padding = {2, 0, 2, 0};
  const Network n = one_layer({1, 3, 1}, Format{8, true, 0}, l);
  const std::vector<std::int32_t> x{15, 10, 10};  // 1500, 1000, -1000
  RefOptions o;
  o.acc_bits = 12;
  o.overflow = Overflow::saturate;
  std::uint64_t count = 0;
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1500});
  CHECK(count == 0);
  KMapping folds;
  folds.rows = 1;
  folds.slots = 1;
  folds.column_channels = 1;
  o.k_mapping["000_l"] = folds;  // 1500, 2500 -> 2047, 1047
  CHECK(output(n, x, o, &count) == std::vector<std::int32_t>{1047});
  CHECK(count == 1);
  // In the other direction nothing overflows: -1000, 0, 1500.
  l.weight = {100, 100, -100};
  const Network turned = one_layer({1, 3, 1}, Format{8, true, 0}, l);
  CHECK(output(turned, {10, 10, 15}, o, &count) == std::vector<std::int32_t>{1500});
  CHECK(count == 0);
}

TEST_CASE("ref: channels become pixels and pixels channels") {
  const Format u8{8, false, 0};
  Layer l = mover(LayerOp::pixel_shuffle, u8);
  l.stride_h = 2;
  l.stride_w = 1;
  const std::vector<std::int32_t> x{0, 1, 10, 11, 20, 21, 30, 31};  // 4 channels of 1x2
  CHECK(output(one_layer({4, 1, 2}, u8, l), x) ==
        std::vector<std::int32_t>{0, 1, 10, 11, 20, 21, 30, 31});
  l.blocks = 1;
  CHECK(output(one_layer({4, 1, 2}, u8, l), x) ==
        std::vector<std::int32_t>{0, 1, 20, 21, 10, 11, 30, 31});
  l = mover(LayerOp::space_to_depth, u8);
  l.stride_h = 1;
  l.stride_w = 2;
  // 2 channels of 1x4: columns 0 and 2, then 1 and 3.
  CHECK(output(one_layer({2, 1, 4}, u8, l), {0, 1, 2, 3, 10, 11, 12, 13}) ==
        std::vector<std::int32_t>{0, 2, 1, 3, 10, 12, 11, 13});
  l.blocks = 1;
  CHECK(output(one_layer({2, 1, 4}, u8, l), {0, 1, 2, 3, 10, 11, 12, 13}) ==
        std::vector<std::int32_t>{0, 2, 10, 12, 1, 3, 11, 13});
  l = mover(LayerOp::reshape, u8);
  l.size = {1, 4, 2};
  CHECK(output(one_layer({4, 1, 2}, u8, l), x) == x);
}

TEST_CASE("ref: one pixel or one channel stands for all") {
  Network n;
  n.name = "shared";
  const Format s8{8, true, 0};
  n.inputs = {{"x", {2, 1, 3}, s8, false, ""}};
  const auto add = [&](const char* id, LayerOp op, std::vector<std::string> inputs) -> Layer& {
    Layer l = mover(op, s8);
    l.id = id;
    l.inputs = std::move(inputs);
    l.requant.clamp_min = -128;
    l.requant.clamp_max = 127;
    n.layers.push_back(std::move(l));
    return n.layers.back();
  };
  Layer& gain = add("000_gain", LayerOp::constant, {});
  gain.out_shape = {2, 1, 1};
  gain.value = {2, -3};
  Layer& scaled = add("001_scaled", LayerOp::mul, {"x", "000_gain"});
  scaled.requant.convention = Convention::pow2;
  scaled.requant.shift = {0};
  Layer& line = add("002_line", LayerOp::constant, {});
  line.out_shape = {1, 1, 3};
  line.value = {5, 0, -5};
  add("003_most", LayerOp::maximum, {"002_line", "001_scaled"});
  n.outputs = {"003_most"};
  check_network(n);
  const auto out = run_reference(n, {{"x", {{2, 1, 3}, s8, {1, 2, 3, 4, 5, 6}}}}, {});
  CHECK(out.at("001_scaled").data == std::vector<std::int32_t>{2, 4, 6, -12, -15, -18});
  CHECK(out.at("003_most").data == std::vector<std::int32_t>{5, 4, 6, 5, 0, -5});
}
