// SPDX-License-Identifier: Apache-2.0
// Tables of cuts that layers and configurations share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lower/cut_table.hpp"

namespace tactus::lower {

/// Tables of cuts for layers and configurations that share them: those with equal shapes, formats
/// of weights, weights object and mapping keys, and sizes of buffers between which no question of
/// the planner tells a difference.
class CutMemory {
 public:
  /// `key` is the mapping_key() of the configuration. The weights must live as long as this.
  [[nodiscard]] std::shared_ptr<CutTable> of(const Layer& layer, const LayerWeights& weights,
                                             const ConvShape& shape, const ArchConfig& config,
                                             const std::string& key);
  /// How many tables were made.
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  void drop_unused();

  std::unordered_map<std::string, std::vector<std::shared_ptr<CutTable>>> tables_;
  std::size_t count_ = 0, limit_ = 4096;
  std::uint64_t made_ = 0;
};

}  // namespace tactus::lower
