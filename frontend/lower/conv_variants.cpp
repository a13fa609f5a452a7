// SPDX-License-Identifier: Apache-2.0
#include "lower/conv_variants.hpp"

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

class VariantList {
 public:
  VariantList(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
              const ArchConfig& config)
      : layer_(layer), weights_(weights), s_(shape), cfg_(config) {}

  Variants run() {
    check_dataflow();
    for (const Operands& operands : weight_formats()) {
      add_dataflows(operands);
      for (std::int64_t m = 2; m <= cfg_.hw_edge_words; m *= 2) add_pattern(operands, m);
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw BadInput("layer " + layer_.id + ": " + why, {}, layer_.id);
  }

  void check_dataflow() const {
    if (cfg_.map_dataflow == "os" && !cfg_.output_stationary()) {
      refuse("map.dataflow=os needs an array with hw.dataflows=ws_os, this one has " +
             cfg_.hw_dataflows);
    }
  }

  /// Carriers of the weights. One-bit words of -1 and +1 have no 0 for padding channels: a second
  /// format with two bits serves where those are needed.
  [[nodiscard]] std::vector<Operands> weight_formats() const {
    Operands o;
    o.word_bits = cfg_.hw_operand_bits;
    o.act_carrier = s_.in.carrier;
    o.bundle = s_.in.bundle;
    o.wgt_bits = layer_.weight_format.bits;
    o.wgt_signed = layer_.weight_format.is_signed;
    o.wgt_carrier = carrier_of(layer_.weight_format.bits, cfg_);
    if (!layer_.weight_format.bipolar) return {o};
    Operands ternary = o;
    ternary.wgt_bits = 2;
    ternary.wgt_signed = true;
    ternary.wgt_carrier = carrier_of(2, cfg_);
    o.wgt_bipolar = true;
    const bool whole_planes = s_.groups == 1 && s_.in_c % s_.in.plane_channels() == 0;
    if (o.wgt_carrier > 1 || !whole_planes) return {ternary};
    return {o, ternary};
  }

  void remark(const std::string& text) {
    if (out_.remark.empty()) out_.remark = text;
  }

  void add_pattern(Operands operands, std::int64_t m) {
    const std::int64_t n = weights_.kept(m);
    if (n >= m || m > s_.in_c || operands.wgt_bipolar) return;
    const std::string name = std::to_string(n) + ":" + std::to_string(m);
    operands.candidates = m;
    operands.kept = n;
    if (cfg_.map_sparsity == "dense") return remark(name + " weights run dense as configured");
    const std::int64_t index = operands.index_bits(), weight = operands.wgt_carrier;
    if (n * (weight + index) > m * weight && !depthwise()) {
      return remark(name + " weights run dense: with indices they are larger");
    }
    if (index > std::max(operands.act_carrier, weight)) {
      return remark(name + " weights run dense: an index is wider than an operand");
    }
    if (operands.plane_channels() < operands.window()) {
      return remark(name + " weights run dense: a pixel holds " +
                    std::to_string(operands.plane_channels()) + " channels of the " +
                    std::to_string(operands.window()) + " to choose from");
    }
    add_dataflows(operands);
  }

  void add_dataflows(const Operands& operands) {
    if (cfg_.map_dataflow != "os") {
      out_.list.push_back({operands, false, 1, cfg_.hw_array_cols});
      if (depthwise()) add_phases(operands);
    }
    if (cfg_.map_dataflow != "ws" && cfg_.output_stationary()) {
      out_.list.push_back({operands, true, 1, cfg_.hw_array_cols});
    }
  }

  [[nodiscard]] bool depthwise() const { return s_.groups > 1 && s_.groups == s_.in_c; }

  /// Fewer channels than columns, several output lines at once. Numbers of lines that need as many
  /// folds as the next one are left out.
  void add_phases(const Operands& operands) {
    if (s_.has_residual || s_.window.dilation_h != 1) return;
    const std::int64_t cols = cfg_.hw_array_cols;
    for (std::int64_t n = s_.out.plane_channels(); n <= cols; n *= 2) {
      const std::int64_t in = ceil_div(n * s_.in_c, s_.out_c);
      const std::int64_t per_tap = s_.in.planes(in) * operands.windows() * operands.kept;
      const auto folds = [&](std::int64_t j) {
        return ceil_div(phased(s_.window, j).kernel_h * s_.window.kernel_w * per_tap,
                        cfg_.hw_array_rows);
      };
      const std::int64_t most = std::min(cols / n, s_.out_h);
      for (std::int64_t j = 1; j <= most; ++j) {
        if (j < most && folds(j + 1) == folds(j)) continue;
        if (phased(s_.window, j).kernel_h > 255) break;
        if (j == 1 && n == cols) continue;
        out_.list.push_back({operands, false, j, n});
      }
      if (n >= s_.out_c) break;
    }
  }

  const Layer& layer_;
  const LayerWeights& weights_;
  const ConvShape& s_;
  const ArchConfig& cfg_;
  Variants out_;
};

}  // namespace

Variants conv_variants(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
                       const ArchConfig& config) {
  return VariantList(layer, weights, shape, config).run();
}

Window phased(const Window& window, std::int64_t phases) {
  Window out = window;
  out.kernel_h = (phases - 1) * window.stride_h + window.kernel_h;
  out.stride_h = phases * window.stride_h;
  return out;
}

std::vector<ColumnTile> column_tiles(const ConvShape& s, const Variant& v) {
  std::vector<ColumnTile> tiles;
  const std::int64_t out_per_group = s.out_c / s.groups;
  const std::int64_t in_per_group = s.in_c / s.groups;
  const std::int64_t plane = s.in.plane_channels();
  for (std::int64_t n0 = 0; n0 < s.out_c; n0 += v.column_channels) {
    ColumnTile t;
    t.n0 = n0;
    t.outputs = std::min(v.column_channels, s.out_c - n0);
    t.cols = (v.line_phases - 1) * v.column_channels + t.outputs;
    const std::int64_t first = n0 / out_per_group;
    const std::int64_t last = (n0 + t.outputs - 1) / out_per_group;
    t.c0 = first * in_per_group / plane * plane;
    t.channels = (last + 1) * in_per_group - t.c0;
    tiles.push_back(t);
  }
  return tiles;
}

}  // namespace tactus::lower
