// SPDX-License-Identifier: Apache-2.0
// A quantised network as plain data: what a model file says, before any architecture is known.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "numerics/formats.hpp"

namespace tactus {

/// Shape of one activation tensor without batch: channels, height, width. A [T,C] input has
/// c = C, h = 1, w = T.
struct Shape {
  int c = 0, h = 0, w = 0;
  [[nodiscard]] std::int64_t count() const {
    return std::int64_t{c} * std::int64_t{h} * std::int64_t{w};
  }
};
[[nodiscard]] inline bool operator==(const Shape& a, const Shape& b) {
  return a.c == b.c && a.h == b.h && a.w == b.w;
}

/// An activation tensor in C,H,W order.
struct QTensor {
  Shape shape;
  Format format;
  std::vector<std::int32_t> data;  ///< shape.count() values, each inside format
};

enum class LayerOp : std::uint8_t {
  conv2d,          ///< weight OIHW, any groups (depthwise: groups = C)
  linear,          ///< weight OI over the input flattened in C,H,W order
  add,             ///< residual add of two tensors
  clamp,           ///< ReLU and friends: out = min(max(x, clamp_min), clamp_max), same format
  maxpool,         ///< window kernel, stride, padding (taps outside the image do not take part)
  avgpool,         ///< window kernel, stride; sum over the window, then requant
  global_avgpool,  ///< as avgpool with kernel = H x W
  flatten,         ///< no arithmetic: C,H,W becomes C*H*W,1,1
  requant,         ///< one more version of a tensor in another format
  mul,             ///< product of two tensors, requantised
  maximum,         ///< of two tensors of one format, then clamp
  minimum,
  lut,        ///< a table of the input's values, perhaps interpolated
  softmax,    ///< over the channels of each pixel, head by head
  layernorm,  ///< over the channels of each pixel, then gain and offset by requant
  rmsnorm,
  matmul,     ///< of two activations, head by head: out[n][m] = sum over k of a[k][m] * b[k][n]
  transpose,  ///< head by head, channels and columns change places (height 1)
  concat,     ///< of tensors of one format along an axis
  slice,      ///< a box of the input
  constant,   ///< a tensor without inputs
  upsample,   ///< each pixel becomes stride_h x stride_w, copies of it or the zero point behind it
  conv_transpose2d,  ///< weight OIHW as conv2d, not turned: out[y * stride - padding + ky] += x[y]
                     ///< * w
  pixel_shuffle,     ///< stride_h * stride_w channels become as many pixels (depth to space)
  space_to_depth,    ///< stride_h x stride_w pixels become as many channels
  reshape,           ///< the same values in C,H,W order with another shape
};
/// Codes of LayerOp.
inline constexpr unsigned layer_op_count = static_cast<unsigned>(LayerOp::reshape) + 1;
[[nodiscard]] const char* name_of(LayerOp op);
/// conv2d, conv_transpose2d or linear: the layers with weights.
[[nodiscard]] bool has_weights(LayerOp op);
/// The weights have kernel positions: conv2d or conv_transpose2d.
[[nodiscard]] bool has_kernel(LayerOp op);
/// add, mul, maximum or minimum. Their operands have one shape, or one of them has one channel or
/// one pixel or both, which stands for all.
[[nodiscard]] bool takes_two_elements(LayerOp op);

/// Constants of one requantisation. Vectors have one entry (per tensor) or one per output channel.
struct Requant {
  Convention convention = Convention::none;
  Rounding rounding = Rounding::half_up;
  std::int64_t clamp_min = 0, clamp_max = 0;  ///< inclusive, inside the output format
  int mult_bits = 32;                         ///< declared width of mult, two's complement
  int add_bits = 48;                          ///< declared width of add, two's complement
  std::vector<std::int64_t> mult;             ///< empty for none, pow2, avg_tflite
  std::vector<int> shift;         ///< 0..63; TFLite conventions: -31..30, positive = left
  std::vector<std::int64_t> add;  ///< empty means 0
};

/// Per-operand part of a two-operand requantisation (groups requant_0 and requant_1).
/// add_mul_shift: ((x - zero_point) * mult) << left_shift.
/// add_tflite: tflite_double((x - zero_point) << left_shift, mult, shift).
struct OperandScale {
  std::int64_t mult = 1;
  int left_shift = 0;  ///< 0..31
  int shift = 0;       ///< TFLite only
};

/// Constants of a softmax layer; which ones a kind reads is in frontend/README.md.
struct Softmax {
  RowKind kind = RowKind::softmax_tflite8;
  std::int64_t mult = 0;      ///< TFLite
  int shift = 0;              ///< TFLite; positive = left
  std::int64_t diff_min = 0;  ///< softmax_tflite8
  std::int64_t one = 255;     ///< softmax_lut: the output of probability 1
};

struct Layer {
  std::string id;           ///< NNN_name, the layer's name everywhere
  std::string source_name;  ///< the toolkit's name, may be empty
  LayerOp op = LayerOp::conv2d;
  std::vector<std::string> inputs;  ///< layer ids or input names

