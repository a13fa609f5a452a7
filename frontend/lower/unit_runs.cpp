// SPDX-License-Identifier: Apache-2.0
#include "lower/unit_runs.hpp"

#include <algorithm>
#include <vector>

namespace tactus::lower {

namespace {

/// What a K unit reads, for all column tiles alike.
struct UnitReads {
  std::int64_t group = 0;  ///< first group of M channels, from that of the tile's first channel on
  std::int64_t tap = 0, n = 0;
};

UnitReads reads_of(const ConvPlan& plan, std::int64_t unit) {
  const Operands& o = plan.operands;
  const UnitPlace at = plan.place_of(unit);
  const std::int64_t plane = at.slot * plan.group + at.phase;
  const std::int64_t channel = plane * o.plane_channels() + at.window * o.window();
  return {channel / o.candidates, at.ky * plan.window.kernel_w + at.kx, at.n};
}

/// The units of one fold, each looked up when the first tile asks for it.
class Fold {
 public:
  Fold(const ConvPlan& plan, std::int64_t first, std::int64_t count)
      : plan_(plan), first_(first), count_(count) {}

  /// Whether any column of tile `index` has a kept weight in them.
  [[nodiscard]] bool any_kept(const KeptCounts& counts, std::size_t index) {
    const Operands& o = plan_.operands;
    // A tile begins with a whole plane, a plane with a whole group.
    const std::int64_t base = plan_.columns[index].c0 / o.candidates;
    const std::int64_t lanes = o.lanes();
    for (std::size_t i = 0; i < static_cast<std::size_t>(count_); ++i) {
      if (i == reads_.size()) {
        reads_.push_back(reads_of(plan_, first_ + static_cast<std::int64_t>(i)));
      }
      const UnitReads& unit = reads_[i];
      for (std::int64_t l = 0; l < lanes; ++l) {
        const std::int64_t group = base + unit.group + l;
        if (counts.at(static_cast<std::int64_t>(index), unit.tap, group) > unit.n) return true;
      }
    }
    return false;
  }
  /// Goes to the units behind these.
  void next(std::int64_t count) {
    first_ += count_;
    count_ = count;
    reads_.clear();
  }

 private:
  const ConvPlan& plan_;
  std::int64_t first_, count_;
  std::vector<UnitReads> reads_;
};

/// Appends a fold to what a tile executes.
void append(ColumnTile& tile, std::int64_t first, std::int64_t count) {
  if (!tile.runs.empty() && tile.runs.back().first + tile.runs.back().count == first) {
    tile.runs.back().count += count;
  } else {
    tile.runs.push_back({first, count, tile.stored});
  }
  tile.stored += count;
}

}  // namespace

void set_runs(ConvPlan& plan, const LayerWeights& weights, const ArchConfig& config) {
  const KeptCounts& counts = weights.counts(plan.operands.candidates);
  const Operands& o = plan.operands;
  const bool plain = plan.line_phases == 1 && plan.column_channels == config.hw_array_cols;
  const bool padding = o.windows() > 1 && plan.shape.in_c % o.plane_channels() != 0;
  const bool skip = config.map_skip_zero && plain && !plan.output_stationary &&
                    (counts.least() < o.kept || padding);
  const std::int64_t rows = config.hw_array_rows;
  for (ColumnTile& tile : plan.columns) {
    tile.runs.clear();
    tile.stored = 0;
  }
  if (skip) {
    Fold fold(plan, 0, 0);
    for (std::int64_t first = 0; first < plan.k_rows; first += rows) {
      const std::int64_t count = std::min(rows, plan.k_rows - first);
      fold.next(count);
      for (std::size_t i = 0; i < plan.columns.size(); ++i) {
        if (fold.any_kept(counts, i)) append(plan.columns[i], first, count);
      }
    }
  }
  for (ColumnTile& tile : plan.columns) {
    if (!tile.runs.empty()) continue;
    tile.stored = skip ? std::min(rows, plan.k_rows) : plan.k_rows;
    tile.runs.push_back({0, tile.stored, 0});
  }
}

}  // namespace tactus::lower
