// SPDX-License-Identifier: Apache-2.0
// What stands behind the convolution of a case with second = 9: by the knob `tail`, element-wise
// layers, rows, products of activations, moved data.
#include "case_tail.hpp"

#include <algorithm>

namespace tactus::property {

namespace {

int as_int(std::int64_t v) { return static_cast<int>(v); }

/// Appends layers to a network and knows the last one.
class Tail {
 public:
  Tail(Network& net, const ArchConfig& config, Random& r) : net_(net), config_(config), r_(r) {}

  void run(std::int64_t kind) {
    const std::string first = net_.layers.back().id;
    switch (kind) {
      case 0:
        return requant(first, any_format(32));
      case 1:
        return two(LayerOp::mul, first, any_format(16));
      case 2:
      case 3:
        return two(kind == 2 ? LayerOp::maximum : LayerOp::minimum, first, net_.format_of(first));
      case 4:
      case 5:
        return lut(first, kind == 5);
      case 6:
        requant(first, {8, true, 0});
        return softmax8();
      case 7:
        requant(first, any_format(config_.hw_operand_bits));
        return softmax_lut(1);
      case 8:
      case 9:
        return norm(first, kind == 8 ? LayerOp::layernorm : LayerOp::rmsnorm);
      case 10:
        return attention(first);
      case 11:
        return concat(first);
      case 12:
        return average(first);
      case 13:
        return add_tflite(first);
      case 14:
        return add_constant(first);
      case 15:
        return upsample(first);
      case 16:
        return reshape(first);
      case 17:
        return pixel_shuffle(first);
      case 18:
        return space_to_depth(first);
      case 19:
        return shared_operand(first);
      case 20:
        return conv_transpose(first);
      default:
        return flatten(first);
    }
  }

 private:
  Format any_format(std::int64_t most) {
    Format f{as_int(r_.in(1, most)), r_.in(0, 1) == 1, 0};
    if (r_.in(0, 1) == 1) f.zero_point = std::clamp<std::int64_t>(r_.in(-9, 9), f.min(), f.max());
    return f;
  }

  Layer layer(const std::string& name, LayerOp op, std::vector<std::string> inputs,
              const Format& out) {
    Layer l;
    l.id = "00" + std::to_string(net_.layers.size()) + "_" + name;
    l.op = op;
    l.inputs = std::move(inputs);
    l.out_format = out;
    l.requant.clamp_min = out.min();
    l.requant.clamp_max = out.max();
    return l;
  }

  std::string keep(Layer l) {
    net_.layers.push_back(std::move(l));
    net_.outputs = {net_.layers.back().id};
    check_network(net_);  // fills in the shapes
    return net_.layers.back().id;
  }

  /// Factors that bring sums of about `bits` bits into the format.
  void scale(Layer& l, std::int64_t bits, std::size_t channels) {
    const std::int64_t kind = r_.in(0, 4);
    Requant& q = l.requant;
    q.rounding = static_cast<Rounding>(r_.in(0, 6));
    const int down = as_int(std::max<std::int64_t>(0, bits - l.out_format.bits));
    for (std::size_t i = 0; i < channels; ++i) {
      if (kind == 0) {
        q.convention = Convention::pow2;
        q.shift.push_back(as_int(r_.in(0, down + 2)));
      } else if (kind >= 3 && l.op != LayerOp::layernorm && l.op != LayerOp::rmsnorm) {
        q.convention = kind == 3 ? Convention::tflite_double : Convention::tflite_single;
        q.mult.push_back(r_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1));
        q.shift.push_back(as_int(-std::min<std::int64_t>(31, r_.in(0, down + 2))));
      } else {
        q.convention = Convention::mul_shift;
        q.mult.push_back(r_.in(-1000, 1000));
        q.shift.push_back(as_int(r_.in(0, 10 + down)));
        q.add.push_back(r_.in(-1000, 1000));
      }
    }
    if (config_.hw_acc_bits > 32 && q.convention >= Convention::tflite_double) {
      q.convention = Convention::mul_shift;
      for (std::int64_t& m : q.mult) m >>= 20;
      for (int& s : q.shift) s = -s;
    }
  }

