// SPDX-License-Identifier: Apache-2.0
// Widths of accumulators on layers small enough to sum by hand.
#include "run/accumulators.hpp"

#include <doctest/doctest.h>

using namespace tactus;

namespace {

/// A linear layer of 4 inputs (u4, 0..15) and one output with the given weights and bias.
Network linear(std::vector<std::int16_t> weights, std::int64_t bias) {
  Network n;
  n.name = "n";
  n.inputs.push_back({"x", {4, 1, 1}, {4, false, 0}, false, ""});
  Layer l;
  l.id = "000_l";
  l.op = LayerOp::linear;
  l.inputs = {"x"};
  l.weight_format = {4, true, 0};
  l.out_channels = 1;
  l.in_channels_per_group = 4;
  l.weight = std::move(weights);
  l.bias = {bias};
  l.requant.convention = Convention::none;
  l.out_format = {32, true, 0};
  l.requant.clamp_min = l.out_format.min();
  l.requant.clamp_max = l.out_format.max();
  n.layers.push_back(l);
  n.outputs = {"000_l"};
  check_network(n);
  return n;
}

QTensor input(std::vector<std::int32_t> values) {
  return {{static_cast<int>(values.size()), 1, 1}, {4, false, 0}, std::move(values)};
}

AccumulatorRange observed(const Network& n, const QTensor& x, const KMapping& mapping) {
  AccumulatorRanges ranges;
  observe_accumulators(n, {{"x", x}}, {{"000_l", mapping}}, ranges);
  return ranges.at("000_l");
}

}  // namespace

TEST_CASE("accumulators: bits of a range") {
  CHECK(AccumulatorRange{0, 0}.bits() == 1);
  CHECK(AccumulatorRange{-1, 0}.bits() == 1);
  CHECK(AccumulatorRange{0, 1}.bits() == 2);
  CHECK(AccumulatorRange{-128, 127}.bits() == 8);
  CHECK(AccumulatorRange{-129, 0}.bits() == 9);
  CHECK(AccumulatorRange{0, 128}.bits() == 9);
}

TEST_CASE("accumulators: the worst case takes positive and negative weights apart") {
  // 7 + 3 = 10 and -8 with inputs of at most 15: 150 and -120; with bias 100: 250 and -20.
  const auto ranges = worst_case_accumulators(linear({7, 3, -8, 0}, 100));
  CHECK(ranges.at("000_l").min == -120);
  CHECK(ranges.at("000_l").max == 250);
  CHECK(ranges.at("000_l").bits() == 9);
}

TEST_CASE("accumulators: data are looked at after each exact sum") {
  const Network n = linear({7, 7, -8, -8}, 0);
  const QTensor x = input({15, 15, 15, 14});  // 105, 210, 90, -22
  KMapping map;
  CHECK(observed(n, x, map).max == 0);  // the complete sum alone: -22
  CHECK(observed(n, x, map).min == -22);
  map.rows = 2;
  map.slots = 4;
  CHECK(observed(n, x, map).max == 210);
  map.rows = 1;
  CHECK(observed(n, x, map).max == 210);
  map.rows = 3;
  CHECK(observed(n, x, map).max == 90);
  map.rows = 2;
  map.lanes = map.bundle = 2;  // two elements a unit: folds of 4 elements
  map.slots = 2;
  CHECK(observed(n, x, map).max == 0);
}

TEST_CASE("accumulators: an output-stationary op starts at 0") {
  const Network n = linear({7, 7, -8, -8}, 0);
  const QTensor x = input({15, 15, 15, 14});
  KMapping map;
  map.rows = 4;
  map.slots = 4;
  map.output_stationary = true;
  CHECK(observed(n, x, map).max == 210);
  CHECK(observed(n, x, map).min == -22);
  map.chunk = 2;  // 210, then -120 and -232 from 0
  CHECK(observed(n, x, map).max == 210);
  CHECK(observed(n, x, map).min == -232);
}

TEST_CASE("accumulators: the pixels of a transposed convolution have sums of their own") {
  // 2x2 with stride 2: each output pixel is one product.
  Network n;
  n.name = "n";
  n.inputs.push_back({"x", {1, 1, 2}, {4, false, 0}, false, ""});
  Layer l;
  l.id = "000_l";
  l.op = LayerOp::conv_transpose2d;
  l.inputs = {"x"};
  l.kernel_h = l.kernel_w = l.stride_h = l.stride_w = 2;
  l.weight_format = {4, true, 0};
  l.out_channels = l.in_channels_per_group = 1;
  l.weight = {3, -2, 0, 1};
  l.bias = {5};
  l.out_format = {32, true, 0};
  l.requant.clamp_min = l.out_format.min();
  l.requant.clamp_max = l.out_format.max();
  n.layers.push_back(l);
  n.outputs = {"000_l"};
  check_network(n);
  const AccumulatorRange worst = worst_case_accumulators(n).at("000_l");
  CHECK(worst.min == -30);  // 15 * -2; all four weights together would reach -30 and 60
  CHECK(worst.max == 50);   // 15 * 3 + 5
  const QTensor x{{1, 1, 2}, {4, false, 0}, {2, 10}};
  const AccumulatorRange seen = observed(n, x, {});
  CHECK(seen.min == -20);
  CHECK(seen.max == 35);
}

