// SPDX-License-Identifier: Apache-2.0
#include "run/layer_costs.hpp"

namespace tactus {
namespace {

std::int64_t bytes_of(std::int64_t values, int bits) { return (values * bits + 7) / 8; }

std::int64_t zeros_of(const Layer& layer) {
  const auto& zero_points = layer.weight_zero_point;
  const std::size_t per_channel =
      layer.weight.size() / static_cast<std::size_t>(layer.out_channels);
  std::int64_t zeros = 0;
  for (std::size_t i = 0; i < layer.weight.size(); ++i) {
    const std::size_t channel = i / per_channel;
    const std::int64_t zero =
        zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : channel];
    zeros += layer.weight[i] == zero ? 1 : 0;
  }
  return zeros;
}

}  // namespace

LayerCosts layer_costs(const Network& network) {
  LayerCosts out;
  for (const Layer& layer : network.layers) {
    LayerCost cost;
    cost.macs = macs_of(layer);
    cost.output_bytes = bytes_of(layer.out_shape.count(), layer.out_format.bits);
    if (cost.macs > 0) {
      const int a = network.format_of(layer.inputs[0]).bits;
      const int b =
          layer.weight.empty() ? network.format_of(layer.inputs[1]).bits : layer.weight_format.bits;
      cost.bops = cost.macs * a * b;
    }
    if (!layer.weight.empty()) {
      cost.weights = static_cast<std::int64_t>(layer.weight.size());
      cost.zero_weights = zeros_of(layer);
      cost.weight_bytes = bytes_of(cost.weights, layer.weight_format.bits);
    }
    const Requant& r = layer.requant;
    cost.constant_bytes = static_cast<std::int64_t>(
        layer.bias.size() * 6 + r.mult.size() * 4 + r.shift.size() + r.add.size() * 8 +
        (layer.table.size() + layer.inverse_table.size()) * 4);
    out.emplace(layer.id, cost);
  }
  return out;
}

}  // namespace tactus
