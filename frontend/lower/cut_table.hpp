// SPDX-License-Identifier: Apache-2.0
// All cuts of one weighted layer for the weight- and output-stationary dataflows, with their
// estimated cycles as functions of the off-chip memory's timing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lower/conv_plan.hpp"
#include "lower/cut_limits.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

/// Latency and cycles per beat of the off-chip memory (models/README.md: L and I).
struct MemoryTiming {
  std::int64_t latency = 1, interval = 1;
};
[[nodiscard]] inline MemoryTiming memory_timing(const ArchConfig& config) {
  return {config.latency(), config.beat_interval()};
}

/// Estimated cycles of a cut: max(fixed, load, store) + tail, the last three linear in L and I.
struct CutCost {
  std::int64_t fixed = 0;                              ///< compute and post queue
  std::int64_t load = 0, load_l = 0, load_half_l = 0;  ///< load_half_l counts L / 2, rounded down
  std::int64_t load_i = 0;
  std::int64_t store_l = 0, store_i = 0;
  std::int64_t tail = 0, tail_l = 0, tail_i = 0;
  [[nodiscard]] std::int64_t at(const MemoryTiming& m) const {
    const std::int64_t loads =
        load + load_l * m.latency + load_half_l * (m.latency / 2) + load_i * m.interval;
    const std::int64_t stores = store_l * m.latency + store_i * m.interval;
    return std::max(fixed, std::max(loads, stores)) + tail + tail_l * m.latency +
           tail_i * m.interval;
  }
  /// Not above `other` for any memory.
  [[nodiscard]] bool dominates(const CutCost& other) const;
};

class LayerWeights;

class CutTable {
 public:
  /// Keeps a reference to the weights.
  CutTable(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
           const ArchConfig& config);

  struct Choice {
    std::int32_t cut = -1;  ///< number of the cut in the table
    std::int64_t cycles = 0;
  };
  /// The cut with the fewest estimated cycles, the first one of several; -1 where there is none.
  [[nodiscard]] Choice best(const MemoryTiming& memory);
  /// Its plan; `choice` comes from best().
  [[nodiscard]] ConvPlan plan(const Choice& choice);
  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(cuts_.size()); }
  /// Why there is no cut: a sentence on layer, buffer and shortage.
  [[nodiscard]] const std::optional<BadInput>& problem() const { return problem_; }
  /// Different for all tables of one CutMemory; 0 outside.
  std::uint64_t serial = 0;
  /// The table is that for buffers of these sizes, too.
  [[nodiscard]] bool serves(const BufferLimits& buffers) const {
    return !problem_ && limits_.serve(buffers);
  }

 private:
  friend class Planner;
  /// Tiles of h lines of the array and w pixels in plan `base`.
  struct Cut {
    std::int32_t base = 0;
    std::int64_t h = 0, w = 0;
    bool weights_outer = true;
  };

  void add(const Cut& cut, const CutCost& cost);

  ConvShape shape_;
  const LayerWeights& weights_;
  ArchConfig config_;  ///< its mapping keys
  BufferLimits limits_;
  std::vector<ConvPlan> bases_;  ///< without pixel tiles; without column tiles until one is chosen
  std::vector<Cut> cuts_;        ///< those that can be best
  std::vector<CutCost> costs_;
  std::map<std::pair<std::int64_t, std::int64_t>, Choice> known_;
  std::optional<BadInput> problem_;
  std::string remark_;
  static constexpr std::size_t samples = 6;
  std::array<std::int32_t, samples> leaders_{};  ///< best cut so far at a few memory timings
};

}  // namespace tactus::lower