  void requant(const std::string& from, const Format& out) {
    Layer l = layer("requant", LayerOp::requant, {from}, out);
    const auto channels = static_cast<std::size_t>(net_.shape_of(from).c);
    scale(l, net_.format_of(from).bits, r_.in(0, 1) == 0 ? 1 : channels);
    keep(std::move(l));
  }

  void two(LayerOp op, const std::string& first, const Format& out) {
    requant(first, op == LayerOp::mul ? any_format(16) : net_.format_of(first));
    Layer l = layer("two", op, {first, net_.layers.back().id}, out);
    if (op == LayerOp::mul) {
      scale(l, net_.format_of(first).bits + net_.format_of(l.inputs[1]).bits, 1);
    } else {
      l.requant.clamp_max = std::max(l.requant.clamp_min, l.requant.clamp_max - r_.in(0, 3));
    }
    keep(std::move(l));
  }

  void lut(const std::string& from, bool between) {
    const Format in{as_int(r_.in(2, 8)), r_.in(0, 1) == 1, 0};
    requant(from, in);
    const Format out = between ? Format{16, true, 0} : any_format(16);
    Layer l = layer("lut", LayerOp::lut, {net_.layers.back().id}, out);
    if (between) l.interpolate_bits = as_int(r_.in(1, std::min(8, in.bits - 1)));
    const std::int64_t entries =
        (std::int64_t{1} << (in.bits - l.interpolate_bits)) + (between ? 1 : 0);
    for (std::int64_t i = 0; i < entries; ++i) l.table.push_back(r_.value(out, false));
    keep(std::move(l));
  }

  void softmax8() {
    const int bits = r_.in(0, 1) == 0 ? 8 : 16;
    Format out{bits, true, 0};
    out.zero_point = out.min();
    Layer l = layer("softmax", LayerOp::softmax, {net_.layers.back().id}, out);
    l.softmax.kind = RowKind::softmax_tflite8;
    l.softmax.mult = r_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1);
    l.softmax.shift = as_int(r_.in(24, 28));
    // As TFLite's own: 31 whole steps of exp.
    l.softmax.diff_min = -(((std::int64_t{31} << 26) >> l.softmax.shift));
    keep(std::move(l));
  }

  void softmax_lut(int heads) {
    Layer l = layer("softmax", LayerOp::softmax, {net_.layers.back().id}, {8, false, 0});
    l.softmax.kind = RowKind::softmax_lut;
    l.heads = heads;
    std::int64_t e = 65535;
    for (std::int64_t n = r_.in(1, 100); n > 0; --n) {
      l.table.push_back(e);
      e -= e * r_.in(0, 20) / 100;
    }
    keep(std::move(l));
  }

  void norm(const std::string& from, LayerOp op) {
    requant(from, any_format(16));
    Layer l = layer("norm", op, {net_.layers.back().id}, any_format(16));
    l.eps = r_.in(0, 1000);
    scale(l, 24, r_.in(0, 1) == 0 ? 1 : static_cast<std::size_t>(net_.shape_of(from).c));
    keep(std::move(l));
  }

  std::string matmul(const std::string& a, const std::string& b, int heads, const Format& out) {
    Layer l = layer("matmul", LayerOp::matmul, {a, b}, out);
    l.heads = heads;
    const std::int64_t channels = net_.shape_of(b).w * heads;
    scale(l, net_.format_of(a).bits + net_.format_of(b).bits + 4,
          r_.in(0, 1) == 0 ? 1 : static_cast<std::size_t>(channels));
    return keep(std::move(l));
  }

  /// softmax(x^T x) x for one line of the image.
  void attention(const std::string& from) {
    const Format narrow = any_format(8);
    requant(from, narrow);
    Layer line = layer("line", LayerOp::slice, {net_.layers.back().id}, narrow);
    const Shape shape = net_.shape_of(from);
    line.size = {shape.c, 1, as_int(r_.in(1, shape.w))};
    line.begin[1] = as_int(r_.in(0, shape.h - 1));
    line.begin[2] = as_int(r_.in(0, shape.w - line.size[2]));
    const std::string x = keep(std::move(line));
    const int heads = shape.c % 2 == 0 ? as_int(r_.in(1, 2)) : 1;
    matmul(x, x, heads, any_format(8));
    softmax_lut(heads);
    const std::string p = net_.layers.back().id;
    Layer turned = layer("turn", LayerOp::transpose, {x}, narrow);
    turned.heads = heads;
    const std::string xt = keep(std::move(turned));
    matmul(p, xt, heads, any_format(16));
  }

