// SPDX-License-Identifier: Apache-2.0
#include "timeline/compute_phases.hpp"

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus {

ComputePhases compute_phases(const ComputeOp& op, const RetireRecord& record,
                             const ArchConfig& config, Cycle free) {
  const auto rows = static_cast<Cycle>(config.hw_array_rows);
  const auto cols = static_cast<Cycle>(config.hw_array_cols);
  const bool output_stationary = op.dataflow == 1;
  // Cycles that a fold streams, and those from its last stream cycle to its last psum write.
  Cycle stream = static_cast<Cycle>(op.out_h * op.out_w), drain = rows + cols;
  if (output_stationary) {
    stream = static_cast<Cycle>(op.k_rows);
    if (config.hw_fold_overlap) stream = std::max(stream, rows);
    drain = 2 * rows + cols - 1;
  }
  ComputePhases out;
  out.load_from = record.start;
  out.load_to = record.start + (output_stationary ? 2 : rows);
  out.stream_from = std::max(out.load_to, free);
  out.stream_to = record.cycle + 1 - std::min(drain, record.cycle + 1);
  if (out.stream_to < out.stream_from + stream) {
    throw InternalError("the retire record of compute op " + std::to_string(record.seq) +
                        " leaves no room for one of its folds");
  }
  return out;
}

}  // namespace tactus
