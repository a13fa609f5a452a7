// SPDX-License-Identifier: Apache-2.0
// Naive tensor-level execution of a network: the values alone, from the network and nothing else.
// It never sees a Program and shares no arithmetic with the back ends, so that a fault of the
// lowering or of models/numerics shows as a difference.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "network/network.hpp"
#include "numerics/formats.hpp"
#include "numerics/k_mapping.hpp"

namespace tactus {

/// What of an architecture can change values: the accumulator, and where it is applied.
struct RefOptions {
  int acc_bits = 32;  ///< 2..62
  Overflow overflow = Overflow::wrap;
  /// Per layer id: the K mapping that the lowering chose; absent or rows = 0: one exact sum.
  std::map<std::string, KMapping> k_mapping;
  /// Per linear layer id: the shape under which its flattened input is walked (y, x, c); absent =
  /// the shape of its input tensor. run_reference() adds those of set_linear_shapes().
  std::map<std::string, Shape> linear_shape;
};

/// Linear layers behind a flatten walk the tensor that it flattens, where nothing else is said.
void set_linear_shapes(const Network& network, RefOptions& options);

/// Outputs of all layers by id. `inputs` holds a tensor per network input; an entry with a layer's
/// id is what the consumers of that layer read in its place (feeding golden tensors). The network
/// has passed check_network. `overflows`, when given, receives the accumulator overflows of each
/// layer; the policy `error` counts and wraps like any other here. Throws BadInput for a missing
/// input, a wrong shape or a value outside its format.
[[nodiscard]] std::map<std::string, QTensor> run_reference(
    const Network& network, const std::map<std::string, QTensor>& inputs, const RefOptions& options,
    std::map<std::string, std::uint64_t>* overflows = nullptr);

}  // namespace tactus
