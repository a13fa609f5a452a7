// SPDX-License-Identifier: Apache-2.0
// Events of an op that its fields alone determine (models/README.md, "Events"): all but act_zero,
// mac_gated and acc_overflow.
#pragma once

#include "events/events.hpp"
#include "fast/occupancy.hpp"
#include "program/program.hpp"

namespace tactus::fast {

void add_shape_events(const TileOp& op, const ArchNumbers& arch, EventCounts& sum);
[[nodiscard]] EventCounts shape_events(const TileOp& op, const ArchNumbers& arch);

}  // namespace tactus::fast
