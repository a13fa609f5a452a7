// SPDX-License-Identifier: Apache-2.0
#include "lower/plan_table.hpp"

#include "lower/layer_weights.hpp"
#include "lower/plan_input_stationary.hpp"

namespace tactus::lower {

PlanTable::PlanTable(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
                     const ArchConfig& config)
    : layer_(layer), weights_(weights), shape_(shape), config_(config) {
  if (config.map_dataflow == "is") return;
  cuts_ = std::make_shared<CutTable>(layer, weights, shape, config);
}

PlanTable::PlanTable(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
                     const ArchConfig& config, CutMemory& memory, const std::string& key)
    : layer_(layer), weights_(weights), shape_(shape), config_(config) {
  if (config.map_dataflow == "is") return;
  cuts_ = memory.of(layer, weights, shape, config, key);
}

bool PlanTable::may_be_input_stationary() const {
  // Arrays of one dataflow keep to it unless map.dataflow names another one.
  return config_.map_dataflow == "is" ||
         (config_.map_dataflow == "auto" && config_.output_stationary());
}

std::optional<ConvPlan> PlanTable::input_stationary(const MemoryTiming& memory) const {
  ArchConfig config = config_;
  config.mem_ideal = false;
  config.mem_latency_cycles = memory.latency;
  config.mem_cycles_per_beat = memory.interval;
  return plan_input_stationary(layer_, weights_, shape_, config);
}

PlanTable::Choice PlanTable::best(const MemoryTiming& memory) {
  if (cuts_ && cuts_->problem()) throw BadInput(*cuts_->problem());
  if (!may_be_input_stationary()) return cuts_->best(memory);
  const auto known = known_.find({memory.latency, memory.interval});
  if (known != known_.end()) return known->second;
  Choice best;
  if (cuts_) best = cuts_->best(memory);
  auto other = input_stationary(memory);
  if (other && (best.cut < 0 || other->estimated_cycles < best.cycles)) {
    const std::int32_t cuts = cuts_ ? cuts_->size() : 0;
    best = {cuts + static_cast<std::int32_t>(input_stationary_.size()), other->estimated_cycles};
    input_stationary_.push_back(*std::move(other));
  }
  known_.emplace(std::make_pair(memory.latency, memory.interval), best);
  return best;
}

ConvPlan PlanTable::plan(const Choice& choice) {
  const std::int32_t cuts = cuts_ ? cuts_->size() : 0;
  if (choice.cut < cuts) return cuts_->plan(choice);
  return input_stationary_.at(static_cast<std::size_t>(choice.cut - cuts));
}

}  // namespace tactus::lower
