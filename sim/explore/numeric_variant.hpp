// SPDX-License-Identifier: Apache-2.0
// Which architectures compute the same values for one network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "network/network.hpp"
#include "numerics/k_mapping.hpp"

namespace tactus {

class NumericVariants {
 public:
  /// Keeps a reference to the network. The weights are looked at when somebody asks.
  explicit NumericVariants(const Network& network) : network_(network) {}

  /// Whether no accumulator of any layer can leave `acc_bits`, whatever the inputs are and however
  /// the sums are ordered: then neither width, policy nor order matter.
  [[nodiscard]] bool exact(std::int64_t acc_bits) const;

  /// Part of PointTimer::numeric_key that does not look at the program: "exact", or width and
  /// policy. `needs_order` says whether the order of K matters as well.
  struct Short {
    std::string text;
    bool needs_order = false;
  };
  [[nodiscard]] Short short_key(const ArchConfig& config) const;

  /// Order of K of layer `index`, empty where no order can make a difference at `acc_bits`.
  [[nodiscard]] std::string order_of(std::size_t index, const KMapping& map,
                                     std::int64_t acc_bits) const;

 private:
  /// By layer: width that is enough for its accumulators; 0 without.
  [[nodiscard]] const std::vector<int>& bits() const;

  const Network& network_;
  mutable std::vector<int> bits_;  ///< empty until needed
};

}  // namespace tactus
