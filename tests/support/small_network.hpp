// SPDX-License-Identifier: Apache-2.0
// A network with every kind of layer that is small enough to be written down; the damage script
// relies on its names and values.
#pragma once

#include <functional>
#include <numeric>

#include "network/network.hpp"
#include "numerics/errors.hpp"

namespace tactus::testing {

inline Layer layer_of(const char* id, LayerOp op, std::vector<std::string> inputs, Format out) {
  Layer layer;
  layer.id = id;
  layer.op = op;
  layer.inputs = std::move(inputs);
  layer.out_format = out;
  layer.requant.clamp_min = out.min();
  layer.requant.clamp_max = out.max();
  return layer;
}

/// What check_network says of a network after a change; "(accepted)" when it has nothing to say.
inline std::string error_after(Network n, const std::function<void(Network&)>& change) {
  change(n);
  try {
    check_network(n);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "(accepted)";
}

/// Weights -7..7 in turn, a multiplier 100, 101, ... and a shift of 9 for every channel.
inline void fill(Layer& layer, int outputs, int inputs, int taps) {
  layer.out_channels = outputs;
  layer.in_channels_per_group = inputs;
  layer.weight_format = Format{4, true, 0};
  for (int i = 0; i < outputs * inputs * taps; ++i) {
    layer.weight.push_back(static_cast<std::int16_t>(i % 15 - 7));
  }
  layer.requant.convention = Convention::mul_shift;
  layer.requant.mult_bits = 16;
  for (int o = 0; o < outputs; ++o) {
    layer.bias.push_back(o * 1000 - 1500);
    layer.requant.mult.push_back(100 + o);
  }
  layer.requant.shift = {9};
}

/// Inputs img [3,6,6] u4 with zero point 2 and seq (T = 5, C = 2) s3.
inline Network small_network() {
  const Format u4{4, false, 2};
  Network n;
  n.name = "small";
  n.producer = "test";
  n.inputs = {{"img", {3, 6, 6}, u4, false, "0.5"},
              {"seq", {2, 1, 5}, Format{3, true, 0}, true, ""}};

  Layer conv = layer_of("000_conv", LayerOp::conv2d, {"img"}, u4);
  conv.source_name = "layer1.conv";
  conv.kernel_h = conv.kernel_w = 3;
  conv.padding = {1, 1, 1, 1};
  fill(conv, 4, 3, 9);
  conv.weight_zero_point = {0, 1, -1, 2};
  Layer clamp = layer_of("001_clamp", LayerOp::clamp, {"000_conv"}, u4);
  clamp.requant.clamp_min = 2;
  clamp.requant.clamp_max = 12;
  Layer add = layer_of("002_add", LayerOp::add, {"001_clamp", "000_conv"}, u4);
  add.requant.convention = Convention::add_mul_shift;
  add.requant.rounding = Rounding::half_even;
  add.requant.shift = {4};
  add.requant.add = {3};
  add.operand_scale = {OperandScale{7, 1, 0}, OperandScale{-5, 0, 0}};
  Layer pool = layer_of("003_pool", LayerOp::maxpool, {"002_add"}, u4);
  pool.kernel_h = pool.kernel_w = 2;
  pool.stride_h = pool.stride_w = 2;
  Layer gap = layer_of("004_gap", LayerOp::global_avgpool, {"003_pool"}, u4);
  gap.requant.convention = Convention::avg_tflite;
  Layer flat = layer_of("005_flat", LayerOp::flatten, {"004_gap"}, u4);
  Layer fc = layer_of("006_fc", LayerOp::linear, {"005_flat"}, Format{32, true, 0});
  fill(fc, 3, 4, 1);
  fc.requant.convention = Convention::none;
  fc.requant.mult.clear();
  fc.requant.shift.clear();
  Layer seq = layer_of("007_seqconv", LayerOp::conv2d, {"seq"}, Format{8, true, 0});
  seq.kernel_w = 3;
  fill(seq, 2, 2, 3);
  seq.requant.convention = Convention::tflite_double;
  seq.requant.mult_bits = 32;
  seq.requant.mult = {1342177280};
  seq.requant.shift = {-6};
  n.layers = {conv, clamp, add, pool, gap, flat, fc, seq};
  n.outputs = {"006_fc", "007_seqconv"};
  return n;
}

}  // namespace tactus::testing
