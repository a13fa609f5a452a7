// SPDX-License-Identifier: Apache-2.0
// A Network becomes the inputs and layers of a model file.
#include "hdf5/schema.hpp"
#include "numerics/errors.hpp"

namespace tactus::model_schema {
namespace {

void write_format(h5::Object& object, const std::string& prefix, const Format& format) {
  object.write_attribute(prefix + "bits", std::int64_t{format.bits});
  object.write_attribute(prefix + "signed", std::int64_t{format.is_signed ? 1 : 0});
  object.write_attribute(prefix + "zero_point", format.zero_point);
}

template <typename T>
void write_vector(h5::Group& group, const std::string& name, const std::vector<T>& values,
                  h5::Store store) {
  if (values.empty()) return;
  const h5::Integers content{{values.size()}, {values.begin(), values.end()}};
  static_cast<void>(group.create_dataset(name, content, store));
}

void write_input(h5::Group& group, const NetworkInput& input) {
  const Shape& s = input.shape;
  group.write_attribute(
      "shape", input.is_sequence ? std::vector<int>{s.w, s.c} : std::vector<int>{s.c, s.h, s.w});
  write_format(group, "", input.format);
  if (!input.scale.empty()) group.write_number_attribute("scale", input.scale);
}

void write_clamp(h5::Object& object, const Requant& r) {
  object.write_attribute("clamp_min", r.clamp_min);
  object.write_attribute("clamp_max", r.clamp_max);
}

void write_requant(h5::Group& layer_group, const Requant& r) {
  h5::Group group = layer_group.create_group("requant");
  group.write_attribute("convention", std::string(name_of(r.convention)));
  group.write_attribute("rounding", std::string(name_of(r.rounding)));
  write_clamp(group, r);
  group.write_attribute("mult_bits", std::int64_t{r.mult_bits});
  group.write_attribute("add_bits", std::int64_t{r.add_bits});
  write_vector(group, "mult", r.mult, h5::Store::i64);
  write_vector(group, "shift", r.shift, h5::Store::i32);
  write_vector(group, "add", r.add, h5::Store::i64);
}

void write_operand(h5::Group& layer_group, const Layer& layer, std::size_t i) {
  h5::Group group = layer_group.create_group("requant_" + std::to_string(i));
  const OperandScale& scale = layer.operand_scale[i];
  group.write_attribute("mult", scale.mult);
  group.write_attribute("left_shift", std::int64_t{scale.left_shift});
  if (layer.requant.convention == Convention::add_tflite ||
      layer.requant.convention == Convention::add_tflite_single) {
    group.write_attribute("shift", std::int64_t{scale.shift});
  }
}

void write_geometry(h5::Group& group, const Layer& layer) {
  const bool conv = has_kernel(layer.op);
  if (!conv && layer.op != LayerOp::maxpool && layer.op != LayerOp::avgpool) return;
  group.write_attribute("stride", std::vector<int>{layer.stride_h, layer.stride_w});
  group.write_attribute("padding", std::vector<int>(layer.padding.begin(), layer.padding.end()));
  if (conv) {
    group.write_attribute("dilation", std::vector<int>{layer.dilation_h, layer.dilation_w});
    group.write_attribute("groups", std::int64_t{layer.groups});
    if (layer.op == LayerOp::conv_transpose2d) {
      const auto& more = layer.output_padding;
      group.write_attribute("output_padding", std::vector<int>(more.begin(), more.end()));
    }
    return;
  }
  group.write_attribute("kernel", std::vector<int>{layer.kernel_h, layer.kernel_w});
  if (layer.op == LayerOp::avgpool) {
    group.write_attribute("count_include_pad", std::int64_t{layer.count_include_pad ? 1 : 0});
  }
}

void write_weights(h5::Group& group, const Layer& layer) {
  const auto size = [](int extent) { return static_cast<std::uint64_t>(extent); };
  h5::Integers content{{size(layer.out_channels), size(layer.in_channels_per_group)},
                       {layer.weight.begin(), layer.weight.end()}};
  if (has_kernel(layer.op)) {
    content.dims.insert(content.dims.end(), {size(layer.kernel_h), size(layer.kernel_w)});
  }
  h5::Dataset weight = group.create_dataset("weight", content, store_for(layer.weight_format));
  weight.write_attribute("bits", std::int64_t{layer.weight_format.bits});
  weight.write_attribute("signed", std::int64_t{layer.weight_format.is_signed ? 1 : 0});
  weight.write_attribute("sparsity", layer.sparsity);
  if (layer.weight_format.bipolar) weight.write_attribute("bipolar", std::int64_t{1});
  write_vector(group, "weight_zero_point", layer.weight_zero_point, h5::Store::i32);
  write_vector(group, "bias", layer.bias, h5::Store::i64);
}

void write_heads(h5::Group& group, const Layer& layer) {
  if (layer.heads != 1) group.write_attribute("heads", std::int64_t{layer.heads});
}

void write_softmax(h5::Group& group, const Layer& layer) {
  const Softmax& s = layer.softmax;
  group.write_attribute("kind", std::string(name_of(s.kind)));
  write_heads(group, layer);
  if (s.kind == RowKind::softmax_lut) {
    group.write_attribute("one", s.one);
  } else {
    group.write_attribute("mult", s.mult);
    group.write_attribute("shift", std::int64_t{s.shift});
    if (s.kind == RowKind::softmax_tflite8) group.write_attribute("diff_min", s.diff_min);
  }
  write_vector(group, "table", layer.table, h5::Store::i32);
  write_vector(group, "inverse_table", layer.inverse_table, h5::Store::i32);
}

void write_layer(h5::Group& group, const Layer& layer) {
  group.write_attribute("op", std::string(name_of(layer.op)));
  if (!layer.inputs.empty()) group.write_attribute("inputs", layer.inputs);
  if (!layer.source_name.empty()) group.write_attribute("source_name", layer.source_name);
  write_format(group, "out_", layer.out_format);
  write_geometry(group, layer);
  switch (layer.op) {
    case LayerOp::conv2d:
    case LayerOp::conv_transpose2d:
    case LayerOp::linear:
      write_weights(group, layer);
      write_requant(group, layer.requant);
      break;
    case LayerOp::add:
      write_operand(group, layer, 0);
      write_operand(group, layer, 1);
      write_requant(group, layer.requant);
      break;
    case LayerOp::avgpool:
    case LayerOp::global_avgpool:
    case LayerOp::requant:
    case LayerOp::mul:
      write_requant(group, layer.requant);
      break;
    case LayerOp::lut:
      if (layer.interpolate_bits > 0) {
        group.write_attribute("interpolate_bits", std::int64_t{layer.interpolate_bits});
      }
      write_vector(group, "table", layer.table, h5::Store::i32);
      break;
    case LayerOp::softmax:
      write_softmax(group, layer);
      break;
    case LayerOp::layernorm:
    case LayerOp::rmsnorm:
      if (layer.eps != 0) group.write_attribute("eps", layer.eps);
      write_requant(group, layer.requant);
      break;
    case LayerOp::matmul:
      write_heads(group, layer);
      write_requant(group, layer.requant);
      break;
    case LayerOp::transpose:
      write_heads(group, layer);
      break;
    case LayerOp::upsample:
      group.write_attribute("factor", std::vector<int>{layer.stride_h, layer.stride_w});
      group.write_attribute("nearest", std::int64_t{layer.nearest ? 1 : 0});
      break;
    case LayerOp::pixel_shuffle:
    case LayerOp::space_to_depth:
      group.write_attribute("factor", std::vector<int>{layer.stride_h, layer.stride_w});
      group.write_attribute("mode", std::string(layer.blocks == 1 ? "dcr" : "crd"));
      break;
    case LayerOp::reshape:
      group.write_attribute("shape", std::vector<int>(layer.size.begin(), layer.size.end()));
      break;
    case LayerOp::concat: {
      const char* const names[] = {"c", "h", "w"};
      group.write_attribute("axis", std::string(names[layer.axis]));
      break;
    }
    case LayerOp::slice:
      group.write_attribute("begin", std::vector<int>(layer.begin.begin(), layer.begin.end()));
      group.write_attribute("size", std::vector<int>(layer.size.begin(), layer.size.end()));
      break;
    case LayerOp::constant: {
      const auto extent = [](int n) { return static_cast<std::uint64_t>(n); };
      const Shape& s = layer.out_shape;
      static_cast<void>(group.create_dataset(
          "value",
          {{extent(s.c), extent(s.h), extent(s.w)}, {layer.value.begin(), layer.value.end()}},
          store_for(layer.out_format)));
      break;
    }
    case LayerOp::clamp:
    case LayerOp::maximum:
    case LayerOp::minimum:
      write_clamp(group, layer.requant);
      break;
    case LayerOp::maxpool:
    case LayerOp::flatten:
      break;
  }
}

}  // namespace

void write_network(h5::Group& root, const Network& network) {
  root.write_attribute("format", std::string(kFormat));
  root.write_attribute("version", kVersion);
  root.write_attribute("name", network.name);
  root.write_attribute("producer", network.producer);
  root.write_attribute("outputs", network.outputs);
  h5::Group inputs = root.create_group("inputs");
  for (const NetworkInput& input : network.inputs) {
    h5::Group group = inputs.create_group(input.name);
    write_input(group, input);
  }
  h5::Group layers = root.create_group("layers");
  std::int64_t last = -1;
  for (const Layer& layer : network.layers) {
    const std::int64_t number = order_of(layer.id);
    if (number <= last) {
      layers.fail("/" + layer.id + ": ids must read NNN_name with rising numbers");
    }
    last = number;
    h5::Group group = layers.create_group(layer.id);
    write_layer(group, layer);
  }
}

}  // namespace tactus::model_schema