  void concat(const std::string& first) {
    const Format format = net_.format_of(first);
    requant(first, format);
    Layer part = layer("part", LayerOp::slice, {first}, format);
    const Shape shape = net_.shape_of(first);
    const int axis = as_int(r_.in(0, 2));
    part.size = {shape.c, shape.h, shape.w};
    const auto along = static_cast<std::size_t>(axis);
    part.begin[along] = as_int(r_.in(0, part.size[along] - 1));
    part.size[along] -= part.begin[along];
    const std::string second = net_.layers.back().id;
    const std::string third = keep(std::move(part));
    Layer l = layer("concat", LayerOp::concat, {second, third, first}, format);
    l.axis = axis;
    keep(std::move(l));
    requant(net_.layers.back().id, any_format(16));
  }

  void average(const std::string& from) {
    const Shape shape = net_.shape_of(from);
    Layer l = layer("average", LayerOp::avgpool, {from}, net_.format_of(from));
    l.kernel_h = as_int(r_.in(1, std::min(4, shape.h)));
    l.kernel_w = as_int(r_.in(1, std::min(4, shape.w)));
    l.stride_h = as_int(r_.in(1, 3));
    l.stride_w = as_int(r_.in(1, 3));
    l.padding = {as_int(r_.in(0, l.kernel_h - 1)), as_int(r_.in(0, l.kernel_w - 1)),
                 as_int(r_.in(0, l.kernel_h - 1)), as_int(r_.in(0, l.kernel_w - 1))};
    l.requant.convention = Convention::avg_tflite;
    keep(std::move(l));
  }

