// SPDX-License-Identifier: Apache-2.0
// Which K units of a plan are executed: folds without any kept weight are left out.
#pragma once

#include "lower/conv_plan.hpp"
#include "lower/layer_weights.hpp"

namespace tactus::lower {

/// Fills `runs` and `stored` of the plan's column tiles, whose operands, group, slots and k_rows
/// are set. Only whole folds of a weight-stationary op are left out: their sums are 0, so the
/// accumulator does not change under any policy. Every tile keeps at least one fold.
void set_runs(ConvPlan& plan, const LayerWeights& weights, const ArchConfig& config);

}  // namespace tactus::lower
