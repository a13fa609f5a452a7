// SPDX-License-Identifier: Apache-2.0
#include "lower/layer_weights.hpp"

#include <algorithm>
#include <limits>

namespace tactus::lower {

/// Counts for all M at once. Column after column is looked at in blocks of channels that stay in
/// the nearest cache; a block is done as soon as no further column of the tile can raise a count,
/// which in dense layers is after few of them. Elements of a block are in the order of the weights:
/// channel by channel, the taps of each together. A group's number stands at its first channel;
/// what stands at the other channels means nothing.
class KeptCounter {
 public:
  KeptCounter(const Layer& layer, const ConvShape& shape, std::int64_t array_cols, std::int64_t m)
      : shape_(shape),
        weight_(layer.weight.data()),
        zero_(layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[0]),
        taps_(shape.window.kernel_h * shape.window.kernel_w),
        inner_(shape.in_c / shape.groups),
        cols_(array_cols),
        m_(m),
        block_(std::max(m, block_weights / taps_ / m * m)) {
    const std::int64_t tiles = ceil_div(shape.out_c, array_cols);
    for (std::int64_t size = 1; size <= m; size *= 2) {
      counts_.push_back({tiles, taps_, ceil_div(shape.in_c, size)});
      most_.emplace_back(at(block_ * taps_));
    }
    // Channels behind a block have no weights.
    for (auto& own : own_) own.assign(at((block_ + m) * taps_), 0);
    limit_.resize(at(block_ * taps_));
  }

  std::vector<KeptCounts> run() {
    const std::int64_t per_group = shape_.out_c / shape_.groups;
    for (std::int64_t n = 0; n < shape_.out_c;) {
      const std::int64_t tile = n / cols_;
      const std::int64_t end =
          std::min(std::min((tile + 1) * cols_, shape_.out_c), (n / per_group + 1) * per_group);
      count_columns(tile, n, end, n / per_group * inner_);
      n = end;
    }
    for (KeptCounts& counts : counts_) {
      std::uint8_t least = std::numeric_limits<std::uint8_t>::max(), most = 0;
      for (const std::uint8_t count : counts.counts_) {
        least = std::min(least, count);
        most = std::max(most, count);
      }
      counts.least_ = least;
      counts.most_ = most;
    }
    return std::move(counts_);
  }

 private:
  static constexpr std::int64_t block_weights = 512;

  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  /// Columns [first, end) of a tile, all of which read the `inner_` channels from c0 on.
  void count_columns(std::int64_t tile, std::int64_t first, std::int64_t end, std::int64_t c0) {
    const std::int64_t last = c0 + inner_;
    for (std::int64_t c = c0 / m_ * m_; c < last; c += block_) {
      const std::int64_t channels = std::min(block_, last - c);
      count_block(first, end, c, channels, std::max<std::int64_t>(c0 - c, 0), c0);
      for (std::size_t k = 0; k < counts_.size(); ++k) {
        raise(counts_[k], most_[k].data(), std::int64_t{1} << k, tile, c, channels);
      }
    }
  }

  /// Fills `most_` for channels [c, c + channels), the first `lead` of which the columns do not
  /// read; c is a multiple of M.
  void count_block(std::int64_t first, std::int64_t end, std::int64_t c, std::int64_t channels,
                   std::int64_t lead, std::int64_t c0) {
    const std::int64_t size = channels * taps_, before = lead * taps_;
    for (auto& most : most_) std::fill_n(most.begin(), size, std::uint8_t{0});
    std::fill_n(own_[0].begin() + size, m_ * taps_, std::uint8_t{0});
    std::fill_n(own_[1].begin() + size, m_ * taps_, std::uint8_t{0});
    set_limits(channels, lead);
    for (std::int64_t n = first; n < end; ++n) {
      std::fill_n(own_[0].begin(), before, std::uint8_t{0});
      mark_kept(weight_ + (n * inner_ + c + lead - c0) * taps_, size - before,
                own_[0].data() + before);
      raise_to(own_[0].data(), size, most_[0].data());
      std::size_t from = 0;
      for (std::size_t k = 1; k < most_.size(); ++k, from ^= 1) {
        const std::int64_t half = (std::int64_t{1} << (k - 1)) * taps_;
        add_halves(own_[from].data(), own_[from].data() + half, size, own_[from ^ 1].data(),
                   most_[k].data());
      }
      if (!below(most_.back().data(), limit_.data(), size)) return;
    }
  }

