// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus::oplevel {

/// Start and retire cycles by the formulas of models/README.md, "Dispatch" and "Durations", op by
/// op in program order. `run` holds the records of the program, by queue. Every token must come
/// from an op earlier in the program. Throws InternalError where that is not so.
void set_naive_cycles(const Program& program, const ArchConfig& config, RunResult& run);

}  // namespace tactus::oplevel
