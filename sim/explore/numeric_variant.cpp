// SPDX-License-Identifier: Apache-2.0
#include "explore/numeric_variant.hpp"

#include <algorithm>

#include "run/accumulators.hpp"

namespace tactus {
namespace {

/// Whether a layer has no accumulator at all.
bool without_accumulator(LayerOp op) {
  switch (op) {
    case LayerOp::add:
    case LayerOp::clamp:
    case LayerOp::maxpool:
    case LayerOp::flatten:
    case LayerOp::requant:
    case LayerOp::mul:
    case LayerOp::maximum:
    case LayerOp::minimum:
    case LayerOp::lut:
      return true;
    default:
      return false;
  }
}

}  // namespace

const std::vector<int>& NumericVariants::bits() const {
  if (!bits_.empty()) return bits_;
  constexpr int unknown = 64;
  const AccumulatorRanges ranges = worst_case_accumulators(network_);
  for (const Layer& layer : network_.layers) {
    const auto range = ranges.find(layer.id);
    if (range != ranges.end()) {
      bits_.push_back(range->second.bits());
    } else {
      bits_.push_back(without_accumulator(layer.op) ? 0 : unknown);
    }
  }
  return bits_;
}

bool NumericVariants::exact(std::int64_t acc_bits) const {
  return std::all_of(bits().begin(), bits().end(), [&](int bits) { return bits <= acc_bits; });
}

NumericVariants::Short NumericVariants::short_key(const ArchConfig& config) const {
  if (exact(config.hw_acc_bits)) return {"exact", false};
  // Sums modulo a power of two do not depend on their order.
  return {
      "acc_bits=" + std::to_string(config.hw_acc_bits) + " acc_overflow=" + config.hw_acc_overflow,
      config.hw_acc_overflow == "saturate"};
}

std::string NumericVariants::order_of(std::size_t index, const KMapping& map,
                                      std::int64_t acc_bits) const {
  if (bits().at(index) <= acc_bits || map.rows == 0) return {};
  std::string text = " " + network_.layers[index].id + "=" + (map.output_stationary ? "os" : "ws");
  for (const std::int64_t value :
       {map.rows, map.group, map.slots, map.bundle, map.lanes, map.candidates, map.kept,
        map.windows, map.line_phases, map.column_channels, map.chunk}) {
    text += ":" + std::to_string(value);
  }
  return text;
}

}  // namespace tactus
