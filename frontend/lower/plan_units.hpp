// SPDX-License-Identifier: Apache-2.0
// Chooses the layout of every tensor and the plan of every weighted layer.
#pragma once

#include <vector>

#include "lower/context.hpp"

namespace tactus::lower {

/// Fills `layouts` and `plans` of the context. A tensor gets the layout with which the weighted
/// layers that read it take the fewest estimated cycles together. Throws BadInput where an operand
/// is too wide or a layer does not fit.
void plan_units(Context& context, const std::vector<ConvUnit>& units);

}  // namespace tactus::lower
