// SPDX-License-Identifier: Apache-2.0
#include "golden/layer_values.hpp"

#include <algorithm>

namespace tactus::golden {
namespace {

/// Bits that hold every value of a non-empty list in two's complement.
template <class T>
int signed_bits(const std::vector<T>& values) {
  int bits = 1;
  for (const T value : values) {
    const auto v = static_cast<std::int64_t>(value);
    while (bits < 64 &&
           (v < -(std::int64_t{1} << (bits - 1)) || v >= std::int64_t{1} << (bits - 1))) {
      ++bits;
    }
  }
  return bits;
}

std::uint64_t extent(int n) { return static_cast<std::uint64_t>(n); }

Array array_of(const Layer& layer, const std::string& folder, const std::string& role,
               std::vector<std::uint64_t> shape, std::vector<std::string> axes) {
  Array array;
  array.stem = folder + "/" + layer.id + "/" + role;
  array.role = role;
  array.layer = layer.id;
  array.shape = std::move(shape);
  array.axes = std::move(axes);
  array.row = static_cast<std::size_t>(array.shape.back());
  return array;
}

void set_format(Array& array, const Format& format) {
  array.bits = format.bipolar ? 2 : format.bits;
  array.is_signed = format.is_signed || format.bipolar;
}

template <class T>
void add_list(std::vector<Array>& out, const Layer& layer, const std::string& folder,
              const std::string& role, const std::vector<T>& values, int bits) {
  if (values.empty()) return;
  Array array =
      array_of(layer, folder, role, {values.size()}, {values.size() == 1 ? "tensor" : "channel"});
  array.bits = std::max(bits, signed_bits(values));
  array.is_signed = true;
  array.row = 1;
  array.values.assign(values.begin(), values.end());
  out.push_back(std::move(array));
}

Array tensor_of(const Layer& layer, const std::string& folder, const std::string& role,
                const Shape& shape) {
  return array_of(layer, folder, role, {extent(shape.c), extent(shape.h), extent(shape.w)},
                  {"channel", "y", "x"});
}

}  // namespace

bool has_accumulators(const Layer& layer) { return has_weights(layer.op); }

std::vector<Array> constants_of(const Layer& layer, const std::string& folder) {
  std::vector<Array> out;
  if (!layer.weight.empty()) {
    std::vector<std::uint64_t> shape{extent(layer.out_channels),
                                     extent(layer.in_channels_per_group)};
    std::vector<std::string> axes{"out_channel", "in_channel"};
    if (has_kernel(layer.op)) {
      shape.insert(shape.end(), {extent(layer.kernel_h), extent(layer.kernel_w)});
      axes.insert(axes.end(), {"kernel_y", "kernel_x"});
    }
    Array weight = array_of(layer, folder, "weight", shape, axes);
    set_format(weight, layer.weight_format);
    weight.values.assign(layer.weight.begin(), layer.weight.end());
    out.push_back(std::move(weight));
  }
  constexpr int word = 32, byte = 8;
  add_list(out, layer, folder, "weight_zero_point", layer.weight_zero_point, byte);
  add_list(out, layer, folder, "bias", layer.bias, word);
  add_list(out, layer, folder, "mult", layer.requant.mult, layer.requant.mult_bits);
  add_list(out, layer, folder, "shift", layer.requant.shift, byte);
  add_list(out, layer, folder, "add", layer.requant.add, layer.requant.add_bits);
  const std::size_t lists = out.size();
  add_list(out, layer, folder, "table", layer.table, byte);
  add_list(out, layer, folder, "inverse_table", layer.inverse_table, byte);
  for (std::size_t i = lists; i < out.size(); ++i) out[i].axes = {"entry"};
  return out;
}

std::vector<Array> tensors_of(const Network& network, const Layer& layer, int acc_bits,
                              const std::string& folder, const Tensors* tensors) {
  std::vector<Array> out;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const std::string& name = layer.inputs[i];
    Array input = tensor_of(layer, folder, i == 0 ? "input" : "input_" + std::to_string(i),
                            network.shape_of(name));
    set_format(input, network.format_of(name));
    if (tensors != nullptr) {
      const auto& data = tensors->values.at(name).data;
      input.values.assign(data.begin(), data.end());
    }
    out.push_back(std::move(input));
  }
  if (has_accumulators(layer)) {
    Array accumulator = tensor_of(layer, folder, "accumulator", layer.out_shape);
    accumulator.bits = acc_bits;
    accumulator.is_signed = true;
    if (tensors != nullptr) accumulator.values = tensors->accumulators.at(layer.id);
    out.push_back(std::move(accumulator));
  }
  Array output = tensor_of(layer, folder, "output", layer.out_shape);
  set_format(output, layer.out_format);
  if (tensors != nullptr) {
    const auto& data = tensors->values.at(layer.id).data;
    output.values.assign(data.begin(), data.end());
  }
  out.push_back(std::move(output));
  return out;
}

}  // namespace tactus::golden
