// SPDX-License-Identifier: Apache-2.0
// All plans of one weighted layer for one configuration and any off-chip memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lower/cut_memory.hpp"

namespace tactus::lower {

class PlanTable {
 public:
  /// Keeps references to layer and weights.
  PlanTable(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
            const ArchConfig& config);
  /// Takes its cuts from `memory`; `key` is the mapping_key() of the configuration.
  PlanTable(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
            const ArchConfig& config, CutMemory& memory, const std::string& key);

  using Choice = CutTable::Choice;
  /// The plan with the fewest estimated cycles, the first one of several. Throws BadInput naming
  /// layer, buffer and shortage.
  [[nodiscard]] Choice best(const MemoryTiming& memory);
  /// The plan itself; `choice` comes from best().
  [[nodiscard]] ConvPlan plan(const Choice& choice);
  /// The table of cuts that the choice numbers one of, see CutTable::serial; 0 where it is none of
  /// them or nobody else has the table.
  [[nodiscard]] std::uint64_t table_of(const Choice& choice) const {
    return cuts_ && choice.cut < cuts_->size() ? cuts_->serial : 0;
  }

 private:
  [[nodiscard]] bool may_be_input_stationary() const;
  [[nodiscard]] std::optional<ConvPlan> input_stationary(const MemoryTiming& memory) const;

  const Layer& layer_;
  const LayerWeights& weights_;
  ConvShape shape_;
  ArchConfig config_;
  std::shared_ptr<CutTable> cuts_;          ///< absent where only input-stationary plans may be
  std::vector<ConvPlan> input_stationary_;  ///< that were best; numbered behind the cuts
  std::map<std::pair<std::int64_t, std::int64_t>, Choice> known_;  ///< where they may be best
};

}  // namespace tactus::lower
