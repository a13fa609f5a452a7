// SPDX-License-Identifier: Apache-2.0
#include "lower/layer_weights.hpp"

#include <algorithm>

namespace tactus::lower {

KeptCounts::KeptCounts(const Layer& layer, const ConvShape& shape, std::int64_t array_cols,
                       std::int64_t candidates)
    : taps_(shape.window.kernel_h * shape.window.kernel_w),
      groups_(ceil_div(shape.in_c, candidates)) {
  const std::int64_t tiles = ceil_div(shape.out_c, array_cols);
  counts_.assign(static_cast<std::size_t>(tiles * taps_ * groups_), 0);
  const std::int64_t in_per_group = shape.in_c / shape.groups;
  const std::int64_t out_per_group = shape.out_c / shape.groups;
  const std::int64_t zero = layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[0];
  std::vector<std::uint8_t> own(static_cast<std::size_t>(taps_));
  const std::int16_t* weight = layer.weight.data();
  for (std::int64_t n = 0; n < shape.out_c; ++n) {
    const std::int64_t c0 = n / out_per_group * in_per_group;
    std::uint8_t* tile = counts_.data() + n / array_cols * taps_ * groups_;
    for (std::int64_t c = c0; c < c0 + in_per_group; ++c) {
      for (std::int64_t tap = 0; tap < taps_; ++tap) {
        if (*weight++ != zero) ++own[static_cast<std::size_t>(tap)];
      }
      if ((c + 1) % candidates != 0 && c + 1 < c0 + in_per_group) continue;
      for (std::int64_t tap = 0; tap < taps_; ++tap) {
        std::uint8_t& most = tile[tap * groups_ + c / candidates];
        most = std::max(most, own[static_cast<std::size_t>(tap)]);
        own[static_cast<std::size_t>(tap)] = 0;
      }
    }
  }
  const auto [low, high] = std::minmax_element(counts_.begin(), counts_.end());
  least_ = *low;
  most_ = *high;
}

LayerWeights::LayerWeights(const Layer& layer, const ConvShape& shape, const ArchConfig& config)
    : in_channels_(shape.in_c) {
  for (std::int64_t m = 1; m <= std::max<std::int64_t>(config.hw_edge_words, 1); m *= 2) {
    counts_.emplace_back(layer, shape, config.hw_array_cols, m);
  }
}

std::int64_t LayerWeights::kept(std::int64_t candidates) const {
  return std::max<std::int64_t>(counts(candidates).most(), 1);
}

bool LayerWeights::has_pattern() const {
  for (std::size_t i = 1; i < counts_.size(); ++i) {
    const std::int64_t candidates = std::int64_t{1} << i;
    if (candidates <= in_channels_ && counts_[i].most() < candidates) return true;
  }
  return false;
}

}  // namespace tactus::lower
