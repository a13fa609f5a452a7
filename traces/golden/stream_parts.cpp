// SPDX-License-Identifier: Apache-2.0
#include "golden/stream_parts.hpp"

#include <algorithm>

namespace tactus::golden {

Product::Product(const Layer& layer) : layer_(layer), in_(layer.in_shape) {
  pixels = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
  switch (layer.op) {
    case LayerOp::linear:
      kernel_h = in_.h;
      kernel_w = in_.w;
      inner = in_.c;
      break;
    case LayerOp::matmul:
      groups = layer.heads;
      inner = in_.c / groups;
      break;
    default:
      kernel_h = layer.kernel_h;
      kernel_w = layer.kernel_w;
      inner = layer.in_channels_per_group;
      groups = layer.groups;
      break;
  }
  group_channels = layer.out_shape.c / groups;
}

std::int64_t Product::operand(const QTensor& x, int group, std::int64_t pixel,
                              std::int64_t k) const {
  const auto c = static_cast<int>(k % inner);
  const auto kx = static_cast<int>(k / inner % kernel_w);
  const auto ky = static_cast<int>(k / inner / kernel_w);
  const auto oy = static_cast<int>(pixel / layer_.out_shape.w);
  const auto ox = static_cast<int>(pixel % layer_.out_shape.w);
  int y = oy * layer_.stride_h - layer_.padding[0] + ky * layer_.dilation_h;
  int xx = ox * layer_.stride_w - layer_.padding[1] + kx * layer_.dilation_w;
  if (layer_.op == LayerOp::conv_transpose2d) {
    // Input pixel y adds to output pixel y * stride - padding + ky.
    y = oy + layer_.padding[0] - ky * layer_.dilation_h;
    xx = ox + layer_.padding[1] - kx * layer_.dilation_w;
    if (y % layer_.stride_h != 0 || xx % layer_.stride_w != 0) return 0;
    y /= layer_.stride_h;
    xx /= layer_.stride_w;
  }
  if (y < 0 || y >= in_.h || xx < 0 || xx >= in_.w) return 0;
  const std::int64_t at = (std::int64_t{group * inner + c} * in_.h + y) * in_.w + xx;
  return x.data[static_cast<std::size_t>(at)] - x.format.zero_point;
}

std::int64_t Product::weight(const QTensor* other, std::int64_t channel, std::int64_t k) const {
  if (other != nullptr) {
    const std::int64_t line = channel / group_channels * inner + k;
    const std::int64_t at = line * other->shape.w + channel % group_channels;
    return other->data[static_cast<std::size_t>(at)] - other->format.zero_point;
  }
  const std::int64_t at = (channel * inner + k % inner) * kernel_h * kernel_w + k / inner;
  return layer_.weight[static_cast<std::size_t>(at)] -
         at_channel(layer_.weight_zero_point, channel, std::int64_t{0});
}

ElemWindow elem_window(const Layer& layer, std::int64_t pixel) {
  ElemWindow window;
  const auto oy = static_cast<int>(pixel / layer.out_shape.w);
  const auto ox = static_cast<int>(pixel % layer.out_shape.w);
  switch (layer.op) {
    case LayerOp::maxpool:
    case LayerOp::avgpool: {
      const int y = oy * layer.stride_h - layer.padding[0];
      const int x = ox * layer.stride_w - layer.padding[1];
      window.y = std::max(y, 0);
      window.x = std::max(x, 0);
      window.h = std::min(y + layer.kernel_h, layer.in_shape.h) - window.y;
      window.w = std::min(x + layer.kernel_w, layer.in_shape.w) - window.x;
      break;
    }
    case LayerOp::global_avgpool:
      window.h = layer.in_shape.h;
      window.w = layer.in_shape.w;
      break;
    default:
      window.y = oy;
      window.x = ox;
      break;
  }
  return window;
}

std::int64_t elem_taps(const Layer& layer) {
  switch (layer.op) {
    case LayerOp::maxpool:
    case LayerOp::avgpool:
      return std::int64_t{layer.kernel_h} * layer.kernel_w;
    case LayerOp::global_avgpool:
      return std::int64_t{layer.in_shape.h} * layer.in_shape.w;
    default:
      return static_cast<std::int64_t>(layer.inputs.size());
  }
}

}  // namespace tactus::golden
