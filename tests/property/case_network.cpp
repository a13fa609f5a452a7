// SPDX-License-Identifier: Apache-2.0
// The network of a case: one convolution, and what the knob `second` puts behind it.
#include <algorithm>
#include <utility>

#include "case_tail.hpp"

namespace tactus::property {

namespace {

/// N:M of the knob `sparsity`; 0:0 for what is no pattern.
struct Pattern {
  int n, m;
};

/// 0..5 dense, then N:M, then no pattern: half of the weights, nearly all of them, blocks of input
/// and output channels, output channels, input channels are zero.
enum Sparsity : std::int64_t { pattern_first = 6, half = 10, most = 11, blocks = 12, filters = 13 };
constexpr Pattern patterns[] = {{1, 2}, {2, 4}, {1, 4}, {1, 8}};

int as_int(std::int64_t v) { return static_cast<int>(v); }

std::int64_t inside(const Format& f, std::int64_t position) {
  return f.min() + position % (f.max() - f.min() + 1);
}

/// A requantisation that spreads sums of about `k` products over the output format.
Requant make_requant(const Case& c, const Format& out, std::int64_t channels, std::int64_t acc_bits,
                     Random& r) {
  Requant q;
  q.convention = static_cast<Convention>(c["convention"]);
  // The post-processor multiplies acc_bits by the bits of mult to 64 bits.
  if (acc_bits > 32 && q.convention > Convention::pow2) q.convention = Convention::mul_shift;
  q.rounding = static_cast<Rounding>(c["rounding"]);
  q.clamp_min = out.min();
  q.clamp_max = out.max();
  const std::int64_t most_mult = std::int64_t{1} << std::min<std::int64_t>(20, 62 - acc_bits);
  for (std::int64_t n = 0; n < channels; ++n) {
    if (q.convention == Convention::mul_shift) {
      q.mult.push_back(r.in(-most_mult, most_mult));
      q.shift.push_back(as_int(r.in(0, 34)));
      q.add.push_back(r.in(-1000000, 1000000));
    } else if (q.convention == Convention::pow2) {
      q.shift.push_back(as_int(r.in(0, 16)));
    } else {
      q.mult.push_back(r.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1));
      q.shift.push_back(as_int(r.in(-20, 2)));
    }
  }
  return q;
}

Requant raw_logits() {
  Requant q;
  const Format f{32, true, 0};
  q.clamp_min = f.min();
  q.clamp_max = f.max();
  return q;
}

/// Makes weights zero; position (o, i, t) of the weights is (o * inner + i) * taps + t.
class Pruner {
 public:
  Pruner(Layer& layer, std::int64_t kind, Random& r)
      : layer_(layer), kind_(kind), r_(r), taps_(layer.kernel_h * layer.kernel_w) {
    // A linear layer behind an image is pruned like one behind a vector.
    zero_ = layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[0];
  }

  void run() {
    if (kind_ < pattern_first) return;
    if (kind_ < half) return keep_pattern(patterns[kind_ - pattern_first]);
    layer_.sparsity = "unstructured";
    const int inner = layer_.in_channels_per_group;
    const int block = as_int(r_.in(1, 8));
    const std::int64_t salt = r_.in(0, 1000);
    for (int o = 0; o < layer_.out_channels; ++o) {
      for (int i = 0; i < inner; ++i) {
        for (int t = 0; t < taps_; ++t) {
          const bool zero = kind_ == half      ? r_.in(0, 1) == 0
                            : kind_ == most    ? r_.in(0, 19) != 0
                            : kind_ == blocks  ? hit(salt + 31 * (i / block) + 17 * (o / block))
                            : kind_ == filters ? hit(salt + 31 * o)
                                               : hit(salt + 31 * i);
          if (zero) clear(o, i, t);
        }
      }
    }
  }

