// SPDX-License-Identifier: Apache-2.0
#include "case.hpp"

#include <algorithm>

#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"

namespace tactus::property {

std::uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

std::int64_t Random::in(std::int64_t lo, std::int64_t hi) {
  return lo + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(hi - lo + 1));
}

void Case::draw(const std::string& name, Random& random, std::int64_t lo, std::int64_t hi,
                std::int64_t simplest) {
  knobs_.push_back({name, random.in(lo, hi), simplest});
}

Case::Case(const std::string& preset, std::uint64_t seed, Overrides overrides)
    : preset_(preset), overrides_(std::move(overrides)), seed_(seed) {
  Random r(seed);
  draw("in_c", r, 1, 20, 1);
  draw("in_h", r, 1, 14, 1);
  draw("in_w", r, 1, 19, 1);
  draw("out_c", r, 1, 24, 1);
  draw("kernel_h", r, 1, 4, 1);
  draw("kernel_w", r, 1, 4, 1);
  draw("stride_h", r, 1, 3, 1);
  draw("stride_w", r, 1, 3, 1);
  draw("dilation_h", r, 1, 2, 1);
  draw("dilation_w", r, 1, 2, 1);
  draw("pad_top", r, 0, 2, 0);
  draw("pad_left", r, 0, 2, 0);
  draw("pad_bottom", r, 0, 2, 0);
  draw("pad_right", r, 0, 2, 0);
  draw("grouping", r, 0, 5, 0);  // 1: depthwise, 2: two groups, else none
  draw("act_bits", r, 1, 8, 8);
  draw("act_signed", r, 0, 1, 0);
  draw("act_zp", r, 0, 255, 0);  // position inside the format
  draw("weight_bits", r, 1, 8, 8);
  draw("weight_signed", r, 0, 3, 1);
  draw("weight_zp", r, 0, 3, 0);  // 1: non-zero
  draw("extreme", r, 0, 3, 0);    // 1: operands at the ends of their formats only
  draw("bias", r, 0, 2, 0);
  draw("convention", r, 1, 4, 1);  // Convention codes 1..4; 0 (none) through logits
  draw("rounding", r, 0, 6, 1);
  draw("out_bits", r, 2, 16, 8);
  draw("out_signed", r, 0, 1, 1);
  draw("out_zp", r, 0, 3, 0);
  draw("second", r, 0, 6, 0);  // 1 add, 2 max pool, 3 sum pool, 4 linear, 5 conv, 6 clamp
  draw("pool", r, 1, 3, 1);
  draw("memory_latency", r, 1, 60, 1);
  draw("memory_interval", r, 1, 4, 1);
  draw("ifmap_percent", r, 5, 100, 100);
  draw("weight_percent", r, 5, 100, 100);
  draw("psum_percent", r, 5, 100, 100);
  draw("ofmap_percent", r, 5, 100, 100);
  draw("param_percent", r, 30, 100, 100);
  draw("order", r, 0, 2, 0);
  draw("tile_rows", r, 0, 4, 0);
  draw("residency", r, 0, 1, 0);
  draw("fuse_add", r, 0, 1, 0);
}

std::int64_t Case::operator[](const std::string& name) const {
  for (const auto& k : knobs_) {
    if (k.name == name) return k.value;
  }
  throw InternalError("the case has no number " + name);
}

void Case::set(const std::string& name, std::int64_t value) {
  for (auto& k : knobs_) {
    if (k.name == name) k.value = value;
  }
}

std::string Case::text() const {
  std::string out = "preset " + preset_ + ", values from seed " + std::to_string(seed_);
  for (const auto& k : knobs_) {
    if (k.value != k.simplest) out += " " + k.name + "=" + std::to_string(k.value);
  }
  return out;
}

