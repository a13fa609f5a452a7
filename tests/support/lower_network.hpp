// SPDX-License-Identifier: Apache-2.0
// Networks of one convolution for the tests of the lowering, and what to look at in a program.
#pragma once

#include <functional>
#include <variant>
#include <vector>

#include "network/network.hpp"
#include "program/operand_layout.hpp"
#include "program/program.hpp"

namespace tactus::testing {

/// Weight of output channel n, input channel c (inside its group) and tap (ky, kx).
using WeightOf =
    std::function<std::int64_t(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>;

/// Weights of all values of a signed format but 0, from a linear congruence.
inline WeightOf random_weights(int bits) {
  return [bits](std::int64_t n, std::int64_t c, std::int64_t ky, std::int64_t kx) {
    const std::int64_t limit = (std::int64_t{1} << (bits - 1)) - 1;
    const std::int64_t r = (((n * 31 + c) * 7 + ky) * 5 + kx) * 1103515245 + 12345;
    const std::int64_t value = (r >> 8) % (2 * limit + 1) - limit;
    return value == 0 ? limit : value;
  };
}

/// n weights of 1 in every m neighbouring input channels, at places that differ by output channel.
inline WeightOf nm_weights(int n, int m) {
  return [n, m](std::int64_t o, std::int64_t c, std::int64_t ky, std::int64_t kx) {
    return (c % m + o + ky + kx) % m < n ? 1 : 0;
  };
}

/// Input "x" of in_c x h x w, layer "000_conv" with a k x k kernel and no padding. Weights of one
/// bit are -1 and +1.
inline Network one_conv(int in_c, int h, int w, int out_c, int k, int act_bits, int weight_bits,
                        const WeightOf& weight, int groups = 1, int stride = 1) {
  Network net;
  net.name = "one";
  net.inputs = {{"x", {in_c, h, w}, Format{act_bits, false, 0}, false, ""}};
  Layer layer;
  layer.id = "000_conv";
  layer.inputs = {"x"};
  layer.kernel_h = layer.kernel_w = k;
  layer.stride_h = layer.stride_w = stride;
  layer.groups = groups;
  layer.padding = {k / 2, k / 2, k / 2, k / 2};
  if (groups == 1) layer.padding = {0, 0, 0, 0};
  layer.out_channels = out_c;
  layer.in_channels_per_group = in_c / groups;
  layer.weight_format = Format{weight_bits, true, 0};
  layer.weight_format.bipolar = weight_bits == 1;
  for (int n = 0; n < out_c; ++n) {
    for (int c = 0; c < in_c / groups; ++c) {
      for (int ky = 0; ky < k; ++ky) {
        for (int kx = 0; kx < k; ++kx) {
          layer.weight.push_back(static_cast<std::int16_t>(weight(n, c, ky, kx)));
        }
      }
    }
  }
  layer.out_format = Format{act_bits, false, 0};
  layer.requant.convention = Convention::pow2;
  layer.requant.shift = {4};
  layer.requant.clamp_max = layer.out_format.max();
  net.layers = {layer};
  net.outputs = {"000_conv"};
  check_network(net);
  return net;
}

template <class Op>
std::vector<Op> ops_of(const Program& program) {
  std::vector<Op> out;
  for (const TileOp& op : program.ops) {
    if (const auto* body = std::get_if<Op>(&op.body)) out.push_back(*body);
  }
  return out;
}

/// K units of the first pixel and column tile.
inline std::int64_t units_of(const Program& program) {
  std::int64_t units = 0;
  for (const ComputeOp& op : ops_of<ComputeOp>(program)) {
    units += op.k_rows;
    if (op.k_complete != 0) break;
  }
  return units;
}

}  // namespace tactus::testing
