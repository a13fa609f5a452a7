// SPDX-License-Identifier: Apache-2.0
// The lowering of a whole network, and its steps for those that have some layers' ops already.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "lower/context.hpp"
#include "lower/plan_units.hpp"

namespace tactus::lower {

/// Decides what is folded, what stays on chip, and emits the layers in order.
class NetworkLowering {
 public:
  /// Keeps references to network and config. Without `contents` the memory image stays empty.
  NetworkLowering(const Network& network, const ArchConfig& config, bool contents = true);

  [[nodiscard]] const std::vector<ConvUnit>& units() const { return units_; }
  [[nodiscard]] Context& context() { return ctx_; }
  [[nodiscard]] const Context& context() const { return ctx_; }
  [[nodiscard]] int layers() const { return static_cast<int>(ctx_.network.layers.size()); }
  [[nodiscard]] std::size_t number_of(const ConvUnit& unit) const {
    return static_cast<std::size_t>(&unit - units_.data());
  }
  /// The unit of a convolution or linear layer; null for other layers.
  [[nodiscard]] const ConvUnit* unit_of(int layer) const;

  /// Everything, once. Throws BadInput naming a layer that cannot be lowered.
  [[nodiscard]] Program run(UnitPlanner& planner, const UnitPlanner::Choices& choices);

  /// Places the inputs and decides what stays on chip, with the layouts and plans of the context.
  void begin();
  /// Emits one layer; those before it were emitted.
  void emit(int layer);

 private:
  [[nodiscard]] bool is_output(const std::string& id) const;
  /// Number of layer operands that read a tensor, flatten seen through.
  [[nodiscard]] int readers(const std::string& id) const;
  [[nodiscard]] int index_of(const std::string& id) const;
  /// No other layer does work between two layers.
  [[nodiscard]] bool adjacent(int from, int to) const;
  void count_readers();
  void find_units();
  /// Folds a residual add into the later of its two operands where that is a product whose result
  /// nobody else reads and the other operand exists by then.
  void try_fold(int add_index);
  /// Units whose result only the very next unit of work reads.
  void find_neighbours();
  /// A tensor stays on chip when the unit that makes it has one input block, the very next unit of
  /// work is its only reader, and that one reads it as one block.
  void find_residents();

  Context ctx_;
  std::map<std::string, int> readers_;
  std::vector<ConvUnit> units_;
  std::vector<std::size_t> neighbours_;  ///< numbers of units, see find_neighbours()
  std::set<int> folded_;
};

}  // namespace tactus::lower
