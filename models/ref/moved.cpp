// SPDX-License-Identifier: Apache-2.0
#include "ref/moved.hpp"

#include <array>

namespace tactus::ref {
namespace {

std::int32_t at(const QTensor& t, int c, int y, int x) {
  return t.data[static_cast<std::size_t>((std::int64_t{c} * t.shape.h + y) * t.shape.w + x)];
}

/// Channel of the small picture that holds sub-pixel (dy, dx) of channel c of the large one, which
/// has `channels`.
int sub_pixel_channel(const Layer& layer, int channels, int c, int dy, int dx) {
  const int each = layer.blocks == 0 ? 1 : channels / layer.blocks;  // channels of a block
  const int pixels = layer.stride_h * layer.stride_w;
  return (c / each * pixels + dy * layer.stride_w + dx) * each + c % each;
}

/// What pixel (y, x) of the whole result of a pixel_shuffle takes.
std::int32_t shuffled(const Layer& layer, const QTensor& input, int c, int y, int x) {
  const int channel =
      sub_pixel_channel(layer, layer.out_shape.c, c, y % layer.stride_h, x % layer.stride_w);
  return at(input, channel, y / layer.stride_h, x / layer.stride_w);
}

/// What channel `to` of the result of a space_to_depth takes.
std::int32_t gathered(const Layer& layer, const QTensor& input, int to, int y, int x) {
  const int each = layer.blocks == 0 ? 1 : input.shape.c / layer.blocks;
  const int pixels = layer.stride_h * layer.stride_w;
  const int pixel = to / each % pixels;
  const int c = to / (each * pixels) * each + to % each;
  return at(input, c, y * layer.stride_h + pixel / layer.stride_w,
            x * layer.stride_w + pixel % layer.stride_w);
}

std::int32_t element(const Layer& layer, const std::vector<const QTensor*>& inputs, int c, int y,
                     int x) {
  if (layer.op == LayerOp::slice) {
    return at(*inputs[0], c + layer.begin[0], y + layer.begin[1], x + layer.begin[2]);
  }
  if (layer.op == LayerOp::upsample) {
    const bool corner = y % layer.stride_h == 0 && x % layer.stride_w == 0;
    if (!layer.nearest && !corner) return static_cast<std::int32_t>(inputs[0]->format.zero_point);
    return at(*inputs[0], c, y / layer.stride_h, x / layer.stride_w);
  }
  if (layer.op == LayerOp::pixel_shuffle) {
    return shuffled(layer, *inputs[0], c, y + layer.begin[1], x + layer.begin[2]);
  }
  if (layer.op == LayerOp::space_to_depth) return gathered(layer, *inputs[0], c, y, x);
  if (layer.op == LayerOp::transpose) {
    const Shape& in = inputs[0]->shape;
    const int per_head = in.c / layer.heads;
    return at(*inputs[0], c / in.w * per_head + x, 0, c % in.w);
  }
  std::array<int, 3> place{c, y, x};
  const auto axis = static_cast<std::size_t>(layer.axis);
  std::size_t i = 0;
  for (; i + 1 < inputs.size(); ++i) {
    const std::array<int, 3> extent{inputs[i]->shape.c, inputs[i]->shape.h, inputs[i]->shape.w};
    if (place[axis] < extent[axis]) break;
    place[axis] -= extent[axis];
  }
  return at(*inputs[i], place[0], place[1], place[2]);
}

}  // namespace

std::vector<std::int32_t> moved(const Layer& layer, const std::vector<const QTensor*>& inputs) {
  std::vector<std::int32_t> values;
  for (int c = 0; c < layer.out_shape.c; ++c) {
    for (int y = 0; y < layer.out_shape.h; ++y) {
      for (int x = 0; x < layer.out_shape.w; ++x) {
        values.push_back(element(layer, inputs, c, y, x));
      }
    }
  }
  return values;
}

}  // namespace tactus::ref