  /// Most that a column can have in each of the largest groups. Who has that has as many in all
  /// groups that these consist of as well.
  void set_limits(std::int64_t channels, std::int64_t lead) {
    std::fill_n(limit_.begin(), channels * taps_, std::uint8_t{0});
    for (std::int64_t c = 0; c < channels; c += m_) {
      const std::int64_t most = std::min(c + m_, channels) - std::max(c, lead);
      std::fill_n(limit_.begin() + c * taps_, taps_, static_cast<std::uint8_t>(most));
    }
  }

  void mark_kept(const std::int16_t* weight, std::int64_t size, std::uint8_t* kept) const {
    const auto zero = static_cast<std::int16_t>(zero_);
    if (zero != zero_) {
      std::fill_n(kept, size, std::uint8_t{1});
      return;
    }
    for (std::int64_t i = 0; i < size; ++i) kept[i] = weight[i] != zero ? 1 : 0;
  }

  static void raise_to(const std::uint8_t* own, std::int64_t size, std::uint8_t* most) {
    for (std::int64_t i = 0; i < size; ++i) most[i] = std::max(most[i], own[i]);
  }

  static void add_halves(const std::uint8_t* a, const std::uint8_t* b, std::int64_t size,
                         std::uint8_t* __restrict sum, std::uint8_t* __restrict most) {
    for (std::int64_t i = 0; i < size; ++i) {
      const auto both = static_cast<std::uint8_t>(a[i] + b[i]);
      sum[i] = both;
      most[i] = std::max(most[i], both);
    }
  }

  static bool below(const std::uint8_t* most, const std::uint8_t* limit, std::int64_t size) {
    std::uint8_t any = 0;
    for (std::int64_t i = 0; i < size; ++i) any |= most[i] < limit[i] ? 1 : 0;
    return any != 0;
  }

  /// Raises the counts of groups of `size` channels to those of a block that begins with channel c.
  void raise(KeptCounts& counts, const std::uint8_t* most, std::int64_t size, std::int64_t tile,
             std::int64_t c, std::int64_t channels) const {
    const std::int64_t groups = ceil_div(channels, size);
    for (std::int64_t tap = 0; tap < taps_; ++tap) {
      std::uint8_t* to = counts.counts_.data() + (tile * taps_ + tap) * counts.groups_ + c / size;
      const std::uint8_t* from = most + tap;
      for (std::int64_t g = 0; g < groups; ++g) to[g] = std::max(to[g], from[g * size * taps_]);
    }
  }

  const ConvShape& shape_;
  const std::int16_t* weight_;
  std::int64_t zero_, taps_, inner_, cols_;
  std::int64_t m_;      ///< largest M
  std::int64_t block_;  ///< channels of a block, a multiple of M
  std::vector<KeptCounts> counts_;
  std::vector<std::vector<std::uint8_t>> most_;  ///< of a block, for M = 1, 2, 4, 8
  std::vector<std::uint8_t> own_[2];             ///< of one column, for two M in turns
  std::vector<std::uint8_t> limit_;
};

LayerWeights::LayerWeights(const Layer& layer, const ConvShape& shape, const ArchConfig& config)
    : in_channels_(shape.in_c),
      counts_(KeptCounter(layer, shape, config.hw_array_cols,
                          std::max<std::int64_t>(config.hw_edge_words, 1))
                  .run()) {}

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
