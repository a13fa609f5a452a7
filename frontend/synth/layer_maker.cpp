// SPDX-License-Identifier: Apache-2.0
#include "synth/layer_maker.hpp"

#include <algorithm>
#include <utility>

#include "numerics/errors.hpp"

namespace tactus::synth {
namespace {

/// Width of the random multipliers; leaves 48 bits for the accumulator.
constexpr int kMultBits = 16;

void check_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw BadInput("synth: " + std::string(name) + " = " + std::to_string(value) + " is outside " +
                   std::to_string(low) + ".." + std::to_string(high));
  }
}

}  // namespace

std::int64_t integer_sqrt(std::int64_t value) {
  std::int64_t root = 0;
  for (std::int64_t bit = std::int64_t{1} << 31; bit > 0; bit >>= 1) {
    const std::int64_t trial = root + bit;
    if (trial <= value / trial) root = trial;
  }
  return root;
}

LayerMaker::LayerMaker(const std::string& network_name, const SynthOptions& options)
    : options_(options), sparsity_(parse_sparsity(options.sparsity)), random_(options.seed) {
  check_range("act_bits", options.act_bits, 1, 16);
  check_range("weight_bits", options.weight_bits, 1, 16);
  if (options.weight_bits == 1 && options.sparsity != "dense") {
    throw BadInput("synth: weights of 1 bit are -1 and +1, none can be 0; sparsity needs 2 bits");
  }
  if (options.first_bits != 0) check_range("first_bits", options.first_bits, 1, 16);
  check_range("image", options.image, 1, 4096);
  network_.name = network_name;
  network_.producer = "tactus synth";
}

Format LayerMaker::activation(bool is_signed) const {
  // A signed bit would be -1 or 0; the signed branches of a 1-bit network have 2.
  return Format{is_signed ? std::max(options_.act_bits, 2) : options_.act_bits, is_signed, 0};
}

void LayerMaker::input(const std::string& name, Shape shape) {
  NetworkInput input;
  input.name = name;
  input.shape = shape;
  input.format = activation(false);
  if (options_.first_bits != 0) input.format.bits = options_.first_bits;
  network_.inputs.push_back(std::move(input));
}

Layer LayerMaker::start(const std::string& name, LayerOp op, std::vector<std::string> inputs) {
  std::string number = std::to_string(network_.layers.size());
  number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
  Layer layer;
  layer.id = number + "_" + name;
  std::replace(layer.id.begin(), layer.id.end(), '.', '_');
  layer.source_name = name;
  layer.op = op;
  layer.inputs = std::move(inputs);
  return layer;
}

std::string LayerMaker::keep(Layer layer) {
  network_.layers.push_back(std::move(layer));
  return network_.layers.back().id;
}

Sparsity LayerMaker::sparsity_of(const Layer& layer) const {
  // As pruning toolkits do: depthwise and first layers have nothing to choose from.
  if (layer.in_channels_per_group < std::min(sparsity_.m, 4)) return {};
  if (sparsity_.filter_ppm > 0 && layer.op == LayerOp::linear) return {};
  return sparsity_;
}

void LayerMaker::fill_weights(Layer& layer, std::int64_t taps) {
  layer.weight_format = Format{options_.weight_bits, true, 0, options_.weight_bits == 1};
  const Sparsity sparsity = sparsity_of(layer);
  layer.sparsity = sparsity.label;
  draw_weights(random_, sparsity, taps, layer);
}

void LayerMaker::scale_output(Layer& layer, std::int64_t fan_in, Output output,
                              std::int64_t phases) {
  // Standard deviation of the accumulator: sqrt(terms) * rms(w) * rms(x), where uniform weights
  // have max/sqrt(3), and activations about a third of their maximum.
  fan_in = std::max<std::int64_t>(1, fan_in / phases);
  std::int64_t terms = fan_in;
  const Sparsity sparsity = sparsity_of(layer);
  if (sparsity.m > 0) terms = fan_in * sparsity.n / sparsity.m;
  if (sparsity.zero_ppm > 0) terms = fan_in * (1000000 - sparsity.zero_ppm) / 1000000;
  const std::int64_t weight_max = layer.weight_format.max();
  const std::int64_t input_max = network_.format_of(layer.inputs[0]).max();
  const std::int64_t sigma = std::max<std::int64_t>(
      1,
      integer_sqrt(std::max<std::int64_t>(1, terms) * weight_max * weight_max / 3) * input_max / 3);
  layer.bias.resize(static_cast<std::size_t>(layer.out_channels));
  // The bias takes away what an average activation contributes, or the sign of a channel's
  // weight sum would decide nearly all of its outputs.
  const std::size_t per_channel = layer.weight.size() / layer.bias.size();
  for (std::size_t o = 0; o < layer.bias.size(); ++o) {
    std::int64_t sum = 0;
    bool pruned = sparsity.filter_ppm > 0;
    for (std::size_t i = 0; i < per_channel; ++i) {
      sum += layer.weight[o * per_channel + i];
      pruned = pruned && layer.weight[o * per_channel + i] == 0;
    }
    const std::int64_t noise = random_.below(sigma / 2 + 1) - sigma / 4;
    layer.bias[o] = pruned ? 0 : noise - sum * input_max * 3 / 10 / phases;
  }

  Requant& r = layer.requant;
  if (output == Output::raw) {
    layer.out_format = Format{32, true, 0};
    r.clamp_min = layer.out_format.min();
    r.clamp_max = layer.out_format.max();
    return;
  }
  layer.out_format = activation(output == Output::plain);
  r.convention = Convention::mul_shift;
  r.rounding = Rounding::half_up;
  r.clamp_min = layer.out_format.min();
  r.clamp_max = layer.out_format.max();
  r.mult_bits = kMultBits;
  // One standard deviation becomes half the output range: mult / 2^shift = max / (2 sigma), with
  // mult in 2^13..2^14 so that the spread between channels stays inside 16 bits.
  int shift = 0;
  std::int64_t mult = 0;
  while (shift < 46) {
    mult = (layer.out_format.max() << shift) / (2 * sigma);
    if (mult >= (std::int64_t{1} << 13)) break;
    ++shift;
  }
  mult = std::min<std::int64_t>(mult, (std::int64_t{1} << 14));
  r.shift = {shift};
  for (int o = 0; o < layer.out_channels; ++o) {
    r.mult.push_back(mult - mult / 8 + random_.below(mult / 4 + 1));
  }
}

