// SPDX-License-Identifier: Apache-2.0
// The beats of a load or store op on the off-chip ports (models/README.md, "Durations").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus {

/// The cycles [from, to) in which an op's beats pass, and the bytes of those beats.
struct Transfer {
  Cycle from = 0, to = 0;
  std::uint64_t beats = 0, bytes = 0;
};

/// Empty for ops that do not touch off-chip memory.
[[nodiscard]] std::optional<Transfer> transfer_of(const TileOp& op, const RetireRecord& record,
                                                  const ArchConfig& config);

/// Calls visit(address, valid bytes) for each beat of a load or store, in the order of the beats.
void for_each_beat(const TileOp& op, const ArchConfig& config,
                   const std::function<void(std::uint64_t, std::uint32_t)>& visit);

}  // namespace tactus