  void add_tflite(const std::string& first) {
    requant(first, any_format(16));
    Layer l = layer("add", LayerOp::add, {first, net_.layers.back().id}, any_format(16));
    if (r_.in(0, 1) == 1) std::swap(l.inputs[0], l.inputs[1]);
    const auto mult = [&] { return r_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1); };
    const int left = as_int(r_.in(0, 20));
    l.operand_scale[0] = {mult(), left, as_int(r_.in(-6, 0))};
    l.operand_scale[1] = {mult(), left, as_int(r_.in(-6, 0))};
    l.requant.convention =
        r_.in(0, 1) == 0 ? Convention::add_tflite : Convention::add_tflite_single;
    l.requant.mult = {mult()};
    l.requant.shift = {as_int(r_.in(-left, 0))};
    keep(std::move(l));
  }

  void upsample(const std::string& first) {
    Layer l = layer("upsample", LayerOp::upsample, {first}, net_.format_of(first));
    l.stride_h = as_int(r_.in(1, 3));
    l.stride_w = as_int(r_.in(1, 3));
    l.nearest = r_.in(0, 1) == 1;
    keep(std::move(l));
  }

  void reshape(const std::string& first) {
    const Shape in = net_.shape_of(first);
    const std::int64_t all = in.count();
    // Any divisors, in some cases those of the lines that stay.
    const auto divisor = [&](std::int64_t of) {
      std::int64_t d = r_.in(1, of);
      while (of % d != 0) --d;
      return d;
    };
    const std::int64_t w = r_.in(0, 3) == 0 ? in.w : r_.in(0, 2) == 0 ? in.w * in.h : divisor(all);
    const std::int64_t h = divisor(all / w);
    Layer l = layer("reshape", LayerOp::reshape, {first}, net_.format_of(first));
    l.size = {as_int(all / w / h), as_int(h), as_int(w)};
    const std::string flat = keep(std::move(l));
    if (r_.in(0, 1) == 0) return;
    // Back again beside the tensor itself: neither may lie inside the sum of channels.
    Layer back = layer("back", LayerOp::reshape, {flat}, net_.format_of(first));
    back.size = {in.c, in.h, in.w};
    keep(std::move(back));
    Layer both =
        layer("both", LayerOp::concat, {first, net_.layers.back().id}, net_.format_of(first));
    both.axis = as_int(r_.in(0, 2));
    keep(std::move(both));
  }

  /// A flattened image for a linear layer, for another one, for both or as the result.
  void flatten(const std::string& first) {
    requant(first, any_format(config_.hw_operand_bits));
    const std::string image = net_.layers.back().id;
    const Format format = net_.format_of(image);
    const std::string flat = keep(layer("flat", LayerOp::flatten, {image}, format));
    const std::int64_t kind = r_.in(0, 5);
    if (kind == 0) return;
    if (kind == 1) return requant(flat, any_format(16));
    Layer l = layer("linear", LayerOp::linear, {flat}, any_format(16));
    l.out_channels = as_int(r_.in(1, 9));
    l.in_channels_per_group = as_int(net_.shape_of(flat).count());
    l.weight_format = {as_int(r_.in(2, std::min<std::int64_t>(8, config_.hw_operand_bits))), true,
                       0};
    for (std::int64_t i = 0; i < l.out_channels * net_.shape_of(flat).count(); ++i) {
      l.weight.push_back(static_cast<std::int16_t>(r_.value(l.weight_format, false)));
    }
    scale(l, format.bits + l.weight_format.bits + 5, 1);
    const std::string linear = keep(std::move(l));
    if (kind > 2) return;
    Layer both = layer("both", LayerOp::concat, {flat, flat}, format);
    both.axis = 2;
    keep(std::move(both));
    net_.outputs.insert(net_.outputs.begin(), linear);
    check_network(net_);
  }

  void pixel_shuffle(const std::string& first) {
    const Shape in = net_.shape_of(first);
    Layer l = layer("shuffle", LayerOp::pixel_shuffle, {first}, net_.format_of(first));
    l.stride_h = as_int(r_.in(1, 3));
    l.stride_w = as_int(r_.in(1, 3));
    while (in.c % (l.stride_h * l.stride_w) != 0) {
      (l.stride_h > l.stride_w ? l.stride_h : l.stride_w)--;
    }
    l.blocks = as_int(r_.in(0, 1));
    keep(std::move(l));
  }

  void space_to_depth(const std::string& first) {
    const Shape in = net_.shape_of(first);
    Layer l = layer("depth", LayerOp::space_to_depth, {first}, net_.format_of(first));
    l.stride_h = as_int(r_.in(1, 4));
    l.stride_w = as_int(r_.in(1, 4));
    while (in.h % l.stride_h != 0) --l.stride_h;
    while (in.w % l.stride_w != 0) --l.stride_w;
    l.blocks = as_int(r_.in(0, 1));
    keep(std::move(l));
  }

  /// A constant with one channel, one pixel or both for all.
  void shared_operand(const std::string& first) {
    const Shape in = net_.shape_of(first);
    const std::int64_t kind = r_.in(0, 2);
    const LayerOp ops[] = {LayerOp::mul, LayerOp::mul, LayerOp::add, LayerOp::maximum,
                           LayerOp::minimum};
    const LayerOp op = ops[r_.in(0, 4)];
    if (op == LayerOp::mul) requant(first, any_format(16));
    const std::string whole = net_.layers.back().id;
    const bool same_format = op == LayerOp::maximum || op == LayerOp::minimum;
    Layer c = layer("constant", LayerOp::constant, {},
                    same_format ? net_.format_of(whole) : any_format(16));
    c.out_shape = {kind == 0 ? in.c : 1, kind == 2 ? in.h : 1, kind == 2 ? in.w : 1};
    for (std::int64_t i = 0; i < c.out_shape.count(); ++i) {
      c.value.push_back(static_cast<std::int32_t>(r_.value(c.out_format, false)));
    }
    std::string one = keep(std::move(c));
    // Constants have plain words; the result of a layer may be packed.
    if (!same_format && r_.in(0, 1) == 0) {
      requant(one, any_format(16));
      one = net_.layers.back().id;
    }
    Layer l = layer("two", op, {whole, one}, same_format ? net_.format_of(whole) : any_format(16));
    if (r_.in(0, 1) == 0) std::swap(l.inputs[0], l.inputs[1]);
    if (op == LayerOp::mul) {
      scale(l, net_.format_of(whole).bits + net_.format_of(one).bits, 1);
    } else if (op == LayerOp::add) {
      scale_sum(l);
    }
    keep(std::move(l));
  }

  /// Scales of both operands of an add and of their sum.
  void scale_sum(Layer& l) {
    l.operand_scale[0] = {r_.in(-300, 300), as_int(r_.in(0, 4)), 0};
    l.operand_scale[1] = {r_.in(-300, 300), as_int(r_.in(0, 4)), 0};
    l.requant.convention = Convention::add_mul_shift;
    l.requant.rounding = static_cast<Rounding>(r_.in(0, 6));
    l.requant.shift = {as_int(r_.in(0, 20))};
  }

  void conv_transpose(const std::string& first) {
    requant(first, any_format(config_.hw_operand_bits));
    const std::string from = net_.layers.back().id;
    const Shape in = net_.shape_of(from);
    Layer l = layer("transposed", LayerOp::conv_transpose2d, {from}, any_format(16));
    l.kernel_h = as_int(r_.in(1, 5));
    l.kernel_w = as_int(r_.in(1, 5));
    l.stride_h = as_int(r_.in(1, 3));
    l.stride_w = as_int(r_.in(1, 3));
    l.output_padding = {as_int(r_.in(0, l.stride_h - 1)), as_int(r_.in(0, l.stride_w - 1))};
    for (std::size_t i = 0; i < 4; ++i) {
      const int kernel = i % 2 == 0 ? l.kernel_h : l.kernel_w;
      // Something is left of the result.
      const int spread = (i % 2 == 0 ? (in.h - 1) * l.stride_h : (in.w - 1) * l.stride_w) + kernel;
      const int taken = i < 2 ? 0 : l.padding[i - 2];
      l.padding[i] = as_int(r_.in(0, std::min(kernel - 1, spread - 1 - taken)));
    }
    if (r_.in(0, 2) == 0) l.groups = r_.in(0, 1) == 0 ? in.c : (in.c % 2 == 0 ? 2 : 1);
    l.in_channels_per_group = in.c / l.groups;
    l.out_channels = l.groups * as_int(r_.in(1, l.groups > 1 ? 2 : 9));
    l.weight_format = {as_int(r_.in(2, std::min<std::int64_t>(8, config_.hw_operand_bits))),
                       r_.in(0, 2) != 0, 0};
    if (r_.in(0, 3) == 0) l.weight_format = {1, true, 0, true};
    const std::int64_t count =
        std::int64_t{l.out_channels} * l.in_channels_per_group * l.kernel_h * l.kernel_w;
    for (std::int64_t i = 0; i < count; ++i) {
      l.weight.push_back(
          static_cast<std::int16_t>(r_.value(l.weight_format, l.weight_format.bipolar)));
    }
    if (!l.weight_format.bipolar && r_.in(0, 1) == 0) {
      l.weight_zero_point = {r_.value(l.weight_format, false)};
    }
    for (int o = 0; o < l.out_channels; ++o) l.bias.push_back(r_.in(-3000, 3000));
    scale(l, net_.format_of(from).bits + l.weight_format.bits + 5,
          r_.in(0, 1) == 0 ? 1 : static_cast<std::size_t>(l.out_channels));
    keep(std::move(l));
  }

  void add_constant(const std::string& first) {
    Layer c = layer("constant", LayerOp::constant, {}, any_format(32));
    c.out_shape = net_.shape_of(first);
    for (std::int64_t i = 0; i < c.out_shape.count(); ++i) {
      c.value.push_back(static_cast<std::int32_t>(r_.value(c.out_format, false)));
    }
    const std::string constant = keep(std::move(c));
    Layer l = layer("add", LayerOp::add, {first, constant}, any_format(32));
    scale_sum(l);
    keep(std::move(l));
  }

  Network& net_;
  const ArchConfig& config_;
  Random& r_;
};

}  // namespace

void add_tail(Network& network, const ArchConfig& config, std::int64_t kind, Random& random) {
  Tail(network, config, random).run(kind);
}

}  // namespace tactus::property
