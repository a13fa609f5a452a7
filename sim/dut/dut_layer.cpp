// SPDX-License-Identifier: Apache-2.0
#include "dut/dut_layer.hpp"

#include <type_traits>

namespace tactus {
namespace {

// The header's numbers are written as ours: a name list in one order on both sides.
template <typename Ours, typename Theirs>
constexpr bool same(Ours ours, Theirs theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
static_assert(same(LayerOp::conv2d, TACTUS_DUT_CONV2D));
static_assert(same(LayerOp::linear, TACTUS_DUT_LINEAR));
static_assert(same(LayerOp::add, TACTUS_DUT_ADD));
static_assert(same(LayerOp::clamp, TACTUS_DUT_CLAMP));
static_assert(same(LayerOp::maxpool, TACTUS_DUT_MAXPOOL));
static_assert(same(LayerOp::avgpool, TACTUS_DUT_AVGPOOL));
static_assert(same(LayerOp::global_avgpool, TACTUS_DUT_GLOBAL_AVGPOOL));
static_assert(same(LayerOp::flatten, TACTUS_DUT_FLATTEN));
static_assert(same(Rounding::half_even, TACTUS_DUT_HALF_EVEN));
static_assert(same(Rounding::half_up, TACTUS_DUT_HALF_UP));
static_assert(same(Rounding::half_away, TACTUS_DUT_HALF_AWAY));
static_assert(same(Rounding::half_down, TACTUS_DUT_HALF_DOWN));
static_assert(same(Rounding::floor, TACTUS_DUT_FLOOR));
static_assert(same(Rounding::ceil, TACTUS_DUT_CEIL));
static_assert(same(Rounding::trunc, TACTUS_DUT_TRUNC));
static_assert(same(Convention::none, TACTUS_DUT_NONE));
static_assert(same(Convention::mul_shift, TACTUS_DUT_MUL_SHIFT));
static_assert(same(Convention::pow2, TACTUS_DUT_POW2));
static_assert(same(Convention::tflite_double, TACTUS_DUT_TFLITE_DOUBLE));
static_assert(same(Convention::tflite_single, TACTUS_DUT_TFLITE_SINGLE));
static_assert(same(Convention::tflite_s64, TACTUS_DUT_TFLITE_S64));
static_assert(same(Convention::add_mul_shift, TACTUS_DUT_ADD_MUL_SHIFT));
static_assert(same(Convention::add_tflite, TACTUS_DUT_ADD_TFLITE));
static_assert(same(Convention::avg_tflite, TACTUS_DUT_AVG_TFLITE));
static_assert(std::is_same_v<int, std::int32_t>, "shift vectors are handed over as they are");

tactus_dut_shape shape_of(const Shape& s) { return {s.c, s.h, s.w}; }

tactus_dut_format format_of(const Format& f) {
  return {f.bits, f.is_signed ? 1 : 0, f.bipolar ? 1 : 0, f.zero_point};
}

tactus_dut_tensor tensor_of(const std::string& name, const Shape& shape, const Format& format) {
  return {name.c_str(), shape_of(shape), format_of(format)};
}

/// Count and address; an empty vector is NULL.
template <typename T>
void hand_over(const std::vector<T>& from, std::uint32_t& count, const T*& data) {
  count = static_cast<std::uint32_t>(from.size());
  data = from.empty() ? nullptr : from.data();
}

tactus_dut_requant requant_of(const Requant& r) {
  tactus_dut_requant out{};
  out.convention = static_cast<std::int32_t>(r.convention);
  out.rounding = static_cast<std::int32_t>(r.rounding);
  out.clamp_min = r.clamp_min;
  out.clamp_max = r.clamp_max;
  out.mult_bits = r.mult_bits;
  out.add_bits = r.add_bits;
  hand_over(r.mult, out.mult_count, out.mult);
  hand_over(r.shift, out.shift_count, out.shift);
  hand_over(r.add, out.add_count, out.add);
  return out;
}

bool has_window(LayerOp op) {
  return op == LayerOp::conv2d || op == LayerOp::maxpool || op == LayerOp::avgpool ||
         op == LayerOp::global_avgpool;
}

void add_window(const Layer& layer, tactus_dut_layer& out) {
  const bool whole = layer.op == LayerOp::global_avgpool;
  out.kernel_h = whole ? layer.in_shape.h : layer.kernel_h;
  out.kernel_w = whole ? layer.in_shape.w : layer.kernel_w;
  out.stride_h = layer.stride_h;
  out.stride_w = layer.stride_w;
  out.padding_top = layer.padding[0];
  out.padding_left = layer.padding[1];
  out.padding_bottom = layer.padding[2];
  out.padding_right = layer.padding[3];
}

void add_weights(const Layer& layer, tactus_dut_layer& out) {
  out.weight = layer.weight.data();
  out.in_channels = layer.in_channels_per_group;
  out.weight_format = format_of(layer.weight_format);
  out.weight_format.zero_point = 0;
  hand_over(layer.weight_zero_point, out.weight_zero_point_count, out.weight_zero_point);
  hand_over(layer.bias, out.bias_count, out.bias);
}

}  // namespace

std::string not_described(const Network& network, const Layer& layer) {
  if (static_cast<int>(layer.op) > TACTUS_DUT_FLATTEN || layer.inputs.size() > 2) {
    return std::string("layers of kind ") + name_of(layer.op);
  }
  for (const std::string& input : layer.inputs) {
    if (layer.op == LayerOp::add && !(network.shape_of(input) == layer.out_shape)) {
      return "adds of different shapes";
    }
  }
  if (static_cast<int>(layer.requant.convention) > TACTUS_DUT_AVG_TFLITE) {
    return std::string("the convention ") + name_of(layer.requant.convention);
  }
  return {};
}

DutLayer::DutLayer(const Network& network, const Layer& layer) {
  view_.struct_bytes = sizeof view_;
  view_.op = static_cast<std::int32_t>(layer.op);
  view_.id = layer.id.c_str();
  view_.source_name = layer.source_name.c_str();
  view_.input_count = static_cast<std::uint32_t>(layer.inputs.size());
  for (std::size_t i = 0; i < layer.inputs.size() && i < 2; ++i) {
    const std::string& name = layer.inputs[i];
    view_.input[i] = tensor_of(name, network.shape_of(name), network.format_of(name));
  }
  view_.output = tensor_of(layer.id, layer.out_shape, layer.out_format);
  if (has_window(layer.op)) add_window(layer, view_);
  if (layer.op == LayerOp::conv2d) {
    view_.dilation_h = layer.dilation_h;
    view_.dilation_w = layer.dilation_w;
    view_.groups = layer.groups;
  }
  if (!layer.weight.empty()) add_weights(layer, view_);
  if (layer.op != LayerOp::maxpool && layer.op != LayerOp::flatten) {
    view_.requant = requant_of(layer.requant);
  }
  if (layer.op == LayerOp::add) {
    for (std::size_t i = 0; i < 2; ++i) {
      const OperandScale& scale = layer.operand_scale[i];
      view_.operand_scale[i] = {scale.mult, scale.left_shift, scale.shift};
    }
  }
}

}  // namespace tactus
