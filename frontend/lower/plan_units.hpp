// SPDX-License-Identifier: Apache-2.0
// Chooses the layout of every tensor and the plan of every weighted layer.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "lower/context.hpp"
#include "lower/layer_weights.hpp"
#include "lower/plan_table.hpp"

namespace tactus::lower {

/// Weights of the layers of one network as plans need to know them, for all configurations that
/// look at them alike, and the cuts that were made of them. Layers of one shape whose weights look
/// alike share an object.
class WeightsMemory {
 public:
  [[nodiscard]] std::shared_ptr<const LayerWeights> of(int layer_index, const Layer& layer,
                                                       const ConvShape& shape,
                                                       const ArchConfig& config);
  CutMemory cuts;

 private:
  std::map<std::tuple<int, std::int64_t, std::int64_t>, std::shared_ptr<const LayerWeights>> known_;
};

/// Plans of a network for one configuration and any timing of the off-chip memory. A tensor gets
/// the layout with which the weighted layers that read it take the fewest estimated cycles
/// together.
class UnitPlanner {
 public:
  /// Keeps references to the context, of which it reads network and config, and to `weights`.
  /// Throws BadInput where an operand is too wide or a key of a layer is not used.
  UnitPlanner(const Context& context, std::vector<ConvUnit> units, WeightsMemory& weights);

  /// Numbers of the layouts of a unit's input, output and residual that its plan was made for; -1
  /// is the smallest one.
  using Layouts = std::tuple<std::int32_t, std::int32_t, std::int32_t>;
  struct UnitChoice {
    Layouts layouts;
    PlanTable::Choice cut;
  };
  /// What is chosen of each: equal choices give equal programs.
  struct Choices {
    std::vector<std::int32_t> layouts;  ///< of tensors, in the planner's order
    std::vector<UnitChoice> plans;      ///< of units, in the order given
  };
  /// Throws BadInput where a layer does not fit; of several the first one is named.
  [[nodiscard]] Choices choose(const MemoryTiming& memory);
  /// Fills `layouts` and `plans` of a context; one that has those of `before` gets what differs.
  void apply(const Choices& choices, Context& context, const Choices* before = nullptr);
  /// See PlanTable::table_of(); of a unit, in the order given.
  [[nodiscard]] std::uint64_t table_of(std::size_t unit, const Choices& choices) const;

 private:
  struct User {
    ConvUnit unit;
    std::shared_ptr<const LayerWeights> weights;
    ArchConfig config;                                ///< with the layer's own mapping keys
    std::string key;                                  ///< mapping_key() of config
    std::size_t input = 0, output = 0, residual = 0;  ///< tensors
    std::map<Layouts, PlanTable> tables;
  };
  struct Tensor {
    std::string id;
    std::vector<TensorLayout> layouts;
    std::vector<std::size_t> users;  ///< weighted layers that read it
  };

  void check_overrides() const;
  void check_operands(const Layer& layer, const ConvUnit& unit) const;
  void add_tensor(const std::string& id, const std::vector<std::string>& transposed);
  [[nodiscard]] TensorLayout layout_of(const std::string& id, const Choices& choices) const;
  /// Of a tensor: -1 until something was chosen.
  [[nodiscard]] static std::int32_t layout_number(std::size_t tensor, const Choices& choices) {
    return tensor < choices.layouts.size() ? choices.layouts[tensor] : -1;
  }
  [[nodiscard]] std::size_t tensor_number(const std::string& id) const;
  [[nodiscard]] ConvShape shape_of(const ConvUnit& unit, const TensorLayout& in,
                                   const Choices& choices) const;
  [[nodiscard]] PlanTable& table_of(User& user, const Layouts& layouts, const Choices& choices);
  void decide(std::size_t tensor, const MemoryTiming& memory, Choices& choices);

  const Context& ctx_;
  WeightsMemory& memory_;
  std::vector<User> users_;
  std::vector<Tensor> tensors_;  ///< results of layers from the last one on, then inputs
  std::map<std::string, std::size_t> tensor_numbers_;
  std::optional<BadInput> problem_;
};

}  // namespace tactus::lower
