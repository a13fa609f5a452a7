// SPDX-License-Identifier: Apache-2.0
// Which weights of a layer are kept, that is, differ from the zero point.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "lower/conv_plan.hpp"
#include "network/network.hpp"

namespace tactus::lower {

/// Kept weights in groups of M consecutive input channels, for each tap and each column tile of
/// array_cols output channels: the largest number of any column of the tile.
class KeptCounts {
 public:
  [[nodiscard]] std::int64_t at(std::int64_t tile, std::int64_t tap, std::int64_t group) const {
    return group < groups_
               ? counts_[static_cast<std::size_t>((tile * taps_ + tap) * groups_ + group)]
               : 0;
  }
  /// Largest and smallest number of all groups.
  [[nodiscard]] std::int64_t most() const { return most_; }
  [[nodiscard]] std::int64_t least() const { return least_; }
  /// All counts of both are equal, for each tile, tap and group.
  [[nodiscard]] bool operator==(const KeptCounts& o) const {
    return taps_ == o.taps_ && groups_ == o.groups_ && counts_ == o.counts_;
  }

 private:
  friend class KeptCounter;
  KeptCounts(std::int64_t tiles, std::int64_t taps, std::int64_t groups)
      : taps_(taps), groups_(groups), counts_(static_cast<std::size_t>(tiles * taps * groups)) {}

  std::int64_t taps_, groups_, most_ = 0, least_ = 0;
  std::vector<std::uint8_t> counts_;
};

/// The weights of one layer as a plan needs to know them.
class LayerWeights {
 public:
  /// Shape: the sizes of the tensors; layouts do not matter. Of the configuration only
  /// hw.array_cols and hw.edge_words are read.
  LayerWeights(const Layer& layer, const ConvShape& shape, const ArchConfig& config);
  /// Counts for M = 1, and for 2, 4 and 8 as far as the array selects among so many.
  [[nodiscard]] const KeptCounts& counts(std::int64_t candidates) const {
    return counts_[static_cast<std::size_t>(candidates == 8   ? 3
                                            : candidates == 4 ? 2
                                            : candidates == 2 ? 1
                                                              : 0)];
  }
  /// N for M candidates: 1 or more; M where the weights have no such pattern.
  [[nodiscard]] std::int64_t kept(std::int64_t candidates) const;
  /// Some M, no larger than the number of input channels, has an N below M.
  [[nodiscard]] bool has_pattern() const;
  /// Nothing that can be asked tells a difference.
  [[nodiscard]] bool same(const LayerWeights& o) const {
    return in_channels_ == o.in_channels_ && counts_ == o.counts_;
  }

 private:
  std::int64_t in_channels_;
  std::vector<KeptCounts> counts_;
};

}  // namespace tactus::lower