namespace {

/// "x" and "y" through one layer "000_l".
Network two_inputs(Layer layer, const Shape& x, const Format& fx, const Shape& y,
                   const Format& fy) {
  Network n;
  n.name = "n";
  n.inputs.push_back({"x", x, fx, false, ""});
  n.inputs.push_back({"y", y, fy, false, ""});
  layer.id = "000_l";
  n.layers.push_back(std::move(layer));
  n.outputs = {"000_l"};
  return n;
}

}  // namespace

TEST_CASE("accumulators: products of activations") {
  // 6 terms of (x - 3) * (y - 1): x - 3 is -3..12, y - 1 is -9..6. Products are -108..72.
  Layer layer;
  layer.op = LayerOp::matmul;
  layer.inputs = {"x", "y"};
  layer.heads = 2;
  layer.out_shape = {2, 1, 1};
  const Network n = two_inputs(layer, {12, 1, 1}, {4, false, 3}, {12, 1, 1}, {4, true, 1});
  const auto worst = worst_case_accumulators(n);
  CHECK(worst.at("000_l").min == -6 * 108);
  CHECK(worst.at("000_l").max == 6 * 72);

  // Head 0: terms 12, -9, 0 | 4, -60, 0. Head 1: six times 12 * -9 = -108.
  QTensor x{{12, 1, 1}, {4, false, 3}, {5, 6, 3, 7, 13, 3, 15, 15, 15, 15, 15, 15}};
  QTensor y{{12, 1, 1}, {4, true, 1}, {7, -2, 5, 2, -5, 0, -8, -8, -8, -8, -8, -8}};
  const auto range = [&](std::int64_t rows) {
    KMapping map;
    map.rows = rows;
    AccumulatorRanges ranges;
    observe_accumulators(n, {{"x", x}, {"y", y}}, {{"000_l", map}}, ranges);
    return ranges.at("000_l");
  };
  CHECK(range(0).min == -648);
  CHECK(range(0).max == 0);
  CHECK(range(3).max == 3);
  CHECK(range(1).max == 12);
}

TEST_CASE("accumulators: a requantised tensor without its zero point") {
  Layer layer;
  layer.op = LayerOp::requant;
  layer.inputs = {"x"};
  layer.out_shape = {3, 1, 1};
  const Network n = two_inputs(layer, {3, 1, 1}, {8, false, 200}, {1, 1, 1}, {8, false, 0});
  const auto worst = worst_case_accumulators(n).at("000_l");
  CHECK(worst.min == -200);
  CHECK(worst.max == 55);
  AccumulatorRanges ranges;
  observe_accumulators(n, {{"x", {{3, 1, 1}, {8, false, 200}, {190, 201, 200}}}}, {}, ranges);
  CHECK(ranges.at("000_l").min == -10);
  CHECK(ranges.at("000_l").max == 1);
}

TEST_CASE("accumulators: an average over values without their zero point") {
  Layer layer;
  layer.op = LayerOp::global_avgpool;
  layer.inputs = {"x"};
  layer.out_shape = {1, 1, 1};
  layer.requant.convention = Convention::mul_shift;
  const Network n = two_inputs(layer, {1, 2, 2}, {8, false, 255}, {1, 1, 1}, {8, false, 0});
  CHECK(worst_case_accumulators(n).at("000_l").min == -4 * 255);
  AccumulatorRanges ranges;
  observe_accumulators(n, {{"x", {{1, 2, 2}, {8, false, 255}, {255, 250, 0, 255}}}}, {}, ranges);
  CHECK(ranges.at("000_l").min == -260);
  // Stored values are averaged as they are.
  Network counted = n;
  counted.layers[0].requant.convention = Convention::avg_tflite;
  CHECK(worst_case_accumulators(counted).at("000_l").min == 0);
  CHECK(worst_case_accumulators(counted).at("000_l").max == 4 * 255);
}

TEST_CASE("accumulators: layers that move values or keep sums of their own have none") {
  int with = 0;
  for (unsigned op = 0; op < layer_op_count; ++op) {
    with += has_accumulators(static_cast<LayerOp>(op)) ? 1 : 0;
  }
  CHECK(with == 7);
  CHECK_FALSE(has_accumulators(LayerOp::softmax));
  CHECK(has_accumulators(LayerOp::matmul));
  CHECK(has_accumulators(LayerOp::requant));
}
