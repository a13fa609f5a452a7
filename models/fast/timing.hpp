// SPDX-License-Identifier: Apache-2.0
// Start and retire cycle of every op of a program: a max-plus recurrence, no simulation of cycles.
#pragma once

#include <cstdint>
#include <vector>

#include "fast/occupancy.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// Indexed like Program::ops.
struct Timing {
  std::vector<Cycle> dispatch, start, retire;
  Cycle cycles = 0;  ///< last retire cycle + 1
};

/// Throws BadInput naming op, queue and missing token when the program cannot go on.
[[nodiscard]] Timing resolve_timing(const Program& program, const ArchNumbers& arch);

/// Throws BadInput when more than `limit` cycles pass without a retire.
void check_watchdog(std::vector<Cycle> retires, Cycle limit);

}  // namespace tactus::fast
