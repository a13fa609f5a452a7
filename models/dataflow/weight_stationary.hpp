// SPDX-License-Identifier: Apache-2.0
// The weight-stationary dataflow: the cycles that the folds of a compute op occupy
// (models/README.md, "Durations").
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataflow/array_state.hpp"
#include "dataflow/unit_order.hpp"

namespace tactus::weight_stationary {

inline constexpr std::int64_t code = 0;  ///< ComputeOp::dataflow

/// Folds of an op: each holds U units of all columns.
[[nodiscard]] inline std::int64_t folds(const ComputeOp& op) {
  return (op.k_rows + op.rows_used - 1) / op.rows_used;
}

/// Runs `folds` folds of m pixels, an op's, through the array. `ready` is the first cycle in which
/// the start condition holds. Closed form: from the second fold on, wl of a fold is a of the one
/// before, so folds follow each other every max(R, M) cycles (every 2R + C + M without overlap).
[[nodiscard]] inline Occupancy occupy(ArrayState& state, Cycle m, Cycle folds, Cycle ready,
                                      const ArrayShape& array) {
  const Cycle start = state.next_prepare(ready, code, array);
  Cycle weight = start;
  Cycle pixel = state.next_stream(start, array.rows, array);
  const Cycle more = folds - 1;
  if (more > 0) {
    const Cycle period = array.overlap ? std::max(array.rows, m) : 2 * array.rows + array.cols + m;
    pixel += more * period;
    weight = array.overlap ? pixel - period : pixel - array.rows;
  }
  const Cycle end = pixel + m + array.rows + array.cols;
  state = {true, code, weight, pixel, m, end, end - 1};
  return {start, state.retire};
}
[[nodiscard]] inline Occupancy occupy(ArrayState& state, const ComputeOp& op, Cycle ready,
                                      const ArrayShape& array) {
  return occupy(state, static_cast<Cycle>(pixels(op)), static_cast<Cycle>(op.folds), ready, array);
}

}  // namespace tactus::weight_stationary
