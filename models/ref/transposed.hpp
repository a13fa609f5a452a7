// SPDX-License-Identifier: Apache-2.0
// Accumulators of conv_transpose2d.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/k_mapping.hpp"
#include "ref/exact.hpp"

namespace tactus {
struct Layer;
struct QTensor;
}  // namespace tactus

namespace tactus::ref {

/// One accumulator per output value in C,H,W order, bias included, under the overflow policy: by
/// definition each input pixel adds itself times the kernel to the output, where its corner lies at
/// stride times its place minus the padding. `mapping` (rows 0: none) orders the sums of channels
/// that could overflow; it is that of the phases' convolution (numerics/k_mapping.hpp).
[[nodiscard]] std::vector<std::int64_t> transposed_sums(const Layer& layer, const QTensor& input,
                                                        const KMapping& mapping,
                                                        Accumulator& accumulator);

}  // namespace tactus::ref