namespace {

std::int64_t inside(const Format& f, std::int64_t position) {
  return f.min() + position % (f.max() - f.min() + 1);
}

std::int64_t draw_value(const Format& f, Random& r, bool extreme) {
  if (extreme) return r.in(0, 1) == 0 ? f.min() : f.max();
  return r.in(f.min(), f.max());
}

/// A requantisation that spreads sums of about `k` products over the output format.
Requant make_requant(const Case& c, const Format& out, std::int64_t channels, Random& r) {
  Requant q;
  q.convention = static_cast<Convention>(c["convention"]);
  q.rounding = static_cast<Rounding>(c["rounding"]);
  q.clamp_min = out.min();
  q.clamp_max = out.max();
  const bool tflite =
      q.convention == Convention::tflite_double || q.convention == Convention::tflite_single;
  for (std::int64_t n = 0; n < channels; ++n) {
    if (q.convention == Convention::mul_shift) {
      q.mult.push_back(r.in(-(1 << 20), 1 << 20));
      q.shift.push_back(static_cast<int>(r.in(0, 34)));
      q.add.push_back(r.in(-1000000, 1000000));
    } else if (q.convention == Convention::pow2) {
      q.shift.push_back(static_cast<int>(r.in(0, 16)));
    } else if (tflite) {
      q.mult.push_back(r.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1));
      q.shift.push_back(static_cast<int>(r.in(-20, 2)));
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

void fill_weights(Layer& layer, const Case& c, Random& r) {
  const std::int64_t count = std::int64_t{layer.out_channels} * layer.in_channels_per_group *
                             layer.kernel_h * layer.kernel_w;
  for (std::int64_t i = 0; i < count; ++i) {
    layer.weight.push_back(
        static_cast<std::int16_t>(draw_value(layer.weight_format, r, c["extreme"] == 1)));
  }
  if (c["weight_zp"] == 1) {
    layer.weight_zero_point.push_back(inside(layer.weight_format, r.in(0, 255)));
  }
  if (c["bias"] > 0) {
    for (int n = 0; n < layer.out_channels; ++n) layer.bias.push_back(r.in(-100000, 100000));
  }
}

Layer product(const Case& c, const std::string& id, const std::string& input, LayerOp op) {
  Layer layer;
  layer.id = id;
  layer.op = op;
  layer.inputs = {input};
  layer.weight_format = {static_cast<int>(c["weight_bits"]), c["weight_signed"] != 0, 0};
  return layer;
}

}  // namespace

Network Case::network() const {
  const Case& c = *this;
  Random r(seed_ ^ 0x5EEDU);
  Network net;
  net.name = "property";
  NetworkInput input;
  input.name = "x";
  const bool grouped = c["grouping"] == 1 || c["grouping"] == 2;
  const auto in_c = c["grouping"] == 2 ? 2 * ((c["in_c"] + 1) / 2) : c["in_c"];
  input.shape = {static_cast<int>(in_c), static_cast<int>(c["in_h"]), static_cast<int>(c["in_w"])};
  input.format = {static_cast<int>(c["act_bits"]), c["act_signed"] != 0, 0};
  input.format.zero_point = c["act_zp"] == 0 ? 0 : inside(input.format, c["act_zp"]);
  net.inputs.push_back(input);

  Layer conv = product(c, "000_conv", "x", LayerOp::conv2d);
  conv.kernel_h = static_cast<int>(c["kernel_h"]);
  conv.kernel_w = static_cast<int>(c["kernel_w"]);
  conv.stride_h = static_cast<int>(c["stride_h"]);
  conv.stride_w = static_cast<int>(c["stride_w"]);
  conv.dilation_h = static_cast<int>(c["dilation_h"]);
  conv.dilation_w = static_cast<int>(c["dilation_w"]);
  conv.padding = {static_cast<int>(c["pad_top"]), static_cast<int>(c["pad_left"]),
                  static_cast<int>(c["pad_bottom"]), static_cast<int>(c["pad_right"])};
  if (c["grouping"] == 1) conv.groups = static_cast<int>(in_c);
  if (c["grouping"] == 2) conv.groups = 2;
  conv.out_channels = static_cast<int>(
      grouped ? (c["out_c"] + conv.groups - 1) / conv.groups * conv.groups : c["out_c"]);
  conv.in_channels_per_group = static_cast<int>(in_c) / conv.groups;
  fill_weights(conv, c, r);
  const std::int64_t second = c["second"];
  const bool feeds_product = second == 4 || second == 5;
  conv.out_format = {
      static_cast<int>(feeds_product ? std::min<std::int64_t>(c["out_bits"], 8) : c["out_bits"]),
      c["out_signed"] != 0, 0};
  if (c["out_zp"] == 1) conv.out_format.zero_point = inside(conv.out_format, r.in(0, 99));
  conv.requant = make_requant(c, conv.out_format, conv.out_channels, r);
  net.layers.push_back(conv);
  std::string last = conv.id;

  if (second == 1) {
    Layer other = net.layers[0];  // a second branch of the same shape
    other.id = "001_branch";
    std::reverse(other.weight.begin(), other.weight.end());
    net.layers.push_back(other);
    Layer add;
    add.id = "002_add";
    add.op = LayerOp::add;
    add.inputs = {conv.id, other.id};
    if (r.in(0, 1) == 1) std::swap(add.inputs[0], add.inputs[1]);
    add.out_format = {8, r.in(0, 1) == 1, 0};
    add.operand_scale[0] = {r.in(-30000, 30000), static_cast<int>(r.in(0, 8)), 0};
    add.operand_scale[1] = {r.in(-30000, 30000), static_cast<int>(r.in(0, 8)), 0};
    add.requant.convention = Convention::add_mul_shift;
    add.requant.rounding = static_cast<Rounding>(c["rounding"]);
    add.requant.shift = {static_cast<int>(r.in(0, 30))};
    add.requant.add = {r.in(-1000, 1000)};
    add.requant.clamp_min = add.out_format.min();
    add.requant.clamp_max = add.out_format.max();
    net.layers.push_back(add);
    last = add.id;
  } else if (second == 2 || second == 3) {
    Layer pool;
    pool.id = "001_pool";
    pool.op = second == 2 ? LayerOp::maxpool : LayerOp::avgpool;
    pool.inputs = {conv.id};
    pool.kernel_h = pool.kernel_w = static_cast<int>(c["pool"]);
    pool.stride_h = static_cast<int>(c["stride_h"]);
    pool.stride_w = static_cast<int>(c["stride_w"]);
    pool.out_format = conv.out_format;
    if (second == 2) {
      const int pad = pool.kernel_h / 2;
      pool.padding = {pad, pad, pad, pad};
    } else {
      pool.requant.convention = Convention::mul_shift;
      pool.requant.rounding = static_cast<Rounding>(c["rounding"]);
      pool.requant.mult = {r.in(1, 1 << 16)};
      pool.requant.shift = {static_cast<int>(r.in(10, 20))};
      pool.requant.clamp_min = pool.out_format.min();
      pool.requant.clamp_max = pool.out_format.max();
    }
    net.layers.push_back(pool);
    last = pool.id;
  } else if (feeds_product) {
    Layer next = product(c, second == 4 ? "001_linear" : "001_conv", conv.id,
                         second == 4 ? LayerOp::linear : LayerOp::conv2d);
    next.out_channels = static_cast<int>(r.in(1, 9));
    next.in_channels_per_group = conv.out_channels;
    if (second == 4) {
      Network shapes = net;
      shapes.outputs = {conv.id};
      check_network(shapes);
      next.in_channels_per_group = static_cast<int>(shapes.layers[0].out_shape.count());
    } else {
      next.kernel_h = next.kernel_w = 3;
      next.padding = {1, 1, 1, 1};
    }
    fill_weights(next, c, r);
    next.out_format = {32, true, 0};
    next.requant = raw_logits();
    net.layers.push_back(next);
    last = next.id;
  } else if (second == 6) {
    Layer clamp;
    clamp.id = "001_clamp";
    clamp.op = LayerOp::clamp;
    clamp.inputs = {conv.id};
    clamp.out_format = conv.out_format;
    clamp.requant.clamp_min = std::max<std::int64_t>(conv.out_format.min(), -1);
    clamp.requant.clamp_max = std::min<std::int64_t>(conv.out_format.max(), 2);
    net.layers.push_back(clamp);
    last = clamp.id;
  }
  net.outputs = {last};
  check_network(net);
  return net;
}

ArchConfig Case::config() const {
  const Case& c = *this;
  ArchConfig config = preset(preset_);
  const auto part = [&](std::int64_t& kib, const char* name) {
    kib = std::max<std::int64_t>(1, kib * c[name] / 100);
  };
  part(config.buf_ifmap_kib, "ifmap_percent");
  part(config.buf_weight_kib, "weight_percent");
  part(config.buf_psum_kib, "psum_percent");
  part(config.buf_ofmap_kib, "ofmap_percent");
  part(config.buf_param_kib, "param_percent");
  config.mem_ideal = false;
  config.mem_latency_cycles = c["memory_latency"];
  config.mem_cycles_per_beat = c["memory_interval"];
  const char* orders[] = {"auto", "weights", "pixels"};
  config.map_order = orders[c["order"]];
  config.map_tile_rows = c["tile_rows"];
  config.map_residency = c["residency"] != 0;
  config.map_fuse_add = c["fuse_add"] != 0;
  for (const auto& [key, value] : overrides_) tactus::set(config, key, value);
  validate(config);
  return config;
}

Job Case::job() const {
  Job out;
  out.config = config();
  out.workload.network = network();
  Inference one;
  one.name = "random";
  Random r(seed_ ^ 0xDA7AU);
  for (const auto& input : out.workload.network.inputs) {
    QTensor t;
    t.shape = input.shape;
    t.format = input.format;
    for (std::int64_t i = 0; i < t.shape.count(); ++i) {
      t.data.push_back(static_cast<std::int32_t>(draw_value(t.format, r, (*this)["extreme"] == 1)));
    }
    one.inputs.emplace(input.name, std::move(t));
  }
  out.workload.inferences.push_back(std::move(one));
  out.program = lower_network(out.workload.network, out.config);
  validate_program(out.program, out.config);
  out.energy = default_energy_table();
  return out;
}

}  // namespace tactus::property
