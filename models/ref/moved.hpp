// SPDX-License-Identifier: Apache-2.0
// Layers without arithmetic: transpose, concat, slice, upsample, pixel_shuffle, space_to_depth.
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.hpp"

namespace tactus::ref {

/// The values of the layer's output in C,H,W order.
[[nodiscard]] std::vector<std::int32_t> moved(const Layer& layer,
                                              const std::vector<const QTensor*>& inputs);

}  // namespace tactus::ref
