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
static_assert(same(LayerOp::requant, TACTUS_DUT_REQUANT));
static_assert(same(LayerOp::mul, TACTUS_DUT_MUL));
static_assert(same(LayerOp::maximum, TACTUS_DUT_MAXIMUM));
static_assert(same(LayerOp::minimum, TACTUS_DUT_MINIMUM));
static_assert(same(LayerOp::lut, TACTUS_DUT_LUT));
static_assert(same(LayerOp::softmax, TACTUS_DUT_SOFTMAX));
static_assert(same(LayerOp::layernorm, TACTUS_DUT_LAYERNORM));
static_assert(same(LayerOp::rmsnorm, TACTUS_DUT_RMSNORM));
static_assert(same(LayerOp::matmul, TACTUS_DUT_MATMUL));
static_assert(same(LayerOp::transpose, TACTUS_DUT_TRANSPOSE));
static_assert(same(LayerOp::upsample, TACTUS_DUT_UPSAMPLE));
static_assert(same(RowKind::softmax_tflite8, TACTUS_DUT_SOFTMAX_TFLITE8));
static_assert(same(RowKind::softmax_tflite16, TACTUS_DUT_SOFTMAX_TFLITE16));
static_assert(same(RowKind::softmax_lut, TACTUS_DUT_SOFTMAX_LUT));
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
static_assert(same(Convention::add_tflite_single, TACTUS_DUT_ADD_TFLITE_SINGLE));
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

/// Whether the header says of an op that it requantises or clamps.
bool has_requant(LayerOp op) {
  return op != LayerOp::maxpool && op != LayerOp::flatten && op != LayerOp::lut &&
         op != LayerOp::softmax && op != LayerOp::transpose && op != LayerOp::upsample;
}

/// What version 2 of the header added.
void add_second_version(const Layer& layer, tactus_dut_layer& out) {
  switch (layer.op) {
    case LayerOp::softmax:
      out.softmax = {static_cast<std::int32_t>(layer.softmax.kind), layer.softmax.shift,
                     layer.softmax.mult, layer.softmax.diff_min, layer.softmax.one};
      hand_over(layer.table, out.table_count, out.table);
      hand_over(layer.inverse_table, out.inverse_table_count, out.inverse_table);
      out.heads = layer.heads;
      break;
    case LayerOp::matmul:
    case LayerOp::transpose:
      out.heads = layer.heads;
      break;
    case LayerOp::lut:
      hand_over(layer.table, out.table_count, out.table);
      out.interpolate_bits = layer.interpolate_bits;
      break;
    case LayerOp::layernorm:
    case LayerOp::rmsnorm:
      out.eps = layer.eps;
      break;
    case LayerOp::upsample:
      out.stride_h = layer.stride_h;
      out.stride_w = layer.stride_w;
      out.nearest = layer.nearest ? 1 : 0;
      break;
    default:
      break;
  }
}

}  // namespace

std::string not_described(const Network& network, const Layer& layer, std::uint32_t version) {
  const auto op = static_cast<int>(layer.op);
  const bool first = op <= TACTUS_DUT_FLATTEN;
  const bool second = op <= TACTUS_DUT_TRANSPOSE || op == TACTUS_DUT_UPSAMPLE;
  if (!first && (version < 2 || !second)) {
    return std::string("layers of kind ") + name_of(layer.op);
  }
  for (const std::string& input : layer.inputs) {
    if (version < 2 && layer.op == LayerOp::add && !(network.shape_of(input) == layer.out_shape)) {
      return "adds of different shapes";
    }
  }
  const int conventions = version < 2 ? TACTUS_DUT_AVG_TFLITE : TACTUS_DUT_ADD_TFLITE_SINGLE;
  if (static_cast<int>(layer.requant.convention) > conventions) {
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
  if (has_requant(layer.op)) view_.requant = requant_of(layer.requant);
  add_second_version(layer, view_);
  if (layer.op == LayerOp::add) {
    for (std::size_t i = 0; i < 2; ++i) {
      const OperandScale& scale = layer.operand_scale[i];
      view_.operand_scale[i] = {scale.mult, scale.left_shift, scale.shift};
    }
  }
}

}  // namespace tactus
