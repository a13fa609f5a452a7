// SPDX-License-Identifier: Apache-2.0
#include "explore/numeric_variant.hpp"

#include <algorithm>

#include "run/accumulators.hpp"

namespace tactus {

const std::vector<int>& NumericVariants::bits() const {
  if (!bits_.empty()) return bits_;
  const AccumulatorRanges ranges = worst_case_accumulators(network_);
  for (const Layer& layer : network_.layers) {
    const auto range = ranges.find(layer.id);
    bits_.push_back(range == ranges.end() ? 0 : range->second.bits());
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
