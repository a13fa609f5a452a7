// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus::oplevel {

/// Retire cycles by the formulas of models/README.md, "Durations", from the start cycles of the
/// run; for compute ops also the lower bounds of the start cycle that the array sets. The first
/// violation as text, or an empty string.
[[nodiscard]] std::string check_durations(const Program& program, const ArchConfig& config,
                                          const RunResult& run);

}  // namespace tactus::oplevel
