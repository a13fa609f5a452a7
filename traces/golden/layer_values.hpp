// SPDX-License-Identifier: Apache-2.0
// The arrays of one layer: tensors as the model file has them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "golden/array.hpp"
#include "network/network.hpp"

namespace tactus::golden {

/// Everything that an inference computes, by input name or layer id.
struct Tensors {
  std::map<std::string, QTensor> values;
  /// Of layers with accumulators, in C,H,W order: what enters the requantisation, bias included.
  std::map<std::string, std::vector<std::int64_t>> accumulators;
};

/// `weight`, `weight_zero_point`, `bias`, `mult`, `shift`, `add`, `table`, `inverse_table`: those
/// that the layer has.
[[nodiscard]] std::vector<Array> constants_of(const Layer& layer, const std::string& folder);

/// `input` (`input_1` for a second operand), `accumulator` where the layer has any, `output`.
/// Without tensors the arrays have no values.
[[nodiscard]] std::vector<Array> tensors_of(const Network& network, const Layer& layer,
                                            int acc_bits, const std::string& folder,
                                            const Tensors* tensors);

/// Whether a set holds a layer's accumulators: those of layers with weights.
[[nodiscard]] bool has_accumulators(const Layer& layer);

}  // namespace tactus::golden
