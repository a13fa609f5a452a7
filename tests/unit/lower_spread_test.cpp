// SPDX-License-Identifier: Apache-2.0
// How transposed convolutions, moved pixels and other shapes become tile ops.
#include <doctest/doctest.h>

#include "../support/lower_network.hpp"
#include "../support/spread_network.hpp"
#include "lower/lower.hpp"
#include "lower/split_layers.hpp"
#include "program/validator.hpp"

namespace tactus {
namespace {

using namespace testing;

Layer transposed(int in, int out, int size, int kernel, int stride, int padding) {
  Layer l = layer_of("000_up", LayerOp::conv_transpose2d, {"x"}, Format{8, true, 0});
  l.kernel_h = l.kernel_w = kernel;
  l.stride_h = l.stride_w = stride;
  l.padding = {padding, padding, padding, padding};
  l.in_shape = {in, size, size};
  fill(l, out, in, kernel * kernel);
  for (auto& w : l.weight) w = w == 0 ? std::int16_t{1} : w;
  return l;
}

Network network_of(const Layer& layer) {
  Network n;
  n.name = "up";
  n.inputs = {{"x", layer.in_shape, Format{8, true, 0}, false, ""}};
  n.layers = {layer};
  n.outputs = {layer.id};
  check_network(n);
  return n;
}

/// Bytes between off-chip memory and the ofmap buffer.
template <class Op>
std::int64_t bytes_of(const Program& program, std::int64_t dest) {
  std::int64_t bytes = 0;
  for (const Op& op : ops_of<Op>(program)) {
    if constexpr (std::is_same_v<Op, LoadOp>) {
      if (op.dest != dest) continue;
    }
    bytes += op.planes * op.lines * op.line_bytes;
  }
  return bytes;
}

TEST_CASE("lower: the phases of a transposed convolution are channels of one convolution") {
  const Network n = network_of(transposed(3, 2, 5, 4, 2, 1));
  const Layer conv = lower::phases_of(n.layers[0]);
  CHECK(conv.op == LayerOp::conv2d);
  CHECK(conv.out_channels == 8);
  CHECK(conv.kernel_h == 2);
  // The squares begin one line above the result's 10: 6 of them.
  CHECK(conv.out_shape == Shape{8, 6, 6});
  CHECK(conv.padding == std::array<int, 4>{1, 1, 1, 1});
  // Phase (1, 0) of output 1 is channel 2 * 2 + 1; its rows are 1 and 3, from below 3 first.
  const auto weight = [](const Layer& l, int o, int i, int y, int x) {
    return l.weight[static_cast<std::size_t>(
        ((o * l.in_channels_per_group + i) * l.kernel_h + y) * l.kernel_w + x)];
  };
  CHECK(weight(conv, 5, 2, 0, 0) == weight(n.layers[0], 1, 2, 3, 2));
  CHECK(weight(conv, 5, 2, 1, 0) == weight(n.layers[0], 1, 2, 1, 2));
  CHECK(weight(conv, 5, 2, 1, 1) == weight(n.layers[0], 1, 2, 1, 0));
  CHECK(conv.bias[5] == n.layers[0].bias[1]);
}

TEST_CASE("lower: taps that a phase does not have take no K units") {
  // 3x3 with stride 2: phases of 4, 2, 2 and 1 of the 4 taps, 9 of 16. With 16 channels each
  // phase is a column tile of its own, and of 16 input channels each tap is a fold.
  const Network n = network_of(transposed(16, 16, 8, 3, 2, 0));
  ArchConfig config = preset("edge_16");
  config.map_dataflow = "ws";
  const Program program = lower_network(n, config);
  std::int64_t units = 0, tiles = 0;
  for (const ComputeOp& op : ops_of<ComputeOp>(program)) {
    units += op.k_rows;
    tiles += op.k_complete;
  }
  REQUIRE(tiles % 4 == 0);
  CHECK(units == tiles / 4 * 9 * 16);
  REQUIRE(program.layers.size() == 1);
  CHECK(program.layers[0].macs == std::int64_t{8} * 8 * 9 * 16 * 16);
}

TEST_CASE("lower: the program of a transposed convolution names the layer alone") {
  const Network n = network_of(transposed(3, 2, 5, 4, 2, 1));
  const ArchConfig config = preset("tiny_4");
  const Program program = lower_network(n, config);
  validate_program(program, config);
  CHECK(program.layers[0].id == "000_up");
  CHECK(program.layers[0].op == "conv_transpose2d");
  CHECK(program.layers[0].mapping.find("kernel 2x2 with 8 channels") != std::string::npos);
  for (const TileOp& op : program.ops) CHECK(op.layer == 0);
  CHECK(program.find_tensor("000_up.phases")->c == 8);
  CHECK(program.find_tensor("000_up")->in_memory);
}

TEST_CASE("lower: map keys of a transposed convolution are those of its id") {
  const Network n = network_of(transposed(16, 16, 8, 2, 2, 0));
  ArchConfig config = preset("flex_16");
  set(config, "map.000_up.dataflow", "os");
  const Program program = lower_network(n, config);
  CHECK(ops_of<ComputeOp>(program).at(0).dataflow == 1);
  config = preset("flex_16");
  set(config, "map.000_up.dataflow", "ws");
  CHECK(ops_of<ComputeOp>(lower_network(n, config)).at(0).dataflow == 0);
}

TEST_CASE("lower: moved pixels cost the bytes of the tensor in each direction") {
  for (const bool shuffle : {true, false}) {
    for (const int blocks : {0, 1}) {
      for (const int channels : {4, 64}) {
        CAPTURE(shuffle);
        CAPTURE(blocks);
        CAPTURE(channels);
        Layer l = layer_of("000_move", shuffle ? LayerOp::pixel_shuffle : LayerOp::space_to_depth,
                           {"x"}, Format{8, true, 0});
        l.stride_h = l.stride_w = 2;
        l.blocks = blocks;
        l.in_shape = {channels, 20, 32};
        const Program program = lower_network(network_of(l), preset("edge_16"));
        CHECK(bytes_of<LoadOp>(program, static_cast<std::int64_t>(Dest::ofmap)) ==
              l.in_shape.count());
        CHECK(bytes_of<StoreOp>(program, 0) == l.in_shape.count());
      }
    }
  }
}

TEST_CASE("lower: a reshape that keeps its lines, or has none with gaps, is the same memory") {
  const auto stores = [](Shape in, std::array<int, 3> to) {
    // A pool in front and behind, so that the program has work.
    Network n;
    n.name = "shape";
    const Format s8{8, true, 0};
    n.inputs = {{"x", in, s8, false, ""}};
    Layer first = layer_of("000_pool", LayerOp::maxpool, {"x"}, s8);
    Layer l = layer_of("001_shape", LayerOp::reshape, {"000_pool"}, s8);
    l.size = to;
    n.layers = {first, l};
    n.outputs = {"001_shape"};
    check_network(n);
    const Program program = lower_network(n, preset("edge_16"));
    std::int64_t count = 0;
    for (const TileOp& op : program.ops) {
      count += op.layer == 1 && std::holds_alternative<StoreOp>(op.body) ? 1 : 0;
    }
    return count;
  };
  CHECK(stores({6, 4, 5}, {3, 8, 5}) == 0);
  CHECK(stores({6, 4, 16}, {6, 1, 64}) == 0);
  CHECK(stores({6, 4, 16}, {8, 1, 48}) == 0);
  CHECK(stores({6, 4, 5}, {6, 1, 20}) > 0);
  CHECK(stores({6, 4, 16}, {6, 16, 4}) > 0);
}

}  // namespace
}  // namespace tactus
