// SPDX-License-Identifier: Apache-2.0
// Layers of one tap with their operands swapped: activations stay on the array, weights stream.
#pragma once

#include <optional>

#include "lower/conv_plan.hpp"

namespace tactus::lower {

class LayerWeights;

/// Best input-stationary plan. nullopt where the layer, its layouts or its sizes do not allow one;
/// throws BadInput naming the layer and the reason instead when map.dataflow=is asks for it.
[[nodiscard]] std::optional<ConvPlan> plan_input_stationary(const Layer& layer,
                                                            const LayerWeights& weights,
                                                            const ConvShape& shape,
                                                            const ArchConfig& config);

/// Whether a transposed store can write a tensor of this layout: one word to a pixel, and the
/// elements of a word in one beat of the ofmap buffer.
[[nodiscard]] bool can_store_transposed(const TensorLayout& layout, const ArchConfig& config);

}  // namespace tactus::lower
