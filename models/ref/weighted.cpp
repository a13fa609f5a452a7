// SPDX-License-Identifier: Apache-2.0
#include "ref/weighted.hpp"

#include <algorithm>
#include <cstdlib>

#include "ref/k_order.hpp"
#include "ref/transposed.hpp"

namespace tactus::ref {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A conv2d or linear layer as one direct convolution; linear is a kernel as large as its input.
struct Problem {
  Shape in, out;
  int kh = 1, kw = 1, stride_h = 1, stride_w = 1, dil_h = 1, dil_w = 1, top = 0, left = 0;
  int groups = 1, inner = 1;       ///< inner: input channels of a group
  std::vector<std::int32_t> x;     ///< input - zero point, C,H,W
  std::vector<std::int32_t> w;     ///< weight - zero point, O,I,kh,kw
  std::vector<std::int64_t> bias;  ///< one per output channel

  [[nodiscard]] int group_of(int o) const { return o / (out.c / groups); }
  [[nodiscard]] std::int32_t weight(int o, int i, int ky, int kx) const {
    return w[at(((std::int64_t{o} * inner + i) * kh + ky) * kw + kx)];
  }
  /// The operand at a tap, 0 outside the image.
  [[nodiscard]] std::int32_t tap(int c, int oy, int ox, int ky, int kx) const {
    const int y = oy * stride_h - top + ky * dil_h;
    const int xx = ox * stride_w - left + kx * dil_w;
    if (y < 0 || y >= in.h || xx < 0 || xx >= in.w) return 0;
    return x[at((std::int64_t{c} * in.h + y) * in.w + xx)];
  }
};

Problem problem_of(const Layer& layer, const QTensor& input, const RefOptions& options) {
  Problem p;
  p.in = input.shape;
  p.out = layer.out_shape;
  p.inner = layer.in_channels_per_group;
  if (layer.op == LayerOp::linear) {
    const auto walked = options.linear_shape.find(layer.id);
    if (walked != options.linear_shape.end()) p.in = walked->second;
    p.kh = p.in.h;
    p.kw = p.in.w;
    p.inner = p.in.c;
  } else {
    p.kh = layer.kernel_h;
    p.kw = layer.kernel_w;
    p.stride_h = layer.stride_h;
    p.stride_w = layer.stride_w;
    p.dil_h = layer.dilation_h;
    p.dil_w = layer.dilation_w;
    p.top = layer.padding[0];
    p.left = layer.padding[1];
    p.groups = layer.groups;
  }
  p.x.reserve(input.data.size());
  for (const std::int32_t v : input.data) {
    p.x.push_back(static_cast<std::int32_t>(v - input.format.zero_point));
  }
  const std::int64_t per_channel = std::int64_t{p.inner} * p.kh * p.kw;
  p.w.resize(layer.weight.size());
  const auto& zero_points = layer.weight_zero_point;
  for (std::int64_t o = 0; o < p.out.c; ++o) {
    const std::int64_t zero =
        zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : at(o)];
    for (std::int64_t i = o * per_channel; i < (o + 1) * per_channel; ++i) {
      p.w[at(i)] = static_cast<std::int32_t>(layer.weight[at(i)] - zero);
    }
  }
  p.bias = layer.bias;
  p.bias.resize(at(p.out.c), 0);
  return p;
}

/// Sums of one output channel in any order, for a channel whose sums cannot overflow Acc.
template <typename Acc>
void any_order(const Problem& p, int o, std::vector<std::int64_t>& result) {
  std::vector<Acc> sums(at(std::int64_t{p.out.h} * p.out.w), 0);
  const int first_channel = p.group_of(o) * p.inner;
  for (int i = 0; i < p.inner; ++i) {
    for (int ky = 0; ky < p.kh; ++ky) {
      for (int kx = 0; kx < p.kw; ++kx) {
        const Acc weight = p.weight(o, i, ky, kx);
        if (weight == 0) continue;
        // Output columns whose tap lies inside the image: 0 <= ox * stride + shift < width.
        const int shift = kx * p.dil_w - p.left;
        const int begin = shift >= 0 ? 0 : (-shift + p.stride_w - 1) / p.stride_w;
        const int end =
            p.in.w > shift ? std::min(p.out.w, (p.in.w - shift - 1) / p.stride_w + 1) : 0;
        for (int oy = 0; oy < p.out.h; ++oy) {
          const int y = oy * p.stride_h - p.top + ky * p.dil_h;
          if (y < 0 || y >= p.in.h || begin >= end) continue;
          const std::int32_t* line =
              p.x.data() + (std::int64_t{first_channel + i} * p.in.h + y) * p.in.w;
          Acc* sum = sums.data() + std::int64_t{oy} * p.out.w;
          for (int ox = begin; ox < end; ++ox) {
            sum[ox] += weight * static_cast<Acc>(line[ox * p.stride_w + shift]);
          }
        }
      }
    }
  }
  for (const Acc sum : sums) result.push_back(std::int64_t{sum} + p.bias[at(o)]);
}

