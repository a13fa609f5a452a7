// SPDX-License-Identifier: Apache-2.0
// Products of two activation tensors, and the norms of models/numerics/norm.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.hpp"
#include "ref/exact.hpp"

namespace tactus::ref {

/// Values of a matmul layer; `rows` terms at a time are summed exactly (0: all of them).
[[nodiscard]] std::vector<std::int32_t> matmul(const Layer& layer, const QTensor& a,
                                               const QTensor& b, std::int64_t rows,
                                               Accumulator& accumulator);

/// Values of a layernorm or rmsnorm layer.
void normalise(const Layer& layer, const QTensor& input, std::vector<std::int32_t>& values);

}  // namespace tactus::ref