 private:
  static bool hit(std::int64_t key) {
    return Random(static_cast<std::uint64_t>(key)).in(0, 1) == 0;
  }
  void clear(int o, int i, int t) {
    const std::int64_t at = (std::int64_t{o} * layer_.in_channels_per_group + i) * taps_ + t;
    layer_.weight[static_cast<std::size_t>(at)] = static_cast<std::int16_t>(zero_);
  }
  void keep_pattern(Pattern pattern) {
    layer_.sparsity = std::to_string(pattern.n) + ":" + std::to_string(pattern.m);
    const int inner = layer_.in_channels_per_group;
    for (int o = 0; o < layer_.out_channels; ++o) {
      for (int t = 0; t < taps_; ++t) {
        for (int first = 0; first < inner; first += pattern.m) {
          int left = pattern.n, candidates = std::min(pattern.m, inner - first);
          for (int i = first; i < std::min(inner, first + pattern.m); ++i, --candidates) {
            const bool keep = r_.in(1, candidates) <= left;
            if (keep) {
              --left;
            } else {
              clear(o, i, t);
            }
          }
        }
      }
    }
  }

  Layer& layer_;
  std::int64_t kind_;
  Random& r_;
  int taps_;
  std::int64_t zero_ = 0;
};

void fill_weights(Layer& layer, const Case& c, Random& r) {
  const std::int64_t count = std::int64_t{layer.out_channels} * layer.in_channels_per_group *
                             layer.kernel_h * layer.kernel_w;
  const bool ternary = c["weight_kind"] == 2;
  const bool bipolar = layer.weight_format.bipolar;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t v =
        ternary ? r.in(-1, 1) : r.value(layer.weight_format, bipolar || c["extreme"] == 1);
    layer.weight.push_back(static_cast<std::int16_t>(v));
  }
  if (c["weight_zp"] == 1 && !bipolar) {
    layer.weight_zero_point.push_back(inside(layer.weight_format, r.in(0, 255)));
  }
  if (c["bias"] > 0) {
    for (int n = 0; n < layer.out_channels; ++n) layer.bias.push_back(r.in(-100000, 100000));
  }
  if (!bipolar) Pruner(layer, c["sparsity"], r).run();
}

Layer product(const Case& c, const std::string& id, const std::string& input, LayerOp op,
              std::int64_t bits) {
  Layer layer;
  layer.id = id;
  layer.op = op;
  layer.inputs = {input};
  layer.weight_format = {as_int(bits), c["weight_signed"] != 0, 0};
  if (c["weight_kind"] == 1) {
    layer.weight_format = {1, true, 0};
    layer.weight_format.bipolar = true;
  }
  if (c["weight_kind"] == 2) layer.weight_format = {2, true, 0};
  // The file format's integers hold no unsigned 16-bit weights.
  if (layer.weight_format.bits == 16) layer.weight_format.is_signed = true;
  return layer;
}

/// A kernel of at most what the image with its padding holds.
int fitting(std::int64_t kernel, std::int64_t dilation, std::int64_t size) {
  return as_int(std::min(kernel, (size - 1) / dilation + 1));
}

Layer make_conv(const Case& c, const NetworkInput& input, const ArchConfig& config, Random& r) {
  const std::int64_t in_c = input.shape.c;
  Layer conv = product(c, "000_conv", input.name, LayerOp::conv2d, c["weight_bits"]);
  conv.stride_h = as_int(c["stride_h"]);
  conv.stride_w = as_int(c["stride_w"]);
  conv.dilation_h = c["dilation_h"] == 2 ? 2 : 1;
  conv.dilation_w = c["dilation_w"] == 2 ? 2 : 1;
  conv.padding = {as_int(c["pad_top"]), as_int(c["pad_left"]), as_int(c["pad_bottom"]),
                  as_int(c["pad_right"])};
  conv.kernel_h =
      fitting(c["kernel_h"], conv.dilation_h, input.shape.h + conv.padding[0] + conv.padding[2]);
  conv.kernel_w =
      fitting(c["kernel_w"], conv.dilation_w, input.shape.w + conv.padding[1] + conv.padding[3]);
  if (c["grouping"] == 1) conv.groups = as_int(in_c);
  if (c["grouping"] == 2) conv.groups = 2;
  conv.out_channels = as_int((c["out_c"] + conv.groups - 1) / conv.groups * conv.groups);
  conv.in_channels_per_group = as_int(in_c) / conv.groups;
  fill_weights(conv, c, r);
  const bool feeds_product =
      c["second"] == 4 || c["second"] == 5 || c["second"] == 7 || c["second"] == 8;
  const std::int64_t most = feeds_product ? config.hw_operand_bits : 16;
  conv.out_format = {as_int(std::min(c["out_bits"], most)), c["out_signed"] != 0, 0};
  if (c["out_zp"] == 1) conv.out_format.zero_point = inside(conv.out_format, r.in(0, 99));
  conv.requant = make_requant(c, conv.out_format, conv.out_channels, config.hw_acc_bits, r);
  return conv;
}