  // Geometry (convolutions, pools). Linear, add, clamp and flatten leave the defaults.
  int kernel_h = 1, kernel_w = 1;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  std::array<int, 4> padding{0, 0, 0, 0};   ///< top, left, bottom, right
  std::array<int, 2> output_padding{0, 0};  ///< conv_transpose2d: more lines below, columns right
  int groups = 1;
  bool count_include_pad = false;  ///< avgpool only

  // Weights (convolutions: O, I/groups, kh, kw; linear: O, I), row major.
  Format weight_format;  ///< zero_point unused, see weight_zero_point
  int out_channels = 0, in_channels_per_group = 0;
  std::string sparsity = "dense";  ///< "dense", "N:M" or "unstructured"
  std::vector<std::int16_t> weight;
  std::vector<std::int64_t> weight_zero_point;  ///< empty (0), one, or one per output channel
  std::vector<std::int64_t> bias;               ///< empty or one per output channel

  Requant requant;
  std::array<OperandScale, 2> operand_scale;  ///< add only

  // lut: one entry per 2^interpolate_bits input values from the smallest on, and with
  // interpolation one more. softmax: of exp; inverse_table is of 1 / (1 + x) (softmax_tflite16).
  std::vector<std::int64_t> table, inverse_table;
  int interpolate_bits = 0;  ///< lut only, 0..8
  Softmax softmax;
  int heads = 1;         ///< softmax, matmul, transpose: the channels are so many equal parts
  std::int64_t eps = 0;  ///< layernorm, rmsnorm: added to V of models/numerics/norm.hpp
  int axis = 0;          ///< concat: 0 channels, 1 lines, 2 columns
  /// slice, in C,H,W order; reshape: size is the new shape. A pixel_shuffle with a size gives that
  /// part of its result only.
  std::array<int, 3> begin{0, 0, 0}, size{0, 0, 0};
  bool nearest = true;  ///< upsample: copies
  /// pixel_shuffle, space_to_depth: the channels of the small picture are in so many equal blocks,
  /// and in a block sub-pixels come before channels: 1 is mode dcr; 0, one for each channel, crd.
  int blocks = 0;
  std::vector<std::int32_t> value;  ///< constant, C,H,W of out_shape

  Format out_format;
  Shape in_shape, out_shape;  ///< filled in by infer_shapes (first input); given for a constant
};

struct NetworkInput {
  std::string name;
  Shape shape;
  Format format;
  bool is_sequence = false;  ///< true when the file says [T,C]
  std::string scale;         ///< information only, as text
};

/// A network whose layers stand in execution order.
struct Network {
  std::string name, producer;
  std::string file;    ///< where it came from, for messages; may be empty
  std::string sha256;  ///< of the file, lower-case hex; empty for a network built in memory
  std::vector<NetworkInput> inputs;
  std::vector<Layer> layers;
  std::vector<std::string> outputs;  ///< layer ids

  [[nodiscard]] const Layer* find_layer(std::string_view id) const;
  [[nodiscard]] const NetworkInput* find_input(std::string_view name) const;
  /// Shape and format of a layer's output or of an input; throws BadInput when there is none.
  [[nodiscard]] Shape shape_of(std::string_view id) const;
  [[nodiscard]] Format format_of(std::string_view id) const;
};

/// Fills in_shape and out_shape of every layer and checks the whole network: ids unique, inputs
/// exist and come earlier (a cycle or a forward reference is named), shapes agree, attribute
/// ranges, weight values inside their format, requant constants inside their declared widths,
/// clamp inside the output format, acc-free rules such as equal formats of pool input and output.
/// Throws BadInput naming layer, dataset, index and value.
void check_network(Network& network);

/// Multiply-accumulates of the dense layer (0 for ops without weights).
[[nodiscard]] std::int64_t macs_of(const Layer& layer);

}  // namespace tactus
