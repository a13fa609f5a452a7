// SPDX-License-Identifier: Apache-2.0
// One layer behind the other of those that spread, move and share values.
#pragma once

#include "small_network.hpp"

namespace tactus::testing {

/// Input x [4,4,5] of 8 bits. Layers: transposed convolution of two groups, pixel shuffle, space to
/// depth, reshape, a factor for each channel, and one for all.
inline Network spread_network() {
  const Format s8{8, true, 0};
  Network n;
  n.name = "spread";
  n.inputs = {{"x", {4, 4, 5}, s8, false, ""}};
  Layer up = layer_of("000_up", LayerOp::conv_transpose2d, {"x"}, s8);
  up.kernel_h = 4;
  up.kernel_w = 2;
  up.stride_h = 3;
  up.stride_w = 2;
  up.padding = {1, 0, 2, 1};
  up.output_padding = {2, 0};
  up.groups = 2;
  fill(up, 8, 2, 8);
  Layer wide = layer_of("001_wide", LayerOp::pixel_shuffle, {"000_up"}, s8);
  wide.stride_h = wide.stride_w = 2;
  wide.blocks = 1;
  Layer deep = layer_of("002_deep", LayerOp::space_to_depth, {"001_wide"}, s8);
  deep.stride_h = 2;
  deep.stride_w = 3;
  Layer flat = layer_of("003_flat", LayerOp::reshape, {"002_deep"}, s8);
  flat.size = {12, 1, 72};
  Layer gain = layer_of("004_gain", LayerOp::constant, {}, s8);
  gain.out_shape = {12, 1, 1};
  for (int i = 0; i < 12; ++i) gain.value.push_back(10 * i - 50);
  Layer scaled = layer_of("005_scaled", LayerOp::mul, {"003_flat", "004_gain"}, s8);
  scaled.requant.convention = Convention::pow2;
  scaled.requant.shift = {5};
  Layer one = layer_of("006_one", LayerOp::constant, {}, s8);
  one.out_shape = {1, 1, 1};
  one.value = {3};
  Layer most = layer_of("007_most", LayerOp::maximum, {"006_one", "005_scaled"}, s8);
  n.layers = {up, wide, deep, flat, gain, scaled, one, most};
  n.outputs = {"007_most"};
  return n;
}

}  // namespace tactus::testing
