// SPDX-License-Identifier: Apache-2.0
// Operations and storage of a network's layers.
#pragma once

#include "network/network.hpp"
#include "report/layer_cost.hpp"

namespace tactus {

[[nodiscard]] LayerCosts layer_costs(const Network& network);

}  // namespace tactus
