// SPDX-License-Identifier: Apache-2.0
#include "lower/unit_runs.hpp"

#include <algorithm>

namespace tactus::lower {

namespace {

/// Whether any column of tile `index` has a kept weight in the units [first, first + count).
bool any_kept(const ConvPlan& plan, const KeptCounts& counts, std::size_t index, std::int64_t first,
              std::int64_t count) {
  const Operands& o = plan.operands;
  const ColumnTile& tile = plan.columns[index];
  const std::int64_t groups = o.lanes();
  for (std::int64_t unit = first; unit < first + count; ++unit) {
    const UnitPlace at = plan.place_of(unit);
    const std::int64_t plane = at.slot * plan.group + at.phase;
    const std::int64_t channel = tile.c0 + plane * o.plane_channels() + at.window * o.window();
    const std::int64_t tap = at.ky * plan.window.kernel_w + at.kx;
    for (std::int64_t l = 0; l < groups; ++l) {
      const std::int64_t group = channel / o.candidates + l;
      if (counts.at(static_cast<std::int64_t>(index), tap, group) > at.n) return true;
    }
  }
  return false;
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
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    ColumnTile& tile = plan.columns[i];
    tile.runs.clear();
    tile.stored = 0;
    for (std::int64_t first = 0; skip && first < plan.k_rows; first += rows) {
      const std::int64_t count = std::min(rows, plan.k_rows - first);
      if (!any_kept(plan, counts, i, first, count)) continue;
      if (!tile.runs.empty() && tile.runs.back().first + tile.runs.back().count == first) {
        tile.runs.back().count += count;
      } else {
        tile.runs.push_back({first, count, tile.stored});
      }
      tile.stored += count;
    }
    if (!tile.runs.empty()) continue;
    tile.stored = skip ? std::min(rows, plan.k_rows) : plan.k_rows;
    tile.runs.push_back({0, tile.stored, 0});
  }
}

}  // namespace tactus::lower
