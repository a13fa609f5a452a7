// SPDX-License-Identifier: Apache-2.0
// Channels that cannot make a difference are left out of the program.
#include <doctest/doctest.h>

#include "../support/lower_network.hpp"
#include "lower/lower.hpp"
#include "lower/prune_channels.hpp"
#include "program/validator.hpp"

namespace tactus {
namespace {

using namespace testing;

/// 8 -> 16 -> 8 channels; filters of odd numbers in the first layer have no weights.
Network half_pruned() {
  const auto odd_zero = [](std::int64_t n, std::int64_t c, std::int64_t ky, std::int64_t kx) {
    return n % 2 == 1 ? 0 : 1 + (n + c + ky + kx) % 5;
  };
  Network net = one_conv(8, 10, 10, 16, 3, 8, 8, odd_zero);
  Layer second = one_conv(16, 8, 8, 8, 3, 8, 8, random_weights(8)).layers[0];
  second.id = "001_next";
  second.inputs = {"000_conv"};
  net.layers.push_back(second);
  net.outputs = {"001_next"};
  check_network(net);
  return net;
}

/// Channels that are left of the first layer's result; -1: all.
std::int64_t left_of(const Network& net, const ArchConfig& config) {
  const auto pruned = lower::prune_channels(net, config);
  const auto it = pruned.tensors.find("000_conv");
  CHECK((&pruned.of(net) == &net) == pruned.tensors.empty());
  return it == pruned.tensors.end() ? -1 : static_cast<std::int64_t>(it->second.channels.size());
}

TEST_CASE("prune: filters without weights vanish from both layers") {
  const Network net = half_pruned();
  ArchConfig config = preset("edge_16");
  const auto pruned = lower::prune_channels(net, config);
  CHECK(pruned.tensors.at("000_conv").channels == std::vector<int>{0, 2, 4, 6, 8, 10, 12, 14});
  CHECK(pruned.tensors.at("000_conv").value == 0);
  const Layer& next = pruned.network.layers[1];
  CHECK(next.in_channels_per_group == 8);
  // Output 3, channel 1 of 8 (2 of 16), tap (2, 0).
  CHECK(next.weight[((3 * 8 + 1) * 3 + 2) * 3] == net.layers[1].weight[((3 * 16 + 2) * 3 + 2) * 3]);
  set(config, "map.residency", "false");
  const Program program = lower_network(net, config);
  validate_program(program, config);
  CHECK(program.layers[1].macs == 8 * 36 * 16 * 9);
  CHECK(program.layers[1].macs_executed == 8 * 36 * 8 * 9);
  const TensorPlace* place = program.find_tensor("000_conv");
  REQUIRE(place != nullptr);
  CHECK(place->c == 8);
  // Channel 3 was never computed: it reads as the value that it always has.
  std::vector<std::uint8_t> memory(program.image.size(), 0x55);
  const QTensor read = read_tensor(program, net, memory, "000_conv");
  CHECK(read.shape.c == 16);
  CHECK(read.data[3 * 64] == 0);
  CHECK(read.data[4 * 64] == 0x55);
}

TEST_CASE("prune: channels that no reader uses vanish, their tensor is not to be seen") {
  Network net = half_pruned();
  net.layers[0].weight = one_conv(8, 10, 10, 16, 3, 8, 8, random_weights(8)).layers[0].weight;
  for (std::size_t i = 0; i < net.layers[1].weight.size(); ++i) {
    if (i / 9 % 16 >= 12) net.layers[1].weight[i] = 0;
  }
  const Program program = lower_network(net, preset("edge_16"));
  CHECK(left_of(net, preset("edge_16")) == 12);
  CHECK_FALSE(program.find_tensor("000_conv")->in_memory);
}

TEST_CASE("prune: what makes a difference stays") {
  const ArchConfig config = preset("edge_16");
  CHECK(left_of(half_pruned(), config) == 8);
  Network seen = half_pruned();
  seen.outputs = {"000_conv", "001_next"};
  CHECK(left_of(seen, config) == -1);
  Network biased = half_pruned();
  biased.layers[0].bias.assign(16, 0);
  biased.layers[0].bias[1] = 8;  // half of 2^4: rounds up to 1
  CHECK(left_of(biased, config) == 9);
  biased.layers[0].bias[1] = -8;  // the result is clamped to 0, which is the zero point
  CHECK(left_of(biased, config) == 8);
  biased.layers[0].requant.clamp_min = 0;
  biased.layers[0].out_format.zero_point = 3;
  CHECK(left_of(biased, config) == 9);
  biased.layers[0].requant.clamp_min = 3;
  CHECK(left_of(biased, config) == 8);
  Network pattern = half_pruned();
  pattern.layers[1].sparsity = "16:16";
  CHECK(left_of(pattern, config) == -1);
  Network shown = half_pruned();
  Layer clamp;
  clamp.id = "002_clamp";
  clamp.op = LayerOp::clamp;
  clamp.inputs = {"000_conv"};
  clamp.out_format = shown.layers[0].out_format;
  clamp.requant.clamp_max = 3;
  shown.layers.push_back(clamp);
  shown.outputs.push_back("002_clamp");
  check_network(shown);
  CHECK(left_of(shown, config) == -1);
  // 16 channels x 9 taps x 127 x 255 does not fit 20 bits: the order of K matters.
  ArchConfig narrow = preset("edge_16");
  set(narrow, "hw.acc_bits", "20");
  CHECK(left_of(half_pruned(), narrow) == -1);
}

TEST_CASE("prune: channels are sorted where that makes folds without weights") {
  // 64 channels; the second layer's two column tiles of 16 use the even and the odd ones.
  Network net = one_conv(8, 10, 10, 64, 3, 4, 4, random_weights(4));
  const auto split = [](std::int64_t n, std::int64_t c, std::int64_t, std::int64_t) {
    return (n / 16 + c) % 2 == 0 ? 1 + c % 3 : 0;
  };
  Layer second = one_conv(64, 8, 8, 32, 3, 4, 4, split).layers[0];
  second.id = "001_next";
  second.inputs = {"000_conv"};
  net.layers.push_back(second);
  net.outputs = {"001_next"};
  check_network(net);
  const auto pruned = lower::prune_channels(net, preset("edge_16"));
  const auto& order = pruned.tensors.at("000_conv").channels;
  REQUIRE(order.size() == 64);
  for (std::size_t i = 0; i < 32; ++i) CHECK(order[i] % 2 == order[0] % 2);
  const Program program = lower_network(net, preset("edge_16"));
  validate_program(program, preset("edge_16"));
  CHECK(program.layers[1].macs_executed == program.layers[1].macs / 2);
}

}  // namespace
}  // namespace tactus
