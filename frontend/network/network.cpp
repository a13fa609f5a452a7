// SPDX-License-Identifier: Apache-2.0
#include "network/network.hpp"

#include <algorithm>
#include <set>

#include "network/check.hpp"
#include "numerics/errors.hpp"

namespace tactus {

const char* name_of(LayerOp op) {
  switch (op) {
    case LayerOp::conv2d:
      return "conv2d";
    case LayerOp::linear:
      return "linear";
    case LayerOp::add:
      return "add";
    case LayerOp::clamp:
      return "clamp";
    case LayerOp::maxpool:
      return "maxpool";
    case LayerOp::avgpool:
      return "avgpool";
    case LayerOp::global_avgpool:
      return "global_avgpool";
    case LayerOp::flatten:
      return "flatten";
    case LayerOp::requant:
      return "requant";
    case LayerOp::mul:
      return "mul";
    case LayerOp::maximum:
      return "maximum";
    case LayerOp::minimum:
      return "minimum";
    case LayerOp::lut:
      return "lut";
    case LayerOp::softmax:
      return "softmax";
    case LayerOp::layernorm:
      return "layernorm";
    case LayerOp::rmsnorm:
      return "rmsnorm";
    case LayerOp::matmul:
      return "matmul";
    case LayerOp::transpose:
      return "transpose";
    case LayerOp::concat:
      return "concat";
    case LayerOp::slice:
      return "slice";
    case LayerOp::constant:
      return "constant";
    case LayerOp::upsample:
      return "upsample";
    case LayerOp::conv_transpose2d:
      return "conv_transpose2d";
    case LayerOp::pixel_shuffle:
      return "pixel_shuffle";
    case LayerOp::space_to_depth:
      return "space_to_depth";
    case LayerOp::reshape:
      return "reshape";
  }
  return nullptr;
}

bool has_kernel(LayerOp op) { return op == LayerOp::conv2d || op == LayerOp::conv_transpose2d; }
bool has_weights(LayerOp op) { return has_kernel(op) || op == LayerOp::linear; }

bool takes_two_elements(LayerOp op) {
  return op == LayerOp::add || op == LayerOp::mul || op == LayerOp::maximum ||
         op == LayerOp::minimum;
}

const Layer* Network::find_layer(std::string_view id) const {
  const auto it =
      std::find_if(layers.begin(), layers.end(), [&](const Layer& l) { return l.id == id; });
  return it == layers.end() ? nullptr : &*it;
}

const NetworkInput* Network::find_input(std::string_view wanted) const {
  const auto it = std::find_if(inputs.begin(), inputs.end(),
                               [&](const NetworkInput& i) { return i.name == wanted; });
  return it == inputs.end() ? nullptr : &*it;
}

Shape Network::shape_of(std::string_view id) const {
  if (const Layer* layer = find_layer(id)) return layer->out_shape;
  if (const NetworkInput* input = find_input(id)) return input->shape;
  network_check::fail(*this, "there is no layer or input '" + std::string(id) + "'");
}

Format Network::format_of(std::string_view id) const {
  if (const Layer* layer = find_layer(id)) return layer->out_format;
  if (const NetworkInput* input = find_input(id)) return input->format;
  network_check::fail(*this, "there is no layer or input '" + std::string(id) + "'");
}

std::int64_t macs_of(const Layer& layer) {
  if (layer.op == LayerOp::conv2d) {
    return layer.out_shape.count() * layer.in_channels_per_group * layer.kernel_h * layer.kernel_w;
  }
  if (layer.op == LayerOp::conv_transpose2d) {
    return std::int64_t{layer.in_shape.h} * layer.in_shape.w * layer.out_channels *
           layer.in_channels_per_group * layer.kernel_h * layer.kernel_w;
  }
  if (layer.op == LayerOp::linear) {
    return std::int64_t{layer.out_channels} * layer.in_channels_per_group;
  }
  if (layer.op == LayerOp::matmul) {
    return layer.out_shape.count() * (layer.in_shape.c / layer.heads);
  }
  return 0;
}

namespace network_check {

void fail(const Network& network, const Layer& layer, const std::string& what) {
  const std::string prefix = network.file.empty() ? "" : network.file + ": ";
  throw BadInput(prefix + "layer " + layer.id + ": " + what, network.file, layer.id);
}

void fail(const Network& network, const std::string& what) {
  const std::string prefix = network.file.empty() ? "" : network.file + ": ";
  throw BadInput(prefix + what, network.file);
}

std::string range_text(std::int64_t low, std::int64_t high) {
  return std::to_string(low) + ".." + std::to_string(high);
}

std::string format_problem(const Format& format, int max_bits) {
  if (format.bits < 1 || format.bits > max_bits) {
    return "bits = " + std::to_string(format.bits) + " is outside " + range_text(1, max_bits);
  }
  if (!format.holds(format.zero_point)) {
    return "zero_point = " + std::to_string(format.zero_point) + " is outside " +
           range_text(format.min(), format.max());
  }
  return {};
}

namespace {

bool valid_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c > 0x20 && c != 0x7f && c != '/' && c != ','; });
}