/// The K elements of output channel `o` with the channels of its column tile, which begin with a
/// plane.
std::vector<KPlace> places_of(const Problem& p, int o, const KMapping& mapping) {
  const auto columns = static_cast<int>(mapping.column_channels);
  const auto plane = static_cast<int>(mapping.bundle);
  const int first_channel = p.group_of(o / columns * columns) * p.inner / plane * plane;
  std::vector<KPlace> places;
  for (int i = 0; i < p.inner; ++i) {
    const int channel = p.group_of(o) * p.inner + i;
    for (int ky = 0; ky < p.kh; ++ky) {
      for (int kx = 0; kx < p.kw; ++kx) {
        places.push_back({channel - first_channel, channel, ky, kx, p.weight(o, i, ky, kx)});
      }
    }
  }
  return places;
}

/// Sums of one output channel in the order of the layer's K mapping, bias last.
void in_order(const Problem& p, int o, const KMapping& mapping, Accumulator& accumulator,
              std::vector<std::int64_t>& result) {
  const auto places = places_of(p, o, mapping);
  const auto phases = static_cast<int>(mapping.line_phases);
  std::vector<std::vector<KElement>> elements;  // by line phase
  for (int j = 0; j < phases; ++j) {
    elements.push_back(k_order(places, mapping, p.kw, p.stride_h, j));
  }
  for (int oy = 0; oy < p.out.h; ++oy) {
    for (int ox = 0; ox < p.out.w; ++ox) {
      const std::int64_t sum = accumulate_units(
          elements[at(oy % phases)], mapping, accumulator,
          [&](const KElement& e) { return std::int64_t{p.tap(e.channel, oy, ox, e.ky, e.kx)}; });
      result.push_back(accumulator.settle(sum + p.bias[at(o)]));
    }
  }
}

/// The mapping of a layer; without one everything is one exact sum.
KMapping mapping_of(const Problem& p, const std::string& id, const RefOptions& options) {
  const auto found = options.k_mapping.find(id);
  if (found != options.k_mapping.end() && found->second.rows > 0) return found->second;
  KMapping mapping;
  mapping.slots = p.in.c;
  mapping.column_channels = p.out.c;
  return mapping;
}

}  // namespace

std::vector<std::int64_t> weighted_sums(const Layer& layer, const QTensor& input,
                                        const RefOptions& options, Accumulator& accumulator) {
  if (layer.op == LayerOp::conv_transpose2d) {
    const auto found = options.k_mapping.find(layer.id);
    return transposed_sums(
        layer, input, found == options.k_mapping.end() ? KMapping{} : found->second, accumulator);
  }
  const Problem p = problem_of(layer, input, options);
  std::int64_t largest = 0;
  for (const std::int32_t v : p.x) largest = std::max(largest, std::abs(std::int64_t{v}));
  const std::int64_t per_channel = std::int64_t{p.inner} * p.kh * p.kw;
  const KMapping mapping = mapping_of(p, layer.id, options);
  std::vector<std::int64_t> result;
  result.reserve(at(p.out.count()));
  for (int o = 0; o < p.out.c; ++o) {
    std::int64_t magnitude = 0;
    for (std::int64_t i = o * per_channel; i < (o + 1) * per_channel; ++i) {
      magnitude += std::abs(std::int64_t{p.w[at(i)]});
    }
    // No partial sum in any order exceeds this.
    const std::int64_t bound = magnitude * largest;
    if (!accumulator.fits(bound + std::abs(p.bias[at(o)]))) {
      in_order(p, o, mapping, accumulator, result);
    } else if (bound <= INT32_MAX) {
      any_order<std::int32_t>(p, o, result);
    } else {
      any_order<std::int64_t>(p, o, result);
    }
  }
  return result;
}

}  // namespace tactus::ref
