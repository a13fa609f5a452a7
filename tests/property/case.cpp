// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "case_tail.hpp"
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

std::int64_t Random::value(const Format& format, bool extreme) {
  if (extreme) return in(0, 1) == 0 ? format.min() : format.max();
  return in(format.min(), format.max());
}

void Case::draw(const std::string& name, Random& random, std::int64_t lo, std::int64_t hi,
                std::int64_t simplest) {
  knobs_.push_back({name, random.in(lo, hi), simplest});
}

Case::Case(const std::string& preset, std::uint64_t seed, Overrides overrides, bool elaborated)
    : preset_(preset), overrides_(std::move(overrides)), seed_(seed) {
  Random r(seed);
  const ArchConfig hardware = tactus::preset(preset);
  draw("in_c", r, 1, 40, 1);
  draw("in_h", r, 1, 14, 1);
  draw("in_w", r, 1, 19, 1);
  draw("out_c", r, 1, 24, 1);
  draw("kernel_h", r, 1, 4, 1);
  draw("kernel_w", r, 1, 4, 1);
  draw("stride_h", r, 1, 3, 1);
  draw("stride_w", r, 1, 3, 1);
  draw("dilation_h", r, 0, 3, 1);  // 2: two, else one
  draw("dilation_w", r, 0, 3, 1);
  draw("pad_top", r, 0, 2, 0);
  draw("pad_left", r, 0, 2, 0);
  draw("pad_bottom", r, 0, 2, 0);
  draw("pad_right", r, 0, 2, 0);
  draw("grouping", r, 0, 5, 0);  // 1: depthwise, 2: two groups, else none
  draw("act_bits", r, 1, hardware.hw_operand_bits, 8);
  draw("act_signed", r, 0, 1, 0);
  draw("act_zp", r, 0, 255, 0);  // position inside the format
  draw("weight_bits", r, 1, hardware.hw_operand_bits, 8);
  draw("weight_bits_2", r, 1, hardware.hw_operand_bits, 8);
  draw("weight_kind", r, 0, 9, 0);  // 1 bipolar, 2 ternary, else weight_bits
  draw("sparsity", r, 0, 14, 0);    // names in case_network.cpp
  draw("weight_signed", r, 0, 3, 1);
  draw("weight_zp", r, 0, 3, 0);  // 1: non-zero
  draw("extreme", r, 0, 3, 0);    // 1: operands at the ends of their formats only
  draw("bias", r, 0, 2, 0);
  draw("convention", r, 1, 4, 1);  // Convention codes 1..4; 0 (none) through logits
  draw("rounding", r, 0, 6, 1);
  draw("out_bits", r, 1, 16, 8);
  draw("out_signed", r, 0, 1, 1);
  draw("out_zp", r, 0, 3, 0);
  // 1 add, 2 max pool, 3 sum pool, 4 linear, 5 conv, 6 clamp, 7 and 8 depthwise and 1x1, 9 by tail
  draw("second", r, 0, 8, 0);
  draw("pool", r, 1, 3, 1);
  draw("memory_latency", r, 1, 60, 1);
  draw("memory_interval", r, 1, 4, 1);
  draw("ifmap_percent", r, 40, 100, 100);
  draw("weight_percent", r, 5, 100, 100);
  draw("psum_percent", r, 5, 100, 100);
  draw("ofmap_percent", r, 5, 100, 100);
  draw("param_percent", r, 30, 100, 100);
  draw("order", r, 0, 2, 0);
  draw("objective", r, 0, 1, 0);
  draw("tile_rows", r, 0, 4, 0);
  draw("residency", r, 0, 1, 0);
  draw("fuse_add", r, 0, 1, 0);
  draw("dataflow", r, 0, 9, 0);      // names in config()
  draw("map_sparsity", r, 0, 2, 0);  // 1: everything dense
  draw("skip_zero", r, 0, 2, 0);     // 1: off
  Random tail(seed ^ 0x7A11U);
  draw("tail", tail, 0, tail_kinds - 1, 0);  // for second = 9
  if (!elaborated) return;
  draw("acc_bits", r, 12, 48, 32);
  draw("acc_overflow", r, 0, 1, 0);
  draw("fold_overlap", r, 0, 2, 1);
  draw("zero_gating", r, 0, 1, 0);
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

bool Case::has(const std::string& name) const {
  return std::any_of(knobs_.begin(), knobs_.end(), [&](const Knob& k) { return k.name == name; });
}

std::string Case::text() const {
  std::string out = "preset " + preset_ + ", values from seed " + std::to_string(seed_);
  for (const auto& k : knobs_) {
    if (k.value != k.simplest) out += " " + k.name + "=" + std::to_string(k.value);
  }
  return out;
}

ArchConfig Case::config() const {
  const Case& c = *this;
  ArchConfig config = preset(preset_);
  const auto apply_overrides = [&] {
    for (const auto& [key, value] : overrides_) tactus::set(config, key, value);
  };
  apply_overrides();
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
  config.map_objective = c["objective"] == 0 ? "cycles" : "compute";
  config.map_tile_rows = c["tile_rows"];
  config.map_residency = c["residency"] != 0;
  config.map_fuse_add = c["fuse_add"] != 0;
  const char* os = config.output_stationary() ? "os" : "auto";
  const char* dataflows[] = {"auto", "auto", "auto", "ws", "ws", os, os, os, os, "is"};
  config.map_dataflow = dataflows[c["dataflow"]];
  config.map_sparsity = c["map_sparsity"] == 1 ? "dense" : "auto";
  config.map_skip_zero = c["skip_zero"] != 1;
  if (has("acc_bits")) {
    config.hw_acc_bits = c["acc_bits"];
    config.hw_acc_overflow = c["acc_overflow"] == 0 ? "wrap" : "saturate";
    config.hw_fold_overlap = c["fold_overlap"] != 0;
    config.hw_zero_gating = c["zero_gating"] != 0;
  }
  apply_overrides();
  validate(config);
  return config;
}

Job Case::job() const {
  Job out;
  out.config = config();
  out.workload.network = network(out.config);
  Inference one;
  one.name = "random";
  Random r(seed_ ^ 0xDA7AU);
  for (const auto& input : out.workload.network.inputs) {
    QTensor t;
    t.shape = input.shape;
    t.format = input.format;
    for (std::int64_t i = 0; i < t.shape.count(); ++i) {
      t.data.push_back(static_cast<std::int32_t>(r.value(t.format, (*this)["extreme"] == 1)));
    }
    one.inputs.emplace(input.name, std::move(t));
  }
  out.workload.inferences.push_back(std::move(one));
  out.program = lower_network(out.workload.network, out.config);
  validate_program(out.program, out.config);
  out.energy = default_energy_table();
  out.accumulators = AccumulatorReport::off;
  return out;
}

}  // namespace tactus::property
