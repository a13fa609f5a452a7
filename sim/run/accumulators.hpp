// SPDX-License-Identifier: Apache-2.0
// How wide the accumulators of a network have to be: proven from the weights alone, and as seen on
// real inputs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "network/network.hpp"
#include "numerics/k_mapping.hpp"

namespace tactus {

/// Smallest and largest value of a layer's accumulators, partial sums and bias included.
struct AccumulatorRange {
  std::int64_t min = 0, max = 0;
  /// Smallest two's complement width that holds both: {-128, 127} needs 8, {0, 0} needs 1.
  [[nodiscard]] int bits() const;
  void include(std::int64_t value);
};

/// Accumulator ranges per layer id; layers without accumulators are absent.
using AccumulatorRanges = std::map<std::string, AccumulatorRange>;

/// Whether the overflow policy and hw.acc_bits take part in a layer's values (models/README.md:
/// fold order, psum, and post in modes 0, 1 and 3, which alone apply the policy).
[[nodiscard]] bool has_accumulators(LayerOp op);

/// Bounds for any input: activations anywhere in their declared formats, weights as they are. Every
/// partial sum in every order lies inside, because an operand can always be 0.
[[nodiscard]] AccumulatorRanges worst_case_accumulators(const Network& network);

/// Widens `ranges` by what the inputs of one inference do to the accumulators after each exact sum,
/// in the order of each layer's K mapping (absent: the complete sum alone).
/// `tensors`: values of all network inputs and layers by id.
void observe_accumulators(const Network& network, const std::map<std::string, QTensor>& tensors,
                          const std::map<std::string, KMapping>& mappings,
                          AccumulatorRanges& ranges);

}  // namespace tactus