Layer make_add(const Case& c, const std::string& a, const std::string& b, Random& r) {
  Layer add;
  add.id = "002_add";
  add.op = LayerOp::add;
  add.inputs = {a, b};
  if (r.in(0, 1) == 1) std::swap(add.inputs[0], add.inputs[1]);
  add.out_format = {as_int(r.in(1, 16)), r.in(0, 1) == 1, 0};
  add.operand_scale[0] = {r.in(-30000, 30000), as_int(r.in(0, 8)), 0};
  add.operand_scale[1] = {r.in(-30000, 30000), as_int(r.in(0, 8)), 0};
  add.requant.convention = Convention::add_mul_shift;
  add.requant.rounding = static_cast<Rounding>(c["rounding"]);
  add.requant.shift = {as_int(r.in(0, 30))};
  add.requant.add = {r.in(-1000, 1000)};
  add.requant.clamp_min = add.out_format.min();
  add.requant.clamp_max = add.out_format.max();
  return add;
}

Layer make_pool(const Case& c, const Layer& conv, const Shape& image, Random& r) {
  Layer pool;
  pool.id = "001_pool";
  pool.op = c["second"] == 2 ? LayerOp::maxpool : LayerOp::avgpool;
  pool.inputs = {conv.id};
  pool.kernel_h = as_int(std::min<std::int64_t>(c["pool"], image.h));
  pool.kernel_w = as_int(std::min<std::int64_t>(c["pool"], image.w));
  pool.stride_h = as_int(c["stride_h"]);
  pool.stride_w = as_int(c["stride_w"]);
  pool.out_format = conv.out_format;
  if (pool.op == LayerOp::maxpool) {
    pool.padding = {pool.kernel_h / 2, pool.kernel_w / 2, pool.kernel_h / 2, pool.kernel_w / 2};
    return pool;
  }
  pool.requant.convention = Convention::mul_shift;
  pool.requant.rounding = static_cast<Rounding>(c["rounding"]);
  pool.requant.mult = {r.in(1, 1 << 14)};
  pool.requant.shift = {as_int(r.in(10, 20))};
  pool.requant.clamp_min = pool.out_format.min();
  pool.requant.clamp_max = pool.out_format.max();
  return pool;
}

Layer make_next(const Case& c, const Layer& conv, const Shape& image, std::int64_t acc_bits,
                Random& r) {
  const bool linear = c["second"] == 4;
  Layer next = product(c, linear ? "001_linear" : "001_conv", conv.id,
                       linear ? LayerOp::linear : LayerOp::conv2d, c["weight_bits_2"]);
  next.out_channels = as_int(r.in(1, 9));
  next.in_channels_per_group = linear ? as_int(image.count()) : conv.out_channels;
  if (!linear) {
    next.kernel_h = next.kernel_w = 3;
    next.padding = {1, 1, 1, 1};
  }
  fill_weights(next, c, r);
  next.out_format = {32, true, 0};
  next.requant = raw_logits();
  if (acc_bits > 32) {  // raw results have 32 bits
    next.out_format = {16, true, 0};
    next.requant = make_requant(c, next.out_format, next.out_channels, acc_bits, r);
  }
  return next;
}

