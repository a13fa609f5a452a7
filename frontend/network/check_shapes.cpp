// SPDX-License-Identifier: Apache-2.0
// Attribute ranges, operands and shape inference.
#include "network/check.hpp"

namespace tactus::network_check {
namespace {

class ShapeCheck {
 public:
  ShapeCheck(const Network& network, Layer& layer) : network_(network), layer_(layer) {}

  void run() {
    operands();
    switch (layer_.op) {
      case LayerOp::conv2d:
        conv();
        slide(layer_.out_channels);
        break;
      case LayerOp::conv_transpose2d:
        conv();
        spread();
        break;
      case LayerOp::linear:
        linear();
        break;
      case LayerOp::add:
      case LayerOp::mul:
      case LayerOp::maximum:
      case LayerOp::minimum:
        two_operands();
        break;
      case LayerOp::maxpool:
      case LayerOp::avgpool:
        pool();
        break;
      case LayerOp::global_avgpool:
        global_pool();
        break;
      case LayerOp::clamp:
      case LayerOp::requant:
      case LayerOp::lut:
        layer_.out_shape = layer_.in_shape;
        break;
      case LayerOp::softmax:
        check_heads();
        layer_.out_shape = layer_.in_shape;
        break;
      case LayerOp::layernorm:
      case LayerOp::rmsnorm:
        in_range("channels", layer_.in_shape.c, 1, 16384);
        layer_.out_shape = layer_.in_shape;
        break;
      case LayerOp::matmul:
        matmul();
        break;
      case LayerOp::transpose:
        check_heads();
        one_line(layer_.in_shape);
        layer_.out_shape =
            Shape{layer_.heads * layer_.in_shape.w, 1, layer_.in_shape.c / layer_.heads};
        break;
      case LayerOp::concat:
        concat();
        break;
      case LayerOp::slice:
        slice();
        break;
      case LayerOp::constant:
        break;
      case LayerOp::upsample:
        check_factor();
        layer_.out_shape = Shape{layer_.in_shape.c, layer_.in_shape.h * layer_.stride_h,
                                 layer_.in_shape.w * layer_.stride_w};
        if (layer_.out_shape.h > kMaxExtent || layer_.out_shape.w > kMaxExtent) {
          fail("the output has an extent above " + std::to_string(kMaxExtent));
        }
        break;
      case LayerOp::flatten:
        flatten();
        break;
      case LayerOp::pixel_shuffle:
        pixel_shuffle();
        break;
      case LayerOp::space_to_depth:
        space_to_depth();
        break;
      case LayerOp::reshape:
        reshape();
        break;
      default:
        fail("op has the unknown value " + std::to_string(static_cast<int>(layer_.op)));
    }
    const Shape& out = layer_.out_shape;
    if (out.c > kMaxCount / out.h / out.w) {
      fail("the output has more than " + std::to_string(kMaxCount) + " values");
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    network_check::fail(network_, layer_, what);
  }

  void operands() {
    if (layer_.op == LayerOp::constant) return constant();
    const bool two = layer_.op == LayerOp::matmul || takes_two_elements(layer_.op);
    const std::size_t wanted = two ? 2 : 1;
    if (layer_.op == LayerOp::concat ? layer_.inputs.size() < 2 : layer_.inputs.size() != wanted) {
      fail("inputs has " + std::to_string(layer_.inputs.size()) + " names, " + name_of(layer_.op) +
           " needs " + std::to_string(wanted));
    }
    layer_.in_shape = network_.shape_of(layer_.inputs[0]);
    const std::string problem = format_problem(layer_.out_format, kMaxOutputBits);
    if (!problem.empty()) fail("out_" + problem);
    const bool computes = has_weights(layer_.op) || layer_.op == LayerOp::mul ||
                          layer_.op == LayerOp::avgpool || layer_.op == LayerOp::global_avgpool ||
                          layer_.op == LayerOp::lut || layer_.op == LayerOp::softmax ||
                          layer_.op == LayerOp::layernorm || layer_.op == LayerOp::rmsnorm ||
                          layer_.op == LayerOp::matmul;
    for (const std::string& input : layer_.inputs) {
      const Format format = network_.format_of(input);
      if (computes && format.bits > kMaxOperandBits) {
        fail("input '" + input + "' has " + std::to_string(format.bits) + " bits, " +
             name_of(layer_.op) + " takes at most " + std::to_string(kMaxOperandBits));
      }
      const bool keeps_format =
          layer_.op == LayerOp::maxpool || layer_.op == LayerOp::clamp ||
          layer_.op == LayerOp::flatten || layer_.op == LayerOp::maximum ||
          layer_.op == LayerOp::minimum || layer_.op == LayerOp::concat ||
          layer_.op == LayerOp::slice || layer_.op == LayerOp::transpose ||
          layer_.op == LayerOp::upsample || layer_.op == LayerOp::pixel_shuffle ||
          layer_.op == LayerOp::space_to_depth || layer_.op == LayerOp::reshape ||
          layer_.requant.convention == Convention::avg_tflite;
      if (keeps_format && format != layer_.out_format) {
        fail("the output format (out_bits, out_signed, out_zero_point) must equal that of input '" +
             input + "'");
      }
    }
  }

  void constant() const {
    if (!layer_.inputs.empty()) fail("a constant has no inputs");
    const std::string problem = format_problem(layer_.out_format, kMaxOutputBits);
    if (!problem.empty()) fail("out_" + problem);
    const Shape& s = layer_.out_shape;
    for (const int extent : {s.c, s.h, s.w}) in_range("extent of value", extent, 1, kMaxExtent);
  }

  void check_heads() const {
    in_range("heads", layer_.heads, 1, kMaxExtent);
    if (layer_.in_shape.c % layer_.heads != 0) {
      fail("heads = " + std::to_string(layer_.heads) + " does not divide " +
           std::to_string(layer_.in_shape.c) + " channels");
    }
  }

  void one_line(const Shape& shape) const {
    if (shape.h != 1) {
      fail(std::string(name_of(layer_.op)) + " takes tensors of height 1, not " +
           std::to_string(shape.h));
    }
  }

  void matmul() {
    check_heads();
    const Shape b = network_.shape_of(layer_.inputs[1]);
    one_line(layer_.in_shape);
    one_line(b);
    if (b.c != layer_.in_shape.c) {
      fail("the inputs have " + std::to_string(layer_.in_shape.c) + " and " + std::to_string(b.c) +
           " channels, which are the sums' terms of all heads");
    }
    layer_.out_shape = Shape{layer_.heads * b.w, 1, layer_.in_shape.w};
  }

  void concat() {
    in_range("axis", layer_.axis, 0, 2);
    Shape out = layer_.in_shape;
    for (std::size_t i = 1; i < layer_.inputs.size(); ++i) {
      const Shape s = network_.shape_of(layer_.inputs[i]);
      const bool fits = (layer_.axis == 0 || s.c == out.c) && (layer_.axis == 1 || s.h == out.h) &&
                        (layer_.axis == 2 || s.w == out.w);
      if (!fits) fail("the shape of input '" + layer_.inputs[i] + "' differs in another axis");
      if (layer_.axis == 0) out.c += s.c;
      if (layer_.axis == 1) out.h += s.h;
      if (layer_.axis == 2) out.w += s.w;
      if (out.c > kMaxExtent || out.h > kMaxExtent || out.w > kMaxExtent) {
        fail("the output has an extent above " + std::to_string(kMaxExtent));
      }
    }
    layer_.out_shape = out;
  }

  void slice() { part_of(layer_.in_shape); }

  /// begin and size say which part of `whole` the result is.
  void part_of(const Shape& whole) {
    const int have[] = {whole.c, whole.h, whole.w};
    for (std::size_t i = 0; i < 3; ++i) {
      in_range("begin", layer_.begin[i], 0, have[i] - 1);
      in_range("size", layer_.size[i], 1, have[i] - layer_.begin[i]);
    }
    layer_.out_shape = Shape{layer_.size[0], layer_.size[1], layer_.size[2]};
  }

  void in_range(const char* name, int value, int low, int high) const {
    if (value < low || value > high) {
      fail(std::string(name) + " = " + std::to_string(value) + " is outside " +
           range_text(low, high));
    }
  }

  void window() const {
    in_range("kernel[0]", layer_.kernel_h, 1, kMaxExtent);
    in_range("kernel[1]", layer_.kernel_w, 1, kMaxExtent);
    in_range("stride[0]", layer_.stride_h, 1, kMaxExtent);
    in_range("stride[1]", layer_.stride_w, 1, kMaxExtent);
    in_range("dilation[0]", layer_.dilation_h, 1, kMaxExtent);
    in_range("dilation[1]", layer_.dilation_w, 1, kMaxExtent);
    const char* const names[] = {"padding[0]", "padding[1]", "padding[2]", "padding[3]"};
    for (std::size_t i = 0; i < 4; ++i) in_range(names[i], layer_.padding[i], 0, kMaxExtent);
  }

  int extent(const char* axis, int in, int before, int after, int kernel, int dilation,
             int stride) const {
    const std::int64_t padded = std::int64_t{in} + before + after;
    const std::int64_t reach = std::int64_t{dilation} * (kernel - 1) + 1;
    if (reach > padded) {
      fail(std::string("the kernel reaches over ") + std::to_string(reach) + " in " + axis +
           ", the padded input has only " + std::to_string(padded));
    }
    return static_cast<int>((padded - reach) / stride + 1);
  }

  void slide(int channels) {
    const auto& p = layer_.padding;
    layer_.out_shape.c = channels;
    layer_.out_shape.h = extent("height", layer_.in_shape.h, p[0], p[2], layer_.kernel_h,
                                layer_.dilation_h, layer_.stride_h);
    layer_.out_shape.w = extent("width", layer_.in_shape.w, p[1], p[3], layer_.kernel_w,
                                layer_.dilation_w, layer_.stride_w);
  }

  void conv() {
    window();
    in_range("groups", layer_.groups, 1, kMaxExtent);
    in_range("output channels of weight", layer_.out_channels, 1, kMaxExtent);
    in_range("input channels of weight", layer_.in_channels_per_group, 1, kMaxExtent);
    const std::int64_t channels = std::int64_t{layer_.groups} * layer_.in_channels_per_group;
    if (channels != layer_.in_shape.c) {
      fail("weight has " + std::to_string(layer_.in_channels_per_group) +
           " input channels in each of " + std::to_string(layer_.groups) +
           " groups, the input has " + std::to_string(layer_.in_shape.c) + " channels");
    }
    if (layer_.out_channels % layer_.groups != 0) {
      fail("groups = " + std::to_string(layer_.groups) + " does not divide " +
           std::to_string(layer_.out_channels) + " output channels");
    }
  }

  /// Output extent of a transposed convolution along one axis.
  int spread_extent(const char* axis, int in, std::size_t i, int kernel, int stride) const {
    const std::string index = "[" + std::to_string(i) + "]";
    in_range(("dilation" + index).c_str(), i == 0 ? layer_.dilation_h : layer_.dilation_w, 1, 1);
    // Otherwise the result could begin behind what the first input pixel reaches.
    for (const std::size_t side : {i, i + 2}) {
      in_range(("padding[" + std::to_string(side) + "]").c_str(), layer_.padding[side], 0,
               kernel - 1);
    }
    in_range(("output_padding" + index).c_str(), layer_.output_padding[i], 0, stride - 1);
    const std::int64_t out = std::int64_t{in - 1} * stride + kernel - layer_.padding[i] -
                             layer_.padding[i + 2] + layer_.output_padding[i];
    if (out < 1 || out > kMaxExtent) {
      fail(std::string("the output would have the ") + axis + " " + std::to_string(out) +
           ", outside " + range_text(1, kMaxExtent));
    }
    return static_cast<int>(out);
  }

  void spread() {
    in_range("stride[0]", layer_.stride_h, 1, 64);
    in_range("stride[1]", layer_.stride_w, 1, 64);
    // Every pixel of a stride has a kernel of its own.
    const auto all = [](int kernel, int stride) {
      return (std::int64_t{kernel} + stride - 1) / stride * stride;
    };
    const std::int64_t taps =
        all(layer_.kernel_h, layer_.stride_h) * all(layer_.kernel_w, layer_.stride_w);
    const std::int64_t most = std::int64_t{1} << 28;
    if (taps > most / layer_.out_channels / layer_.in_channels_per_group) {
      fail("the kernels of the pixels of a stride have more than 2^28 weights");
    }
    layer_.out_shape =
        Shape{layer_.out_channels,
              spread_extent("height", layer_.in_shape.h, 0, layer_.kernel_h, layer_.stride_h),
              spread_extent("width", layer_.in_shape.w, 1, layer_.kernel_w, layer_.stride_w)};
  }

  void check_factor() const {
    in_range("factor[0]", layer_.stride_h, 1, 64);
    in_range("factor[1]", layer_.stride_w, 1, 64);
  }

  void pixel_shuffle() {
    check_factor();
    const Shape& in = layer_.in_shape;
    const int pixels = layer_.stride_h * layer_.stride_w;
    if (in.c % pixels != 0) {
      fail("factor makes " + std::to_string(pixels) + " channels one, the input has " +
           std::to_string(in.c) + " channels");
    }
    const Shape whole{in.c / pixels, in.h * layer_.stride_h, in.w * layer_.stride_w};
    in_range("blocks", layer_.blocks, 0, whole.c);
    if (layer_.blocks > 0 && whole.c % layer_.blocks != 0) fail("blocks does not divide channels");
    if (whole.h > kMaxExtent || whole.w > kMaxExtent) {
      fail("the output has an extent above " + std::to_string(kMaxExtent));
    }
    layer_.out_shape = whole;
    if (layer_.size == std::array<int, 3>{0, 0, 0}) return;
    part_of(whole);
    if (layer_.size[0] != whole.c) fail("a part of a pixel_shuffle has all channels");
  }

  void space_to_depth() {
    check_factor();
    const Shape& in = layer_.in_shape;
    if (in.h % layer_.stride_h != 0 || in.w % layer_.stride_w != 0) {
      fail("factor [" + std::to_string(layer_.stride_h) + "," + std::to_string(layer_.stride_w) +
           "] does not divide the input of " + std::to_string(in.h) + "x" + std::to_string(in.w));
    }
    in_range("blocks", layer_.blocks, 0, 1);
    const std::int64_t channels = std::int64_t{in.c} * layer_.stride_h * layer_.stride_w;
    if (channels > kMaxExtent) {
      fail("the output has an extent above " + std::to_string(kMaxExtent));
    }
    layer_.out_shape =
        Shape{static_cast<int>(channels), in.h / layer_.stride_h, in.w / layer_.stride_w};
  }

  void reshape() {
    for (const int extent : layer_.size) in_range("extent of shape", extent, 1, kMaxExtent);
    const Shape out{layer_.size[0], layer_.size[1], layer_.size[2]};
    // The product of three extents fits 64 bits.
    if (out.count() != layer_.in_shape.count()) {
      fail("shape has " + std::to_string(out.count()) + " values, the input has " +
           std::to_string(layer_.in_shape.count()));
    }
    layer_.out_shape = out;
  }

  void linear() {
    in_range("output channels of weight", layer_.out_channels, 1, kMaxExtent);
    if (layer_.in_channels_per_group != layer_.in_shape.count()) {
      fail("weight has " + std::to_string(layer_.in_channels_per_group) +
           " inputs, the input tensor has " + std::to_string(layer_.in_shape.count()) + " values");
    }
    layer_.out_shape = Shape{layer_.out_channels, 1, 1};
  }

  void two_operands() {
    const Shape a = layer_.in_shape, b = network_.shape_of(layer_.inputs[1]);
    if (stands_for(b, a)) {
      layer_.out_shape = a;
    } else if (stands_for(a, b)) {
      layer_.out_shape = b;
    } else {
      fail("the inputs '" + layer_.inputs[0] + "' and '" + layer_.inputs[1] +
           "' have different shapes, and neither has one channel or one pixel for all");
    }
  }

  /// A tensor of the shape can be read as one of the shape `whole`.
  static bool stands_for(const Shape& shape, const Shape& whole) {
    const bool pixel = shape.h == 1 && shape.w == 1;
    return (shape.c == whole.c || shape.c == 1) &&
           (pixel || (shape.h == whole.h && shape.w == whole.w));
  }

  void pool() {
    window();
    in_range("dilation[0]", layer_.dilation_h, 1, 1);
    in_range("dilation[1]", layer_.dilation_w, 1, 1);
    // Otherwise a window could lie in the padding altogether.
    in_range("padding[0]", layer_.padding[0], 0, layer_.kernel_h - 1);
    in_range("padding[1]", layer_.padding[1], 0, layer_.kernel_w - 1);
    in_range("padding[2]", layer_.padding[2], 0, layer_.kernel_h - 1);
    in_range("padding[3]", layer_.padding[3], 0, layer_.kernel_w - 1);
    slide(layer_.in_shape.c);
    const bool padded = layer_.padding != std::array<int, 4>{0, 0, 0, 0};
    if (layer_.op != LayerOp::avgpool || !padded) return;
    const bool counts_inside = layer_.requant.convention == Convention::avg_tflite;
    if (counts_inside == layer_.count_include_pad) {
      fail(std::string("count_include_pad = ") + (layer_.count_include_pad ? "1" : "0") +
           " with padding does not agree with the convention, which " +
           (counts_inside ? "divides by the taps inside the image"
                          : "has one factor for all windows"));
    }
  }

  void global_pool() {
    layer_.kernel_h = layer_.in_shape.h;
    layer_.kernel_w = layer_.in_shape.w;
    layer_.stride_h = layer_.stride_w = 1;
    layer_.padding = {0, 0, 0, 0};
    layer_.out_shape = Shape{layer_.in_shape.c, 1, 1};
  }

  void flatten() { layer_.out_shape = Shape{static_cast<int>(layer_.in_shape.count()), 1, 1}; }

  const Network& network_;
  Layer& layer_;
};

}  // namespace

void check_shapes(const Network& network, Layer& layer) { ShapeCheck(network, layer).run(); }

}  // namespace tactus::network_check
