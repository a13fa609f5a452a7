// SPDX-License-Identifier: Apache-2.0
// Input-stationary layers: what the program holds, what it computes, and what is refused.
#include <doctest/doctest.h>

#include "../support/lower_network.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "run/backends.hpp"

namespace tactus {
namespace {

using namespace testing;

ArchConfig flex(const char* name = "flex_4") {
  ArchConfig config = preset(name);
  set(config, "map.dataflow", "is");
  return config;
}

/// 3 x 2 weights: output 0 is x0 + 2 x1 - x2, output 1 is 3 x0 - 4 x1 + 2 x2.
std::int64_t example(std::int64_t n, std::int64_t c, std::int64_t, std::int64_t) {
  constexpr std::int64_t weights[2][3] = {{1, 2, -1}, {3, -4, 2}};
  return weights[n][c];
}

/// x0 = 1 2 3 4 5, x1 = 0 1 0 1 0, x2 = 2 2 2 2 2; h * w is 5.
QTensor example_input(const Network& net) {
  QTensor x;
  x.shape = net.inputs[0].shape;
  x.format = net.inputs[0].format;
  x.data = {1, 2, 3, 4, 5, 0, 1, 0, 1, 0, 2, 2, 2, 2, 2};
  return x;
}

std::vector<std::int32_t> computed(const Network& net, const ArchConfig& config) {
  const Program program = lower_network(net, config);
  validate_program(program, config);
  std::vector<std::uint8_t> memory = program.image;
  place_inputs(program, {{"x", example_input(net)}}, memory);
  const RunResult result = make_backend("fast")->run(program, config, memory, {});
  return read_tensor(program, net, result.memory, "000_conv").data;
}

std::string refusal(const Network& net, const ArchConfig& config) {
  try {
    static_cast<void>(lower_network(net, config));
  } catch (const BadInput& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST_CASE("input-stationary: a product of 5 x 3 activations and 3 x 2 weights") {
  for (const auto& [h, w] : {std::pair{1, 5}, std::pair{5, 1}}) {
    CAPTURE(h);
    Network net = one_conv(3, h, w, 2, 1, 8, 8, example);
    Layer& layer = net.layers[0];
    layer.requant = {};
    layer.out_format = Format{32, true, 0};
    layer.requant.clamp_min = layer.out_format.min();
    layer.requant.clamp_max = layer.out_format.max();
    CHECK(computed(net, flex()) == std::vector<std::int32_t>{-1, 2, 1, 4, 3, 7, 6, 13, 12, 19});
    // Stored weights and zero point 3 lower: the same operands.
    layer.weight_format = Format{8, true, -3};
    layer.weight_zero_point = {-3};
    for (auto& value : layer.weight) value = static_cast<std::int16_t>(value - 3);
    CHECK(computed(net, flex()) == std::vector<std::int32_t>{-1, 2, 1, 4, 3, 7, 6, 13, 12, 19});
  }
}

TEST_CASE("input-stationary: two operands of 4 bits in a word, and two results") {
  Network net = one_conv(3, 1, 5, 2, 1, 4, 4, example);
  net.layers[0].requant.shift = {0};
  // Clamped to 0..15.
  CHECK(computed(net, flex()) == std::vector<std::int32_t>{0, 2, 1, 4, 3, 7, 6, 13, 12, 15});
  const Program program = lower_network(net, flex());
  const auto compute = ops_of<ComputeOp>(program);
  REQUIRE(compute.size() == 2);  // 4 pixels, then 1
  CHECK(compute[0].cols == 4);
  CHECK(compute[1].cols == 1);
  for (const ComputeOp& op : compute) {
    CHECK(op.out_h * op.out_w == 2);
    CHECK(op.k_rows == 2);
    CHECK(op.act_pack == 1);
    CHECK(op.wgt_pack == 1);
    CHECK(op.act_signed == 1);
    CHECK(op.wgt_signed == 0);
    CHECK(op.dataflow == 0);
  }
  for (const StoreOp& op : ops_of<StoreOp>(program)) {
    CHECK(op.transposed == 1);
    CHECK(op.log2_pack == 1);
    CHECK(op.planes == 1);
    CHECK(op.channels == 2);
  }
  // Word n of a line is output n: channels 0 and 1 in unit 0, channel 2 and nothing in unit 1.
  for (const LoadOp& op : ops_of<LoadOp>(program)) {
    if (op.dest != static_cast<std::int64_t>(Dest::ifmap)) continue;
    const auto at = static_cast<std::size_t>(op.mem_addr);
    const auto next = at + static_cast<std::size_t>(op.plane_stride);
    CHECK(program.image[at] == 0x21);
    CHECK(program.image[at + 1] == 0xC3);
    CHECK(program.image[next] == 0x0F);
    CHECK(program.image[next + 1] == 0x02);
  }
}

TEST_CASE("input-stationary: wider weights share a row of activations, bipolar ones need lanes") {
  const auto first = [](const Network& net, const char* name) {
    return ops_of<ComputeOp>(lower_network(net, flex(name))).at(0);
  };
  // 4-bit activations, two to a row; 8-bit weights, one to a word: 5 channels are 5 units.
  const ComputeOp wide = first(one_conv(5, 1, 4, 3, 1, 4, 8, random_weights(8)), "flex_4");
  CHECK(wide.act_pack == 0);
  CHECK(wide.wgt_pack == 1);
  CHECK(wide.k_rows == 5);
  const auto signs = [](std::int64_t n, std::int64_t c, std::int64_t, std::int64_t) {
    return (n + c) % 2 == 0 ? std::int64_t{1} : std::int64_t{-1};
  };
  const ComputeOp whole = first(one_conv(8, 1, 4, 3, 1, 1, 1, signs), "flex_16");
  CHECK(whole.act_bipolar == 1);
  CHECK(whole.act_pack == 3);
  CHECK(whole.k_rows == 1);
  // A ninth channel leaves lanes without a weight.
  const ComputeOp padded = first(one_conv(9, 1, 4, 3, 1, 1, 1, signs), "flex_16");
  CHECK(padded.act_bipolar == 0);
  CHECK(padded.act_pack == 2);
  CHECK(padded.act_bits == 2);
  CHECK(padded.wgt_pack == 3);
  CHECK(padded.k_rows == 3);
}

TEST_CASE("input-stationary: small buffers cut channels and units") {
  ArchConfig config = flex();
  for (const char* key : {"buf.weight_kib", "buf.ifmap_kib", "buf.psum_kib", "buf.param_kib"}) {
    set(config, key, "1");
  }
  // 128 weight rows, 128 bytes in an ifmap bank, 32 psum entries, 16 parameter records.
  const Program program =
      lower_network(one_conv(200, 1, 4, 40, 1, 8, 8, random_weights(8)), config);
  validate_program(program, config);
  std::int64_t results = 0;
  for (const ComputeOp& op : ops_of<ComputeOp>(program)) {
    CHECK(op.out_w <= 32);
    CHECK(op.k_rows <= 128);
    CHECK((op.k_complete == 1 || op.k_rows % 4 == 0));
    if (op.k_complete == 1) results += op.cols * op.out_w;
  }
  CHECK(results == 4 * 40);
  for (const PostOp& op : ops_of<PostOp>(program)) CHECK(op.out_w <= 16);
}

TEST_CASE("input-stationary: lines that follow each other are one line") {
  const auto blocks = [](int h, int w) {
    return ops_of<StoreOp>(lower_network(one_conv(5, h, w, 3, 1, 8, 8, random_weights(8)), flex()))
        .size();
  };
  CHECK(blocks(3, 4) == 3);
  CHECK(blocks(2, 8) == 4);
  CHECK(blocks(3, 3) == 3);  // lines of 3 pixels are padded to a beat of 4 bytes
  CHECK(blocks(2, 6) == 4);
}

TEST_CASE("input-stationary: chosen where serial folds make it cheapest, on arrays with a choice") {
  // K 8, N 64, M 4 on 4 x 4: 2 folds of 64 + 12 cycles; output-stationary 16 folds of 8 + 12,
  // weight-stationary 32 folds of 4 + 12.
  const Network net = one_conv(8, 1, 4, 64, 1, 8, 8, random_weights(8));
  ArchConfig config = preset("flex_4");
  set(config, "hw.fold_overlap", "false");
  set(config, "map.objective", "compute");
  CHECK(lower_network(net, config).layers[0].mapping.find("input-stationary") != std::string::npos);
  set(config, "hw.dataflows", "ws");
  CHECK(lower_network(net, config).layers[0].mapping.find("weight-stationary") !=
        std::string::npos);
}

TEST_CASE("input-stationary: refusals name the layer and the value") {
  const std::string only =
      "layer 000_conv: map.dataflow=is runs 1x1 layers without stride, padding and groups only, ";
  const auto weights = random_weights(8);
  CHECK(refusal(one_conv(4, 8, 8, 4, 3, 8, 8, weights), flex()) == only + "its kernel is 3x3");
  CHECK(refusal(one_conv(4, 9, 9, 4, 1, 8, 8, weights, 1, 2), flex()) ==
        only + "its stride is 2x2");
  CHECK(refusal(one_conv(4, 8, 8, 4, 1, 8, 8, weights, 2), flex()) == only + "it has 2 groups");
  CHECK(refusal(one_conv(16, 4, 4, 4, 1, 8, 8, nm_weights(2, 4)), flex()) ==
        "layer 000_conv: map.dataflow=is runs weights dense, these are 2:4 "
        "(map.sparsity=dense permits it)");
  ArchConfig dense = flex();
  set(dense, "map.sparsity", "dense");
  CHECK(refusal(one_conv(16, 4, 4, 4, 1, 8, 8, nm_weights(2, 4)), dense) == "(accepted)");
}

}  // namespace
}  // namespace tactus
