// SPDX-License-Identifier: Apache-2.0
// Weight and index rows, read back field by field as models/README.md describes them, give the
// weights of the layer at the place of every K unit.
#include <doctest/doctest.h>

#include <map>
#include <tuple>

#include "../support/lower_network.hpp"
#include "lower/conv_variants.hpp"
#include "lower/weight_layout.hpp"

namespace tactus::lower {
namespace {

using testing::WeightOf;

using Tap = std::tuple<std::int64_t, std::int64_t, std::int64_t>;  // channel, ky, kx

/// Bits [bit, bit + count) of a column's word in a row of words of `word` bytes.
std::int64_t bits_of(const std::vector<std::uint8_t>& rows, std::int64_t row_bytes,
                     std::int64_t row, std::int64_t column, std::int64_t word, std::int64_t bit,
                     std::int64_t count) {
  std::int64_t out = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t at = (row * row_bytes + column * word) * 8 + bit + i;
    out |= std::int64_t{rows[static_cast<std::size_t>(at / 8)] >> (at % 8) & 1} << i;
  }
  return out;
}

/// Non-zero weights that column j multiplies, by absolute input channel and tap of the array.
std::map<Tap, std::int64_t> weights_of_column(const ConvPlan& plan, const ColumnTile& tile,
                                              const WeightRows& rows, std::int64_t j) {
  const Operands& o = plan.operands;
  const std::int64_t W = o.word_bits, a = o.act_carrier, w = o.wgt_carrier;
  const std::int64_t L = W / std::max(a, w), M = o.candidates, QP = plan.operands.bundle * (W / a);
  const std::int64_t S = QP / (L * M), V = W / (L * w);
  const std::int64_t x = M == 2 ? 1 : M == 4 ? 2 : 4;
  std::map<Tap, std::int64_t> out;
  std::int64_t unit = 0;
  for (std::int64_t ky = 0; ky < plan.window.kernel_h; ++ky) {
    for (std::int64_t kx = 0; kx < plan.window.kernel_w; ++kx) {
      for (std::int64_t slot = 0; slot < plan.slots; ++slot) {
        for (std::int64_t s = 0; s < S; ++s) {
          for (std::int64_t n = 0; n < o.kept; ++n) {
            for (std::int64_t phase = 0; phase < plan.group; ++phase, ++unit) {
              for (std::int64_t l = 0; l < L; ++l) {
                std::int64_t value = bits_of(rows.values, rows.row_bytes, unit / V, j, W / 8,
                                             (unit % V * L + l) * w, w);
                if (o.wgt_bipolar) {
                  value = 2 * value - 1;
                } else if (value >> (w - 1) != 0) {
                  value -= std::int64_t{1} << w;
                }
                std::int64_t candidate = 0;
                if (M > 1) {
                  const std::int64_t X = W / (L * x);
                  candidate = bits_of(rows.indices, rows.row_bytes, unit / X, j, W / 8,
                                      (unit % X * L + l) * x, x);
                  CHECK(candidate < M);
                }
                if (value == 0) continue;
                const std::int64_t channel =
                    tile.c0 + (slot * plan.group + phase) * QP + s * L * M + l * M + candidate;
                out[{channel, ky, kx}] += value;
              }
            }
          }
        }
      }
    }
  }
  return out;
}

/// A plan with everything that the weight layout reads, put together by hand.
ConvPlan plan_with(const Network& network, std::int64_t act, std::int64_t weight, bool bipolar,
                   std::int64_t bundle, std::int64_t m, std::int64_t n, std::int64_t group,
                   std::int64_t phases, std::int64_t channels) {
  const Layer& layer = network.layers[0];
  ConvPlan plan;
  plan.shape.in_c = layer.in_shape.c;
  plan.shape.in_h = layer.in_shape.h;
  plan.shape.in_w = layer.in_shape.w;
  plan.shape.out_c = layer.out_shape.c;
  plan.shape.out_h = layer.out_shape.h;
  plan.shape.out_w = layer.out_shape.w;
  plan.shape.groups = layer.groups;
  plan.shape.window.kernel_h = layer.kernel_h;
  plan.shape.window.kernel_w = layer.kernel_w;
  plan.shape.window.stride_h = layer.stride_h;
  plan.shape.in.carrier = act;
  plan.shape.in.pack = 8 / act;
  plan.shape.in.bundle = bundle;
  plan.operands = {8, act, weight, weight, true, bipolar, bundle, m, n};
  plan.line_phases = phases;
  plan.column_channels = channels;
  plan.window = phased(plan.shape.window, phases);
  plan.columns = column_tiles(plan.shape, {plan.operands, false, phases, channels});
  std::int64_t planes = 0;
  for (const auto& tile : plan.columns) {
    planes = std::max(planes, plan.shape.in.planes(tile.channels));
  }
  plan.group = group;
  plan.slots = ceil_div(planes, group);
  plan.k_rows = group * plan.slots * plan.operands.windows() * n * plan.window.kernel_h *
                plan.window.kernel_w;
  for (auto& tile : plan.columns) {
    tile.stored = plan.k_rows;
    tile.runs = {{0, plan.k_rows, 0}};
  }
  return plan;
}

void check_weights(const Network& network, const ConvPlan& plan) {
  const Layer& layer = network.layers[0];
  const std::int64_t in = layer.in_channels_per_group, k = layer.kernel_h;
  const std::int64_t out_per_group = layer.out_channels / layer.groups;
  for (const ColumnTile& tile : plan.columns) {
    const WeightRows rows = pack_weights(layer, plan, tile, 8);
    for (std::int64_t j = 0; j < tile.cols; ++j) {
      std::map<Tap, std::int64_t> expected;
      const std::int64_t n = tile.n0 + j % plan.column_channels;
      const std::int64_t down = j / plan.column_channels * layer.stride_h;
      const bool used = j % plan.column_channels < tile.outputs;
      for (std::int64_t i = 0; used && i < in * k * k; ++i) {
        const std::int64_t value = layer.weight[static_cast<std::size_t>(n * in * k * k + i)];
        if (value == 0) continue;
        const std::int64_t channel = n / out_per_group * in + i / (k * k);
        expected[{channel, i / k % k + down, i % k}] = value;
      }
      CHECK(weights_of_column(plan, tile, rows, j) == expected);
    }
  }
}

TEST_CASE("lower: dense weight rows of every pair of carriers") {
  for (const int act : {8, 4, 2, 1}) {
    for (const int weight : {8, 4, 2}) {
      CAPTURE(act);
      CAPTURE(weight);
      const Network net =
          testing::one_conv(20, 4, 4, 18, 3, act, weight, testing::random_weights(weight));
      check_weights(net, plan_with(net, act, weight, false, 1, 1, 1, 1, 1, 16));
      check_weights(net, plan_with(net, act, weight, false, 2, 1, 1, 2, 1, 16));
    }
  }
}

TEST_CASE("lower: rows of weights of -1 and +1") {
  const WeightOf sign = [](std::int64_t n, std::int64_t c, std::int64_t ky, std::int64_t kx) {
    return (n * 3 + c * 5 + ky + kx * 7) % 3 == 0 ? 1 : -1;
  };
  const Network net = testing::one_conv(16, 4, 4, 5, 3, 1, 1, sign);
  check_weights(net, plan_with(net, 1, 1, true, 1, 1, 1, 2, 1, 16));
  check_weights(net, plan_with(net, 8, 1, true, 1, 1, 1, 4, 1, 16));
}

TEST_CASE("lower: value and index rows of N:M weights") {
  const Network half = testing::one_conv(22, 4, 4, 18, 3, 8, 8, testing::nm_weights(2, 4));
  check_weights(half, plan_with(half, 8, 8, false, 4, 4, 2, 2, 1, 16));
  check_weights(half, plan_with(half, 8, 4, false, 8, 4, 2, 1, 1, 16));
  const Network narrow = testing::one_conv(40, 4, 4, 18, 3, 2, 2, testing::nm_weights(2, 4));
  check_weights(narrow, plan_with(narrow, 2, 2, false, 4, 4, 2, 2, 1, 16));
  const Network eighth = testing::one_conv(40, 4, 4, 18, 1, 8, 8, testing::nm_weights(3, 8));
  check_weights(eighth, plan_with(eighth, 8, 8, false, 8, 8, 3, 4, 1, 16));
  const Network pair = testing::one_conv(10, 4, 4, 3, 3, 4, 4, testing::nm_weights(1, 2));
  check_weights(pair, plan_with(pair, 4, 4, false, 2, 2, 1, 1, 1, 16));
}

TEST_CASE("lower: depthwise columns hold their taps at their line phase") {
  for (const int stride : {1, 2}) {
    const Network net =
        testing::one_conv(10, 8, 8, 10, 3, 8, 8, testing::random_weights(8), 10, stride);
    check_weights(net, plan_with(net, 8, 8, false, 4, 4, 1, 1, 3, 4));
    check_weights(net, plan_with(net, 8, 8, false, 4, 2, 1, 1, 2, 8));
    check_weights(net, plan_with(net, 8, 8, false, 1, 1, 1, 1, 6, 1));
  }
}

TEST_CASE("lower: grouped convolutions whose groups cross planes") {
  const Network net = testing::one_conv(12, 6, 6, 8, 3, 4, 4, testing::random_weights(4), 4);
  check_weights(net, plan_with(net, 4, 4, false, 2, 1, 1, 2, 1, 4));
}

}  // namespace
}  // namespace tactus::lower
