// SPDX-License-Identifier: Apache-2.0
// What the folds of all dataflows share in time (models/README.md, "Durations").
#pragma once

#include <algorithm>
#include <cstdint>

#include "program/program.hpp"

namespace tactus {

/// Extent of the PE array and whether a fold's first phase overlaps the fold before.
struct ArrayShape {
  Cycle rows = 0, cols = 0;
  bool overlap = true;
};

/// The last fold that the array began.
struct ArrayState {
  bool used = false;
  std::int64_t dataflow = 0;  ///< ComputeOp::dataflow of its op
  Cycle prepare = 0;          ///< wl: weights of row 0 are read, or row 0 gets its pixel address
  Cycle stream = 0;           ///< a: first ifmap address of row 0
  Cycle length = 0;           ///< N: cycles of the stream until that of the next fold may begin
  Cycle end = 0;              ///< serial folds: first cycle in which the next fold may prepare
  Cycle retire = 0;           ///< of the fold's op

  /// First cycle in which a fold of an op that is ready in `ready` may prepare.
  [[nodiscard]] Cycle next_prepare(Cycle ready, std::int64_t next, const ArrayShape& array) const {
    if (!used) return ready;
    if (next != dataflow) ready = std::max(ready, retire + 1);
    if (array.overlap) return std::max({ready, prepare + array.rows, stream});
    return std::max(ready, end);
  }
  /// First cycle in which its stream may begin; `lead` cycles lie between prepare and stream.
  [[nodiscard]] Cycle next_stream(Cycle first, Cycle lead, const ArrayShape& array) const {
    return used && array.overlap ? std::max(first + lead, stream + length) : first + lead;
  }
};

struct Occupancy {
  Cycle start = 0, retire = 0;
};

}  // namespace tactus
