// SPDX-License-Identifier: Apache-2.0
// The steps of lower_network(), for those that repeat some of them.
#pragma once

#include <cstdint>
#include <vector>

#include "lower/context.hpp"
#include "lower/plan_units.hpp"
#include "lower/prune_channels.hpp"

namespace tactus::lower {

/// Throws BadInput for a network that a program cannot number.
void check_layer_count(const Network& network);

/// The weighted layers with what is folded into them. Throws BadInput naming the layer.
[[nodiscard]] std::vector<ConvUnit> conv_units(const Network& network, const ArchConfig& config);

/// Emits all layers with the plans that a planner for the same network and configuration chose.
/// Without `contents` the image stays empty.
[[nodiscard]] Program emit_program(const Network& network, const ArchConfig& config,
                                   UnitPlanner& planner, const UnitPlanner::Choices& choices,
                                   bool contents);

}  // namespace tactus::lower