void check_inputs(const Network& network) {
  if (network.inputs.empty()) fail(network, "the network has no input");
  std::set<std::string> names;
  for (const NetworkInput& input : network.inputs) {
    const std::string where = "input " + input.name + ": ";
    if (!valid_name(input.name)) fail(network, "'" + input.name + "' is no valid input name");
    if (!names.insert(input.name).second) fail(network, where + "the name is used twice");
    for (const int extent : {input.shape.c, input.shape.h, input.shape.w}) {
      if (extent < 1 || extent > kMaxExtent) {
        fail(network, where + "shape has the extent " + std::to_string(extent) + ", outside " +
                          range_text(1, kMaxExtent));
      }
    }
    if (input.shape.c > kMaxCount / input.shape.h / input.shape.w) {
      fail(network, where + "shape has more than " + std::to_string(kMaxCount) + " values");
    }
    if (input.is_sequence && input.shape.h != 1) {
      fail(network, where + "a sequence must have height 1");
    }
    const std::string problem = format_problem(input.format, kMaxOperandBits);
    if (!problem.empty()) fail(network, where + problem);
  }
}

/// Follows inputs from `from`; true if `target` feeds it.
bool depends_on(const Network& network, const std::string& from, const std::string& target,
                std::set<std::string>& seen) {
  if (from == target) return true;
  if (!seen.insert(from).second) return false;
  const Layer* layer = network.find_layer(from);
  if (layer == nullptr) return false;
  return std::any_of(layer->inputs.begin(), layer->inputs.end(), [&](const std::string& name) {
    return depends_on(network, name, target, seen);
  });
}

void check_order(const Network& network) {
  std::set<std::string> known;
  for (const NetworkInput& input : network.inputs) known.insert(input.name);
  for (const Layer& layer : network.layers) {
    if (!valid_name(layer.id)) fail(network, "'" + layer.id + "' is no valid layer id");
    if (known.count(layer.id) != 0) {
      fail(network, layer, "the id is used twice among inputs and layers");
    }
    for (const std::string& name : layer.inputs) {
      if (known.count(name) != 0) continue;
      if (network.find_layer(name) == nullptr) {
        fail(network, layer, "input '" + name + "' is neither a layer nor an input");
      }
      std::set<std::string> seen;
      if (depends_on(network, name, layer.id, seen)) {
        fail(network, layer, "input '" + name + "' closes a cycle back to this layer");
      }
      fail(network, layer, "input '" + name + "' is a forward reference to a later layer");
    }
    known.insert(layer.id);
  }
}

void check_outputs(const Network& network) {
  if (network.outputs.empty()) fail(network, "outputs names no layer");
  std::set<std::string> seen;
  for (const std::string& id : network.outputs) {
    if (network.find_layer(id) == nullptr)
      fail(network, "outputs names '" + id + "', which is no layer");
    if (!seen.insert(id).second) fail(network, "outputs names '" + id + "' twice");
  }
}

}  // namespace
}  // namespace network_check

void check_network(Network& network) {
  network_check::check_inputs(network);
  if (network.layers.empty()) network_check::fail(network, "the network has no layer");
  network_check::check_order(network);
  for (Layer& layer : network.layers) {
    network_check::check_shapes(network, layer);
    network_check::check_values(network, layer);
  }
  network_check::check_outputs(network);
}

}  // namespace tactus
