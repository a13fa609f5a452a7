// SPDX-License-Identifier: Apache-2.0
#include "triage/k_units.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace tactus::triage {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Number of a channel in the program, -1 when it is left out.
int number_in(const TensorPlace& place, int channel) {
  if (place.channels.empty()) return channel;
  const auto found = std::find(place.channels.begin(), place.channels.end(), channel);
  return found == place.channels.end() ? -1 : static_cast<int>(found - place.channels.begin());
}

int channels_in(const TensorPlace& place, int all) {
  return place.channels.empty() ? all : static_cast<int>(place.channels.size());
}

}  // namespace

const std::string& source_of(const Network& network, const std::string& id) {
  const Layer* layer = network.find_layer(id);
  if (layer == nullptr || layer->op != LayerOp::flatten) return id;
  return source_of(network, layer->inputs.at(0));
}

WeightedLayer::WeightedLayer(const Layer& of, const Shape& input) : layer(&of), in(input) {
  if (of.op == LayerOp::linear) {
    kernel_h = input.h;
    kernel_w = input.w;
    inner = input.c;
    return;
  }
  kernel_h = of.kernel_h;
  kernel_w = of.kernel_w;
  stride_h = of.stride_h;
  stride_w = of.stride_w;
  dilation_h = of.dilation_h;
  dilation_w = of.dilation_w;
  top = of.padding[0];
  left = of.padding[1];
  groups = of.groups;
  inner = of.in_channels_per_group;
}

std::vector<KTerm> k_terms(const WeightedLayer& shape, const KMapping& mapping,
                           const TensorPlace& in, const TensorPlace& out, int o, int y) {
  const Layer& layer = *shape.layer;
  const int per_group = layer.out_shape.c / shape.groups;
  const auto& zero_points = layer.weight_zero_point;
  const std::int64_t zero =
      zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : at(o)];
  // Channels as the program counts them.
  const int outputs = channels_in(out, layer.out_shape.c);
  const int inputs = channels_in(in, shape.in.c);
  const int groups = shape.groups == 1 ? 1 : std::min(shape.groups, outputs);
  const int inner = inputs / groups;
  const int own = std::max(number_in(out, o), 0);
  std::int64_t first = 0;
  if (mapping.column_channels > 0 && groups > 1) {
    const std::int64_t tile = own / mapping.column_channels * mapping.column_channels;
    first = tile / (outputs / groups) * inner / mapping.bundle * mapping.bundle;
  }
  const std::int64_t phase = mapping.line_phases > 1 ? y % mapping.line_phases : 0;

  std::vector<KTerm> terms;
  std::map<std::tuple<int, int, std::int64_t>, std::int64_t> kept;
  for (int i = 0; i < shape.inner; ++i) {
    const int channel = o / per_group * shape.inner + i;
    const int number = number_in(in, channel);
    for (int ky = 0; ky < shape.kernel_h; ++ky) {
      for (int kx = 0; kx < shape.kernel_w; ++kx) {
        KTerm t;
        t.channel = channel;
        t.ky = ky;
        t.kx = kx;
        t.weight_index =
            ((std::int64_t{o} * shape.inner + i) * shape.kernel_h + ky) * shape.kernel_w + kx;
        t.weight = layer.weight[at(t.weight_index)];
        t.operand = t.weight - zero;
        const bool sparse = mapping.candidates > 1;
        if (sparse && t.operand == 0) continue;
        if (mapping.rows > 0 && number >= 0) {
          const std::int64_t c = number - first;
          const std::int64_t plane = c / mapping.bundle;
          const std::int64_t window = c % mapping.bundle / (mapping.lanes * mapping.candidates);
          const std::int64_t n = sparse ? kept[{ky, kx, c / mapping.candidates}]++ : 0;
          const std::int64_t position = (phase * shape.stride_h + ky) * shape.kernel_w + kx;
          t.unit =
              (((position * mapping.slots + plane / mapping.group) * mapping.windows + window) *
                   mapping.kept +
               n) *
                  mapping.group +
              plane % mapping.group;
        }
        terms.push_back(t);
      }
    }
  }
  std::stable_sort(terms.begin(), terms.end(),
                   [](const KTerm& a, const KTerm& b) { return a.unit < b.unit; });
  return terms;
}

}  // namespace tactus::triage
