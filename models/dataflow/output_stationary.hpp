// SPDX-License-Identifier: Apache-2.0
// The output-stationary dataflow: the cycles that the folds of a compute op occupy
// (models/README.md, "Durations").
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataflow/array_state.hpp"
#include "dataflow/unit_order.hpp"

namespace tactus::output_stationary {

inline constexpr std::int64_t code = 1;  ///< ComputeOp::dataflow

/// Folds of an op: each holds a block of R pixels of all columns.
[[nodiscard]] inline std::int64_t folds(const ComputeOp& op) {
  return (pixels(op) + op.rows_used - 1) / op.rows_used;
}

/// Runs `folds` folds of `units` K units, an op's, through the array. `ready` is the first cycle in
/// which the start condition holds. Closed form: fold j of the op streams j * N cycles behind fold
/// 0, because N is at least R and a at least wl + 2; it gets its pixels R cycles behind the fold
/// before, but not before that one streams.
[[nodiscard]] inline Occupancy occupy(ArrayState& state, Cycle units, Cycle folds, Cycle ready,
                                      const ArrayShape& array) {
  constexpr Cycle lead = 2;  // from the pixel address to the first window address
  const Cycle length = array.overlap ? std::max(units, array.rows) : units;
  const Cycle drain = 2 * array.rows + array.cols - 2;
  const Cycle start = state.next_prepare(ready, code, array);
  Cycle prepare = start;
  Cycle stream = state.next_stream(start, lead, array);
  const Cycle more = folds - 1;
  if (more > 0) {
    const Cycle period = array.overlap ? length : lead + length + drain + 1;
    stream += more * period;
    prepare = array.overlap ? std::max(start + more * array.rows, stream - period) : stream - lead;
  }
  const Cycle end = stream + length + drain;
  state = {true, code, prepare, stream, length, end + 1, end};
  return {start, end};
}
[[nodiscard]] inline Occupancy occupy(ArrayState& state, const ComputeOp& op, Cycle ready,
                                      const ArrayShape& array) {
  return occupy(state, static_cast<Cycle>(op.k_rows), static_cast<Cycle>(op.folds), ready, array);
}

}  // namespace tactus::output_stationary
