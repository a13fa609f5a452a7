// SPDX-License-Identifier: Apache-2.0
// When the PE array did what for a compute op, from its start and retire cycle (models/README.md,
// "Durations").
#pragma once

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus {

struct ComputePhases {
  Cycle load_from = 0, load_to = 0;      ///< first fold's weights (output-stationary: addresses)
  Cycle stream_from = 0, stream_to = 0;  ///< the folds stream; never overlaps the next op's
};

/// `free` is stream_to of the compute op before, 0 for the first.
[[nodiscard]] ComputePhases compute_phases(const ComputeOp& op, const RetireRecord& record,
                                           const ArchConfig& config, Cycle free);

}  // namespace tactus