Layer LayerMaker::with_kernel(const std::string& name, LayerOp op, const std::string& from,
                              const Conv& shape) {
  Layer layer = start(name, op, {from});
  layer.kernel_h = shape.kernel_h;
  layer.kernel_w = shape.kernel_w;
  layer.stride_h = layer.stride_w = shape.stride;
  layer.padding = shape.padding;
  layer.out_channels = shape.out_channels;
  layer.groups = shape.groups;
  layer.in_channels_per_group = shape.in_channels / shape.groups;
  const std::int64_t taps = std::int64_t{shape.kernel_h} * shape.kernel_w;
  const std::int64_t outer = std::int64_t{layer.in_channels_per_group} * shape.out_channels;
  if (taps > (std::int64_t{1} << 28) / outer) {
    throw BadInput("synth: layer " + layer.id + " has more than 2^28 weights", {}, layer.id);
  }
  fill_weights(layer, taps);
  return layer;
}

std::string LayerMaker::conv(const std::string& name, const std::string& from, const Conv& shape,
                             Output output) {
  Layer layer = with_kernel(name, LayerOp::conv2d, from, shape);
  const std::int64_t taps = std::int64_t{shape.kernel_h} * shape.kernel_w;
  scale_output(layer, layer.in_channels_per_group * taps, output);
  return keep(std::move(layer));
}

std::string LayerMaker::conv_transpose(const std::string& name, const std::string& from,
                                       const Conv& shape, Output output) {
  Layer layer = with_kernel(name, LayerOp::conv_transpose2d, from, shape);
  // (H - 1) s - padding + k + more = H s, the kernel's middle on the pixel.
  const auto pad = [&](int kernel) { return (kernel - 1) / 2; };
  layer.padding = {pad(shape.kernel_h), pad(shape.kernel_w), pad(shape.kernel_h),
                   pad(shape.kernel_w)};
  layer.output_padding = {shape.stride + 2 * pad(shape.kernel_h) - shape.kernel_h,
                          shape.stride + 2 * pad(shape.kernel_w) - shape.kernel_w};
  const std::int64_t taps = std::int64_t{shape.kernel_h} * shape.kernel_w;
  scale_output(layer, layer.in_channels_per_group * taps, output,
               std::int64_t{shape.stride} * shape.stride);
  return keep(std::move(layer));
}

std::string LayerMaker::linear(const std::string& name, const std::string& from, int inputs,
                               int outputs, Output output) {
  Layer layer = start(name, LayerOp::linear, {from});
  layer.out_channels = outputs;
  layer.in_channels_per_group = inputs;
  fill_weights(layer, 1);
  scale_output(layer, inputs, output);
  return keep(std::move(layer));
}

std::string LayerMaker::maxpool(const std::string& name, const std::string& from,
                                const Pool& shape) {
  Layer layer = start(name, LayerOp::maxpool, {from});
  layer.kernel_h = layer.kernel_w = shape.kernel;
  layer.stride_h = layer.stride_w = shape.stride;
  layer.padding = shape.padding;
  layer.out_format = activation(false);
  layer.requant.clamp_max = layer.out_format.max();
  return keep(std::move(layer));
}

std::string LayerMaker::add(const std::string& name, const std::string& branch,
                            const std::string& other, Output output) {
  Layer layer = start(name, LayerOp::add, {branch, other});
  layer.out_format = activation(output == Output::plain);
  Requant& r = layer.requant;
  r.convention = Convention::add_mul_shift;
  r.mult_bits = kMultBits;
  r.clamp_min = layer.out_format.min();
  r.clamp_max = layer.out_format.max();
  r.shift = {8};
  // Factors 1 for signed branches and 5/8 for an unsigned one, which has twice the range. A plain
  // sum keeps the range of its operands: 45/64 each.
  const bool plain = output == Output::plain;
  layer.operand_scale[0].mult = plain ? 180 : 256;
  layer.operand_scale[1].mult = plain ? 180 : network_.format_of(other).is_signed ? 256 : 160;
  return keep(std::move(layer));
}

std::string LayerMaker::global_avgpool(const std::string& name, const std::string& from,
                                       int pixels) {
  Layer layer = start(name, LayerOp::global_avgpool, {from});
  layer.out_format = activation(false);
  Requant& r = layer.requant;
  r.convention = Convention::mul_shift;
  r.mult_bits = kMultBits;
  r.clamp_max = layer.out_format.max();
  int shift = 13;
  while ((std::int64_t{1} << (shift - 13)) < pixels) ++shift;
  r.mult = {((std::int64_t{1} << shift) + pixels / 2) / pixels};
  r.shift = {shift};
  return keep(std::move(layer));
}

Network LayerMaker::finish(std::vector<std::string> outputs) {
  network_.outputs = std::move(outputs);
  check_network(network_);
  return std::move(network_);
}

}  // namespace tactus::synth
