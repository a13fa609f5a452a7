// SPDX-License-Identifier: Apache-2.0
// Accumulators of the layers with weights.
#pragma once

#include <cstdint>
#include <vector>

#include "ref/exact.hpp"
#include "ref/reference.hpp"

namespace tactus::ref {

/// One accumulator per output value in C,H,W order, bias included, under the overflow policy.
[[nodiscard]] std::vector<std::int64_t> weighted_sums(const Layer& layer, const QTensor& input,
                                                      const RefOptions& options,
                                                      Accumulator& accumulator);

}  // namespace tactus::ref
