// SPDX-License-Identifier: Apache-2.0
// Layers of transformers and of detectors: products of activations, rows, tables, moved data.
#include <algorithm>
#include <utility>

#include "synth/layer_maker.hpp"

namespace tactus::synth {
namespace {

constexpr int kMultBits = 16;

void scale_by(Layer& layer, std::int64_t mult, int shift) {
  Requant& r = layer.requant;
  r.convention = Convention::mul_shift;
  r.rounding = Rounding::half_up;
  r.mult_bits = kMultBits;
  r.mult = {mult};
  r.shift = {shift};
}

/// mult / 2^shift = numerator / denominator with a mult of 14 bits at most.
void scale_as(Layer& layer, std::int64_t numerator, std::int64_t denominator) {
  int shift = 0;
  while (shift < 46 && (numerator << shift) / denominator < (std::int64_t{1} << 13)) ++shift;
  scale_by(layer, std::min<std::int64_t>((numerator << shift) / denominator, (1 << 14)), shift);
}

}  // namespace

Layer LayerMaker::with_format(const std::string& name, LayerOp op, std::vector<std::string> inputs,
                              const Format& format) {
  Layer layer = start(name, op, std::move(inputs));
  layer.out_format = format;
  layer.requant.clamp_min = format.min();
  layer.requant.clamp_max = format.max();
  return layer;
}

std::string LayerMaker::norm(const std::string& name, const std::string& from, LayerOp op) {
  Layer layer = with_format(name, op, {from}, activation(true));
  // Three standard deviations of 2^20 become the output's range.
  scale_by(layer, layer.out_format.max() * 1024 / 3, 30);
  if (layer.requant.mult[0] >= 1 << 15) scale_by(layer, layer.out_format.max() / 3, 20);
  return keep(std::move(layer));
}

std::string LayerMaker::matmul(const std::string& name, const std::string& a, const std::string& b,
                               int heads, std::int64_t terms) {
  Layer layer = with_format(name, LayerOp::matmul, {a, b}, activation(true));
  layer.heads = heads;
  const std::int64_t sigma = std::max<std::int64_t>(
      1, integer_sqrt(terms) * network_.format_of(a).max() * network_.format_of(b).max() / 9);
  scale_as(layer, layer.out_format.max(), 2 * sigma);
  return keep(std::move(layer));
}

std::string LayerMaker::softmax(const std::string& name, const std::string& from, int heads) {
  Layer layer = with_format(name, LayerOp::softmax, {from}, activation(false));
  layer.softmax.kind = RowKind::softmax_lut;
  layer.softmax.one = layer.out_format.max();
  layer.heads = heads;
  // exp falls to 7/8 of itself a step.
  for (std::int64_t e = 65535; layer.table.size() < 64; e = e * 7 / 8) layer.table.push_back(e);
  return keep(std::move(layer));
}

std::string LayerMaker::bent(const std::string& name, const std::string& from) {
  const Format format = activation(true);
  Layer layer = with_format(name, LayerOp::lut, {from}, format);
  for (std::int64_t v = format.min(); v <= format.max(); ++v) {
    layer.table.push_back(v > 0 ? v : v / 16);
  }
  return keep(std::move(layer));
}

std::string LayerMaker::mul(const std::string& name, const std::string& a, const std::string& b) {
  Layer layer = with_format(name, LayerOp::mul, {a, b}, activation(true));
  scale_as(layer, 2, layer.out_format.max());
  return keep(std::move(layer));
}

std::string LayerMaker::excited(const std::string& name, const std::string& from, int pixels,
                                int channels, int squeezed) {
  std::string s = global_avgpool(name + ".mean", from, pixels);
  s = conv(name + ".fc1", s, {channels, squeezed}, Output::relu);
  s = conv(name + ".fc2", s, {squeezed, channels}, Output::plain);
  // Hard sigmoid: half of the range becomes 0 to 1.
  const Format in = network_.format_of(s), out = activation(false);
  Layer gate = with_format(name + ".gate", LayerOp::lut, {s}, out);
  for (std::int64_t v = in.min(); v <= in.max(); ++v) {
    gate.table.push_back(
        std::clamp<std::int64_t>(out.max() / 2 + v * out.max() / in.max(), 0, out.max()));
  }
  s = keep(std::move(gate));
  Layer product = with_format(name + ".scale", LayerOp::mul, {from, s}, network_.format_of(from));
  scale_as(product, 1, out.max());
  return keep(std::move(product));
}

std::string LayerMaker::slice(const std::string& name, const std::string& from,
                              std::array<int, 3> begin, std::array<int, 3> size) {
  Layer layer = with_format(name, LayerOp::slice, {from}, network_.format_of(from));
  layer.begin = begin;
  layer.size = size;
  return keep(std::move(layer));
}

std::string LayerMaker::reshape(const std::string& name, const std::string& from,
                                std::array<int, 3> shape) {
  Layer layer = with_format(name, LayerOp::reshape, {from}, network_.format_of(from));
  layer.size = shape;
  return keep(std::move(layer));
}

std::string LayerMaker::transpose(const std::string& name, const std::string& from, int heads) {
  Layer layer = with_format(name, LayerOp::transpose, {from}, network_.format_of(from));
  layer.heads = heads;
  return keep(std::move(layer));
}

std::string LayerMaker::concat(const std::string& name, std::vector<std::string> inputs, int axis) {
  const Format format = network_.format_of(inputs.at(0));
  Layer layer = with_format(name, LayerOp::concat, std::move(inputs), format);
  layer.axis = axis;
  return keep(std::move(layer));
}

std::string LayerMaker::upsample(const std::string& name, const std::string& from, int factor,
                                 bool nearest) {
  Layer layer = with_format(name, LayerOp::upsample, {from}, network_.format_of(from));
  layer.stride_h = layer.stride_w = factor;
  layer.nearest = nearest;
  return keep(std::move(layer));
}

std::string LayerMaker::constant(const std::string& name, Shape shape) {
  Layer layer = with_format(name, LayerOp::constant, {}, activation(true));
  layer.out_shape = shape;
  const Format& f = layer.out_format;
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    layer.value.push_back(
        static_cast<std::int32_t>(f.min() + random_.below(f.max() - f.min() + 1)));
  }
  return keep(std::move(layer));
}

std::string LayerMaker::pixel_shuffle(const std::string& name, const std::string& from,
                                      int factor) {
  Layer layer = with_format(name, LayerOp::pixel_shuffle, {from}, network_.format_of(from));
  layer.stride_h = layer.stride_w = factor;
  return keep(std::move(layer));
}

}  // namespace tactus::synth
