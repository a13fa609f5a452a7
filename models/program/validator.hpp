// SPDX-License-Identifier: Apache-2.0
// Proves that a program can be run by any back end (models/README.md).
#pragma once

#include "arch/arch_config.hpp"
#include "program/program.hpp"

namespace tactus {

/// Most tokens that a counter of a queue pair can hold.
inline constexpr int max_tokens = 255;

/// Throws InternalError with op number, reason and disassembly unless
/// - every field is in its range and every address inside its buffer half and the image,
/// - segments fit, are loaded by the ops that must load them, and stand in the image,
/// - the program cannot deadlock with the configuration's queue depth,
/// - no token counter exceeds max_tokens and every token is consumed,
/// - uses of one buffer half by two queues are ordered by tokens, whatever the addresses are,
/// - loads and stores of overlapping off-chip bytes are ordered by tokens.
/// A segment's dispatch is not used as an ordering.
void validate_program(const Program& program, const ArchConfig& config);

}  // namespace tactus
