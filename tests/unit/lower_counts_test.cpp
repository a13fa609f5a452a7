// SPDX-License-Identifier: Apache-2.0
// Numbers of kept weights against a count of each group on its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>

#include "lower/layer_weights.hpp"

namespace tactus::lower {
namespace {

struct Case {
  int in_c = 0, out_c = 0, kernel_h = 1, kernel_w = 1, groups = 1, cols = 1, edge_words = 1;
};

/// Weights of which each is kept with the probability `kept`, or all but those outside a pattern
/// of n in every m channels.
void fill(Layer& layer, const Case& c, double kept, int n, int m, std::int64_t zero,
          std::mt19937& random) {
  layer.weight_zero_point = {zero};
  if (zero == 0 && random() % 2 == 0) layer.weight_zero_point.clear();
  const int inner = c.in_c / c.groups, taps = c.kernel_h * c.kernel_w;
  for (int o = 0; o < c.out_c; ++o) {
    for (int i = 0; i < inner; ++i) {
      for (int t = 0; t < taps; ++t) {
        bool keep = std::bernoulli_distribution(kept)(random);
        if (m > 0) keep = (i % m + o + t) % m < n;
        const auto other = static_cast<std::int64_t>(random() % 100) + 1;
        layer.weight.push_back(static_cast<std::int16_t>(keep ? zero + other : zero));
      }
    }
  }
}

/// The largest number of kept weights that a column of the tile has in a group.
std::int64_t count(const Layer& layer, const Case& c, int tile, int tap, int group, int m) {
  const std::int64_t zero = layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[0];
  const int inner = c.in_c / c.groups, taps = c.kernel_h * c.kernel_w;
  int most = 0;
  for (int o = tile * c.cols; o < std::min((tile + 1) * c.cols, c.out_c); ++o) {
    const int c0 = o / (c.out_c / c.groups) * inner;
    int own = 0;
    for (int i = 0; i < inner; ++i) {
      if ((c0 + i) / m != group) continue;
      own += layer.weight[static_cast<std::size_t>((o * inner + i) * taps + tap)] != zero ? 1 : 0;
    }
    most = std::max(most, own);
  }
  return most;
}

void compare(const Layer& layer, const Case& c) {
  ConvShape shape;
  shape.in_c = c.in_c;
  shape.out_c = c.out_c;
  shape.groups = c.groups;
  shape.window.kernel_h = c.kernel_h;
  shape.window.kernel_w = c.kernel_w;
  ArchConfig config;
  config.hw_array_cols = c.cols;
  config.hw_edge_words = c.edge_words;
  const LayerWeights weights(layer, shape, config);
  for (int m = 1; m <= c.edge_words; m *= 2) {
    const KeptCounts& counts = weights.counts(m);
    std::int64_t least = 255, most = 0, wrong = 0;
    for (int tile = 0; tile * c.cols < c.out_c; ++tile) {
      for (int tap = 0; tap < c.kernel_h * c.kernel_w; ++tap) {
        for (int group = 0; group * m < c.in_c; ++group) {
          const std::int64_t expected = count(layer, c, tile, tap, group, m);
          wrong += counts.at(tile, tap, group) == expected ? 0 : 1;
          least = std::min(least, expected);
          most = std::max(most, expected);
        }
      }
    }
    CAPTURE(m);
    CHECK(wrong == 0);
    CHECK(counts.least() == least);
    CHECK(counts.most() == most);
    CHECK(weights.kept(m) == std::max<std::int64_t>(most, 1));
  }
}

TEST_CASE("kept counts: random layers, dense, sparse, N:M, grouped and depthwise") {
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 400; ++round) {
    Case c;
    c.kernel_h = 1 + below(4);
    c.kernel_w = 1 + below(4);
    c.cols = std::array<int, 6>{1, 2, 3, 8, 16, 64}[static_cast<std::size_t>(below(6))];
    c.edge_words = 1 << below(4);
    c.groups = below(3) == 0 ? 1 + below(12) : 1;
    c.in_c = c.groups * (1 + below(c.groups > 1 ? 9 : 90));
    c.out_c = c.groups * (1 + below(c.groups > 1 ? 6 : 50));
    if (below(6) == 0) c.in_c = c.out_c = c.groups = 1 + below(70);  // depthwise
    // A linear layer after pooling: taps fill more than a block.
    if (below(20) == 0) {
      c = {3 + below(12), 1 + below(20), 17, 33, 1, 8, 1 << below(4)};
    }
    Layer layer;
    const double kept =
        std::array<double, 6>{0.0, 0.02, 0.3, 0.9, 0.99, 1.0}[static_cast<std::size_t>(below(6))];
    const int m = below(3) == 0 ? 1 << (1 + below(3)) : 0;
    const int n = m > 0 ? 1 + below(m) : 0;
    fill(layer, c, kept, n, m, below(3) == 0 ? below(21) - 10 : 0, random);
    CAPTURE(round);
    CAPTURE(c.in_c);
    CAPTURE(c.out_c);
    CAPTURE(c.groups);
    CAPTURE(c.kernel_h * c.kernel_w);
    compare(layer, c);
  }
}

TEST_CASE("kept counts: one weight of a dense layer is missing in every column of a tile") {
  const Case c{300, 40, 3, 3, 1, 16, 8};
  Layer layer;
  std::mt19937 random(3);
  fill(layer, c, 1.0, 0, 0, 0, random);
  for (int o = 16; o < 32; ++o) layer.weight[static_cast<std::size_t>((o * 300 + 299) * 9 + 4)] = 0;
  compare(layer, c);
  ConvShape shape;
  shape.in_c = 300;
  shape.out_c = 40;
  shape.window.kernel_h = shape.window.kernel_w = 3;
  ArchConfig config;
  config.hw_array_cols = 16;
  config.hw_edge_words = 8;
  const LayerWeights weights(layer, shape, config);
  CHECK(weights.counts(8).at(1, 4, 37) == 3);  // channels 296 to 299 without the last one
  CHECK(weights.counts(8).at(1, 4, 36) == 8);
  CHECK(weights.counts(8).at(0, 4, 37) == 4);
  CHECK(weights.counts(1).at(1, 4, 299) == 0);
}

}  // namespace
}  // namespace tactus::lower
