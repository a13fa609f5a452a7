// SPDX-License-Identifier: Apache-2.0
// Leaves channels out of a network that cannot make a difference to its outputs, and sorts channels
// so that column tiles find more folds without weights.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "network/network.hpp"

namespace tactus::lower {

/// What is left of a tensor.
struct LeftChannels {
  std::vector<int> channels;  ///< those that remain in order, by their number in the network
  std::optional<std::int32_t> value;  ///< of all others; empty where their values are not known
};

struct PrunedNetwork {
  Network network;                              ///< without layers when nothing was left out
  std::map<std::string, LeftChannels> tensors;  ///< by layer id; empty when nothing was left out
  /// What to lower instead of the network that prune_channels() was given.
  [[nodiscard]] const Network& of(const Network& original) const {
    return tensors.empty() ? original : network;
  }
};

/// A channel is left out of the result of a convolution or linear layer (groups 1) when all layers
/// that read it are such layers too, it is no network output, and either it always has the value
/// of its zero point (a filter without weights) or none of its readers has weights for it. The
/// products with it are 0 then. Because the others change their places in the order of K, the
/// readers' sums must be unable to overflow the accumulator. A declared N:M pattern of a reader
/// stays as it is. Under the same conditions the channels that remain are sorted by the column
/// tiles that use them.
[[nodiscard]] PrunedNetwork prune_channels(const Network& network, const ArchConfig& config);

}  // namespace tactus::lower
