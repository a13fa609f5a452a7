// SPDX-License-Identifier: Apache-2.0
// What the lowering chooses and emits: layouts of tensors, weights in their rows, folds left out.
#include "lower/lower.hpp"

#include <doctest/doctest.h>

#include "../support/lower_network.hpp"
#include "lower/operands.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"

namespace tactus {
namespace {

using namespace testing;

std::string refusal(const Network& network, const ArchConfig& config) {
  try {
    static_cast<void>(lower_network(network, config));
  } catch (const BadInput& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST_CASE("lower: the carrier is the next supported width, as far as the post lanes allow packs") {
  const auto pack_of = [](const char* name, int bits) {
    return lower::smallest_layout(Format{bits, true, 0}, preset(name)).pack;
  };
  // flex_16 has 16 post lanes, flex_4 has 4.
  CHECK(pack_of("flex_16", 8) == 1);
  CHECK(pack_of("flex_16", 5) == 1);
  CHECK(pack_of("flex_16", 4) == 2);
  CHECK(pack_of("flex_16", 3) == 2);
  CHECK(pack_of("flex_16", 2) == 4);
  CHECK(pack_of("flex_16", 1) == 8);
  CHECK(pack_of("flex_4", 1) == 4);
  CHECK(pack_of("flex_4_w16", 8) == 2);
  CHECK(pack_of("flex_4_w16", 4) == 4);
  CHECK(pack_of("flex_4_w16", 2) == 4);
  CHECK(pack_of("edge_16", 1) == 1);
  CHECK(lower::smallest_layout(Format{9, true, 0}, preset("flex_16")).word_bytes == 2);
  CHECK(lower::smallest_layout(Format{17, true, 0}, preset("flex_4_w16")).word_bytes == 4);
}

TEST_CASE("lower: words of a bundle hold consecutive channels") {
  Program program;
  TensorPlace place;
  place.name = "x";
  place.c = 5;
  place.h = 1;
  place.w = 2;
  place.pack = 2;
  place.bundle = 2;
  place.is_signed = true;
  place.in_memory = true;
  place.address = 3;
  place.plane_stride = 8;
  place.line_stride = 8;
  program.tensors.push_back(place);
  QTensor x;
  x.shape = {5, 1, 2};
  x.format = Format{4, true, 0};
  x.data = {1, 2, -1, 3, 4, -8, 7, 0, -2, 5};  // channel 0: 1, 2; channel 1: -1, 3; ...
  std::vector<std::uint8_t> memory(32, 0);
  place_inputs(program, {{"x", x}}, memory);
  // Pixel 0 of plane 0: word 0 has channels 0 (1) and 1 (-1), word 1 channels 2 (4) and 3 (7).
  CHECK(memory[3] == 0xF1);
  CHECK(memory[4] == 0x74);
  CHECK(memory[5] == 0x32);
  CHECK(memory[6] == 0x08);
  CHECK(memory[11] == 0x0E);
  CHECK(memory[12] == 0x00);
  CHECK(memory[13] == 0x05);
  Network network;
  network.inputs = {{"x", {5, 1, 2}, Format{4, true, 0}, false, ""}};
  CHECK(read_tensor(program, network, memory, "x").data == x.data);
}

TEST_CASE("lower: an activation tensor of 4 bits takes half the memory") {
  const Network network = one_conv(16, 8, 8, 16, 3, 4, 4, random_weights(4));
  const Program program = lower_network(network, preset("flex_16"));
  const TensorPlace* x = program.find_tensor("x");
  CHECK(x->pack == 2);
  CHECK(x->plane_stride == 64);  // 8 lines of one beat: 8 words
  const auto computes = ops_of<ComputeOp>(program);
  CHECK(computes[0].act_pack == 1);
  CHECK(computes[0].wgt_pack == 1);
  CHECK(units_of(program) == 16 / 2 * 9);
}

TEST_CASE("lower: N:M patterns are found in the weights") {
  const auto pattern = [](int n, int m, int act, int weight, const char* name) {
    Network network = one_conv(32, 30, 30, 16, 3, act, weight, nm_weights(n, m));
    network.layers[0].sparsity = "unstructured";
    const auto op = ops_of<ComputeOp>(lower_network(network, preset(name)))[0];
    return op.log2_m == 0 ? std::string("dense")
                          : std::to_string(op.nm_last + 1) + ":" + std::to_string(1 << op.log2_m);
  };
  CHECK(pattern(2, 4, 8, 8, "flex_16") == "2:4");
  CHECK(pattern(1, 4, 8, 8, "flex_16") == "1:4");
  CHECK(pattern(1, 8, 8, 8, "flex_16") == "1:4");  // hw.edge_words is 4
  CHECK(pattern(2, 4, 4, 4, "flex_16") == "2:4");
  CHECK(pattern(2, 4, 2, 2, "flex_16") == "2:4");  // as many bytes as dense, half the cycles
  CHECK(pattern(4, 4, 8, 8, "flex_16") == "dense");
  CHECK(pattern(2, 4, 8, 8, "edge_16") == "dense");
  CHECK(pattern(3, 4, 8, 2, "flex_16") == "dense");  // 3/4 (1 + 2/2) is more than dense
}

TEST_CASE("lower: the mapping says why a pattern is not used") {
  const Network network = one_conv(32, 8, 8, 16, 3, 8, 2, nm_weights(3, 4));
  const Program program = lower_network(network, preset("flex_16"));
  CHECK(program.layers[0].mapping.find("with indices they are larger") != std::string::npos);
  ArchConfig dense = preset("flex_16");
  set(dense, "map.sparsity", "dense");
  const Network pruned = one_conv(32, 8, 8, 16, 3, 8, 8, nm_weights(2, 4));
  const Program other = lower_network(pruned, dense);
  CHECK(other.layers[0].mapping.find("run dense as configured") != std::string::npos);
}

TEST_CASE("lower: executed multiplications are the kept ones") {
  const Network network = one_conv(32, 8, 8, 16, 3, 8, 8, nm_weights(2, 4));
  const Program sparse = lower_network(network, preset("flex_16"));
  CHECK(sparse.layers[0].macs == 32 * 16 * 9 * 36);
  CHECK(sparse.layers[0].macs_executed == 32 * 16 * 9 * 36 / 2);
  const Program dense = lower_network(network, preset("edge_16"));
  CHECK(dense.layers[0].macs_executed == dense.layers[0].macs);
}

TEST_CASE("lower: folds without weights are left out, but never all") {
  // 64 channels on 16 rows: channels 16..47 have no weights, so half of the folds have none.
  const auto half = [](std::int64_t, std::int64_t c, std::int64_t, std::int64_t) {
    return c >= 16 && c < 48 ? 0 : 1 + c % 3;
  };
  const Network network = one_conv(64, 8, 8, 8, 3, 8, 8, half);
  ArchConfig config = preset("edge_16");
  const Program skipped = lower_network(network, config);
  validate_program(skipped, config);
  CHECK(units_of(skipped) == 32 * 9);
  CHECK(skipped.layers[0].macs_executed == skipped.layers[0].macs / 2);
  bool first = true;
  for (const ComputeOp& op : ops_of<ComputeOp>(skipped)) {
    CHECK(op.accumulate == (first ? 0 : 1));
    first = op.k_complete != 0;
  }
  CHECK(first);
  set(config, "map.skip_zero", "false");
  CHECK(units_of(lower_network(network, config)) == 64 * 9);

  const auto none = [](std::int64_t, std::int64_t, std::int64_t, std::int64_t) { return 0; };
  const Program empty = lower_network(one_conv(64, 8, 8, 8, 3, 8, 8, none), preset("edge_16"));
  for (const ComputeOp& op : ops_of<ComputeOp>(empty)) {
    CHECK(op.k_rows == 16);
    CHECK(op.k_complete == 1);
  }
  CHECK(empty.layers[0].macs_executed == 16 * 8 * 36);  // one fold
}

TEST_CASE("lower: dataflows are forced, chosen or refused in words") {
  const Network network = one_conv(16, 8, 8, 16, 3, 8, 8, random_weights(8));
  ArchConfig config = preset("flex_16");
  set(config, "map.dataflow", "os");
  const Program program = lower_network(network, config);
  validate_program(program, config);
  const auto op = ops_of<ComputeOp>(program)[0];
  CHECK(op.dataflow == 1);
  CHECK(op.log2_group == 0);
  CHECK(op.rows_used == 16);
  CHECK(op.folds == (op.out_h * op.out_w + 15) / 16);
  CHECK(program.layers[0].k_mapping.output_stationary);
  set(config, "map.dataflow", "ws");
  CHECK(ops_of<ComputeOp>(lower_network(network, config))[0].dataflow == 0);
  ArchConfig plain = preset("edge_16");
  set(plain, "map.dataflow", "os");
  CHECK(refusal(network, plain) ==
        "layer 000_conv: map.dataflow=os needs an array with hw.dataflows=ws_os, this one has ws");
}

TEST_CASE("lower: a key of one layer reaches that layer only") {
  Network network = one_conv(16, 8, 8, 16, 3, 8, 8, random_weights(8));
  Layer second = network.layers[0];
  second.id = "001_next";
  second.source_name = "block.next";
  second.inputs = {"000_conv"};
  network.layers.push_back(second);
  network.outputs = {"001_next"};
  check_network(network);
  ArchConfig config = preset("flex_16");
  set(config, "map.dataflow", "ws");
  set(config, "map.block.*.dataflow", "os");
  const Program program = lower_network(network, config);
  for (const TileOp& op : program.ops) {
    if (const auto* compute = std::get_if<ComputeOp>(&op.body)) {
      CHECK(compute->dataflow == op.layer);
    }
  }
  set(config, "map.nothing*.dataflow", "os");
  CHECK(refusal(network, config) ==
        "map.nothing*.dataflow=os: no layer with weights matches nothing*");
}

TEST_CASE("lower: weights of -1 and +1 take one bit where no padding needs a zero") {
  const auto sign = [](std::int64_t n, std::int64_t c, std::int64_t ky, std::int64_t kx) {
    return (n + c + ky * kx) % 2 == 0 ? 1 : -1;
  };
  const auto op_of = [&](int channels, int groups) {
    Network network = one_conv(channels, 8, 8, 16, 3, 1, 1, sign, groups);
    return ops_of<ComputeOp>(lower_network(network, preset("flex_16")))[0];
  };
  const ComputeOp whole = op_of(16, 1);
  CHECK(whole.wgt_bipolar == 1);
  CHECK(whole.wgt_pack == 3);
  CHECK(whole.act_pack == 3);
  const ComputeOp padded = op_of(12, 1);
  CHECK(padded.wgt_bipolar == 0);
  CHECK(padded.wgt_bits == 2);
  CHECK(padded.wgt_signed == 1);
  CHECK(op_of(16, 2).wgt_bipolar == 0);
}

}  // namespace
}  // namespace tactus
