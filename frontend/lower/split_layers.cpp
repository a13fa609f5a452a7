// SPDX-License-Identifier: Apache-2.0
#include "lower/split_layers.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tactus::lower {

namespace {

/// One axis of a transposed convolution as its phases' convolution has it.
struct Axis {
  int kernel = 1, before = 0, behind = 0, out = 1, skip = 0;
};

Axis axis_of(int in, int out, int kernel, int stride, int padding) {
  Axis a;
  a.kernel = (kernel + stride - 1) / stride;
  a.skip = padding % stride;
  a.out = (out + a.skip + stride - 1) / stride;
  a.before = a.kernel - 1 - padding / stride;
  a.behind = a.out + a.kernel - 1 - in - a.before;
  return a;
}

Axis vertical(const Layer& l) {
  return axis_of(l.in_shape.h, l.out_shape.h, l.kernel_h, l.stride_h, l.padding[0]);
}
Axis horizontal(const Layer& l) {
  return axis_of(l.in_shape.w, l.out_shape.w, l.kernel_w, l.stride_w, l.padding[1]);
}

/// Channel of the transposed convolution that channel n of its phases' convolution belongs to.
int channel_of(const Layer& layer, int n) {
  const int each = layer.out_channels / layer.groups, phases = layer.stride_h * layer.stride_w;
  return n / (each * phases) * each + n % each;
}

template <typename T>
void spread(const Layer& layer, std::size_t count, std::vector<T>& values) {
  if (values.size() <= 1) return;
  std::vector<T> all;
  for (std::size_t n = 0; n < count; ++n) {
    all.push_back(values[static_cast<std::size_t>(channel_of(layer, static_cast<int>(n)))]);
  }
  values = std::move(all);
}

/// Fills in the kernel of one output channel of the phases' convolution.
void put_kernel(const Layer& layer, int n, Layer& conv) {
  const int each = layer.out_channels / layer.groups;
  const int phase = n / each % (layer.stride_h * layer.stride_w);
  const int py = phase / layer.stride_w, px = phase % layer.stride_w;
  const std::int64_t from = std::int64_t{channel_of(layer, n)} * layer.in_channels_per_group;
  const std::int64_t to = std::int64_t{n} * layer.in_channels_per_group;
  for (int i = 0; i < layer.in_channels_per_group; ++i) {
    for (int ky = py; ky < layer.kernel_h; ky += layer.stride_h) {
      for (int kx = px; kx < layer.kernel_w; kx += layer.stride_w) {
        // The window runs against the kernel.
        const int ty = conv.kernel_h - 1 - ky / layer.stride_h;
        const int tx = conv.kernel_w - 1 - kx / layer.stride_w;
        conv.weight[static_cast<std::size_t>(((to + i) * conv.kernel_h + ty) * conv.kernel_w +
                                             tx)] =
            layer.weight[static_cast<std::size_t>(
                ((from + i) * layer.kernel_h + ky) * layer.kernel_w + kx)];
      }
    }
  }
}

}  // namespace

Layer phases_of(const Layer& layer) {
  const Axis v = vertical(layer), h = horizontal(layer);
  const int phases = layer.stride_h * layer.stride_w;
  Layer conv = layer;
  conv.op = LayerOp::conv2d;
  conv.kernel_h = v.kernel;
  conv.kernel_w = h.kernel;
  conv.stride_h = conv.stride_w = 1;
  conv.padding = {v.before, h.before, v.behind, h.behind};
  conv.output_padding = {0, 0};
  conv.out_channels = layer.out_channels * phases;
  conv.out_shape = Shape{conv.out_channels, v.out, h.out};
  const auto count = static_cast<std::size_t>(conv.out_channels);
  spread(layer, count, conv.weight_zero_point);
  spread(layer, count, conv.bias);
  spread(layer, count, conv.requant.mult);
  spread(layer, count, conv.requant.shift);
  spread(layer, count, conv.requant.add);
  if (!conv.bias.empty()) conv.bias.resize(count, conv.bias[0]);
  const bool gaps = layer.kernel_h % layer.stride_h != 0 || layer.kernel_w % layer.stride_w != 0;
  if (gaps && conv.weight_format.bipolar) conv.weight_format = Format{2, true, 0};
  const std::int64_t row = std::int64_t{layer.in_channels_per_group} * v.kernel * h.kernel;
  conv.weight.clear();
  for (int n = 0; n < conv.out_channels; ++n) {
    // Taps that a phase does not have weigh nothing.
    const auto& zeros = conv.weight_zero_point;
    const std::int64_t zero =
        zeros.empty() ? 0 : zeros[zeros.size() == 1 ? 0 : static_cast<std::size_t>(n)];
    conv.weight.insert(conv.weight.end(), static_cast<std::size_t>(row),
                       static_cast<std::int16_t>(zero));
    put_kernel(layer, n, conv);
  }
  return conv;
}