/// A depthwise 3x3 convolution of `image` and a 1x1 convolution behind it.
std::pair<Layer, Layer> make_separable(const Case& c, const Layer& conv, const ArchConfig& config,
                                       Random& r) {
  Layer depthwise = product(c, "001_dw", conv.id, LayerOp::conv2d, c["weight_bits_2"]);
  depthwise.out_channels = depthwise.groups = conv.out_channels;
  depthwise.in_channels_per_group = 1;
  depthwise.kernel_h = depthwise.kernel_w = 3;
  depthwise.padding = {1, 1, 1, 1};
  depthwise.stride_h = depthwise.stride_w = as_int(r.in(1, 2));
  fill_weights(depthwise, c, r);
  depthwise.out_format = {as_int(r.in(1, config.hw_operand_bits)), r.in(0, 1) == 1, 0};
  if (r.in(0, 1) == 1) {
    depthwise.out_format.zero_point = inside(depthwise.out_format, r.in(0, 99));
  }
  depthwise.requant =
      make_requant(c, depthwise.out_format, depthwise.out_channels, config.hw_acc_bits, r);
  Layer pointwise = product(c, "002_pw", depthwise.id, LayerOp::conv2d, c["weight_bits"]);
  pointwise.out_channels = as_int(r.in(1, 20));
  pointwise.in_channels_per_group = conv.out_channels;
  fill_weights(pointwise, c, r);
  pointwise.out_format = {as_int(r.in(1, 16)), r.in(0, 1) == 1, 0};
  pointwise.requant =
      make_requant(c, pointwise.out_format, pointwise.out_channels, config.hw_acc_bits, r);
  return {depthwise, pointwise};
}

Layer make_clamp(const Layer& conv) {
  Layer clamp;
  clamp.id = "001_clamp";
  clamp.op = LayerOp::clamp;
  clamp.inputs = {conv.id};
  clamp.out_format = conv.out_format;
  clamp.requant.clamp_min = std::max<std::int64_t>(conv.out_format.min(), -1);
  clamp.requant.clamp_max = std::min<std::int64_t>(conv.out_format.max(), 2);
  return clamp;
}

}  // namespace

Network Case::network(const ArchConfig& config) const {
  const Case& c = *this;
  Random r(seed_ ^ 0x5EEDU);
  Network net;
  net.name = "property";
  NetworkInput input;
  input.name = "x";
  const auto in_c = c["grouping"] == 2 ? 2 * ((c["in_c"] + 1) / 2) : c["in_c"];
  input.shape = {as_int(in_c), as_int(c["in_h"]), as_int(c["in_w"])};
  input.format = {as_int(c["act_bits"]), c["act_signed"] != 0, 0};
  input.format.zero_point = c["act_zp"] == 0 ? 0 : inside(input.format, c["act_zp"]);
  net.inputs.push_back(input);
  net.layers.push_back(make_conv(c, input, config, r));
  const Layer conv = net.layers[0];
  net.outputs = {conv.id};
  check_network(net);
  const Shape image = net.layers[0].out_shape;

  const std::int64_t second = c["second"];
  if (second == 1) {
    Layer other = conv;  // a second branch of the same shape
    other.id = "001_branch";
    other.weight.clear();
    other.bias.clear();
    other.weight_zero_point.clear();
    fill_weights(other, c, r);
    other.out_format = {as_int(r.in(1, 16)), r.in(0, 1) == 1, 0};
    other.requant = make_requant(c, other.out_format, other.out_channels, config.hw_acc_bits, r);
    net.layers.push_back(other);
    net.layers.push_back(make_add(c, conv.id, other.id, r));
  } else if (second == 2 || second == 3) {
    net.layers.push_back(make_pool(c, conv, image, r));
  } else if (second == 4 || second == 5) {
    net.layers.push_back(make_next(c, conv, image, config.hw_acc_bits, r));
  } else if (second == 6) {
    net.layers.push_back(make_clamp(conv));
  } else if (second == 9) {
    add_tail(net, config, c["tail"], r);
  } else if (second >= 7) {
    const auto [depthwise, pointwise] = make_separable(c, conv, config, r);
    net.layers.push_back(depthwise);
    net.layers.push_back(pointwise);
  }
  net.outputs = {net.layers.back().id};
  check_network(net);
  return net;
}

}  // namespace tactus::property
