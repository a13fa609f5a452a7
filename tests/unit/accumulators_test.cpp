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