namespace {

bool is_transposed(const Layer& layer) { return layer.op == LayerOp::conv_transpose2d; }

/// A flatten that not only linear layers read, which take an image as it is.
bool is_needed_flatten(const Network& network, const Layer& layer) {
  if (layer.op != LayerOp::flatten) return false;
  const auto& outputs = network.outputs;
  if (std::find(outputs.begin(), outputs.end(), layer.id) != outputs.end()) return true;
  return std::any_of(network.layers.begin(), network.layers.end(), [&](const Layer& reader) {
    const auto& in = reader.inputs;
    return reader.op != LayerOp::linear && reader.op != LayerOp::flatten &&
           std::find(in.begin(), in.end(), layer.id) != in.end();
  });
}

/// The tensor that flatten layers rename.
std::string unflattened(const Network& network, const std::string& id) {
  const Layer* layer = network.find_layer(id);
  if (layer == nullptr || layer->op != LayerOp::flatten) return id;
  return unflattened(network, layer->inputs.at(0));
}

void add_transposed(const Layer& layer, std::size_t number, SplitNetwork& split) {
  auto& layers = split.network.layers;
  split.origin.push_back(number);
  layers.push_back(phases_of(layer));
  if (layer.stride_h == 1 && layer.stride_w == 1) return;
  Layer& conv = layers.back();
  conv.id = layer.id + ".phases";
  conv.source_name = layer.id;
  Layer shuffle;
  shuffle.id = layer.id;
  shuffle.source_name = layer.source_name;
  shuffle.op = LayerOp::pixel_shuffle;
  shuffle.inputs = {conv.id};
  shuffle.stride_h = layer.stride_h;
  shuffle.stride_w = layer.stride_w;
  shuffle.blocks = layer.groups;
  shuffle.begin = {0, vertical(layer).skip, horizontal(layer).skip};
  shuffle.size = {layer.out_shape.c, layer.out_shape.h, layer.out_shape.w};
  shuffle.out_format = layer.out_format;
  shuffle.in_shape = conv.out_shape;
  shuffle.out_shape = layer.out_shape;
  split.origin.push_back(number);
  layers.push_back(std::move(shuffle));
}

Layer as_reshape(const Network& network, const Layer& flatten) {
  Layer layer = flatten;
  layer.op = LayerOp::reshape;
  layer.inputs = {unflattened(network, flatten.inputs.at(0))};
  layer.in_shape = network.shape_of(layer.inputs[0]);
  layer.size = {layer.out_shape.c, layer.out_shape.h, layer.out_shape.w};
  return layer;
}

}  // namespace

std::optional<SplitNetwork> split_layers(const Network& network) {
  const auto changes = [&](const Layer& layer) {
    return is_transposed(layer) || is_needed_flatten(network, layer);
  };
  if (std::none_of(network.layers.begin(), network.layers.end(), changes)) return {};
  SplitNetwork split;
  split.network = network;
  split.network.layers.clear();
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (is_transposed(layer)) {
      add_transposed(layer, i, split);
      continue;
    }
    split.origin.push_back(i);
    split.network.layers.push_back(is_needed_flatten(network, layer) ? as_reshape(network, layer)
                                                                     : layer);
    Layer& last = split.network.layers.back();
    if (layer.op == LayerOp::linear) last.inputs = {unflattened(network, layer.inputs.at(0))};
  }
  return split;
}

namespace {

/// Encodes the ops into the memory image again, segment by segment.
void encode_ops(Program& program) {
  if (program.image.empty()) return;
  std::uint64_t at = program.prog_addr, next = 0;
  for (const TileOp& op : program.ops) {
    const auto* load = std::get_if<LoadOp>(&op.body);
    if (load != nullptr && load->dest == static_cast<std::int64_t>(Dest::inst)) {
      next = static_cast<std::uint64_t>(load->mem_addr);
    }
    const EncodedOp bytes = encode(op);
    std::memcpy(program.image.data() + at, bytes.data(), bytes.size());
    at = op.seg_end ? next : at + op_bytes;
  }
}

}  // namespace

void join_layers(const Network& network, const SplitNetwork& split, Program& program) {
  for (TileOp& op : program.ops) {
    op.layer = static_cast<std::uint16_t>(split.origin[op.layer]);
  }
  encode_ops(program);
  std::vector<LayerInfo> joined(network.layers.size());
  for (std::size_t i = 0; i < program.layers.size(); ++i) {
    const Layer& whole = network.layers[split.origin[i]];
    LayerInfo& part = program.layers[i];
    LayerInfo& info = joined[split.origin[i]];
    if (whole.op != LayerOp::conv_transpose2d) {
      info = std::move(part);
      info.op = name_of(whole.op);
      continue;
    }
    if (split.rearranges(i)) {
      info.mapping += "; side by side by the " + part.mapping;
    } else {
      const std::string mapping =
          "as a convolution of kernel " + std::to_string(split.network.layers[i].kernel_h) + "x" +
          std::to_string(split.network.layers[i].kernel_w) + " with " +
          std::to_string(split.network.layers[i].out_channels) + " channels: " + part.mapping;
      info = std::move(part);
      info.id = whole.id;
      info.source_name = whole.source_name;
      info.op = name_of(whole.op);
      info.macs = macs_of(whole);
      info.mapping = mapping;
    }
  }
  program.layers = std::move(joined);
}

}  // namespace tactus::lower
