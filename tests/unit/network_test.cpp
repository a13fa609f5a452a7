// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <functional>

#include "../support/small_network.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

TEST_CASE("network: shapes of every op") {
  Network n = testing::small_network();
  check_network(n);
  CHECK(n.shape_of("img") == Shape{3, 6, 6});
  CHECK(n.shape_of("000_conv") == Shape{4, 6, 6});
  CHECK(n.shape_of("003_pool") == Shape{4, 3, 3});
  CHECK(n.shape_of("004_gap") == Shape{4, 1, 1});
  CHECK(n.shape_of("005_flat") == Shape{4, 1, 1});
  CHECK(n.shape_of("006_fc") == Shape{3, 1, 1});
  CHECK(n.shape_of("007_seqconv") == Shape{2, 1, 3});
  CHECK(n.format_of("001_clamp").bits == 4);
  CHECK_THROWS_AS(static_cast<void>(n.shape_of("x")), BadInput);
  CHECK(macs_of(n.layers[0]) == 4 * 36 * 27);
  CHECK(macs_of(n.layers[1]) == 0);
  CHECK(macs_of(n.layers[6]) == 12);
}

TEST_CASE("network: stride, dilation and asymmetric padding round down") {
  Network n = testing::small_network();
  n.layers.resize(1);
  n.outputs = {"000_conv"};
  Layer& conv = n.layers[0];
  conv.stride_h = 2;
  conv.stride_w = 3;
  conv.dilation_h = 2;
  conv.padding = {1, 0, 0, 2};
  check_network(n);
  // height (6 + 1 - 5) / 2 + 1 = 2, width (6 + 2 - 3) / 3 + 1 = 2
  CHECK(n.layers[0].out_shape == Shape{4, 2, 2});
}

TEST_CASE("network: each rule has its sentence") {
  struct Case {
    const char* expected;
    std::function<void(Network&)> change;
  };
  const Case cases[] = {
      {"layer 000_conv: the id is used twice", [](Network& n) { n.layers[1].id = "000_conv"; }},
      {"the id is used twice", [](Network& n) { n.layers[1].id = "img"; }},
      {"input img: the name is used twice", [](Network& n) { n.inputs[1].name = "img"; }},
      {"closes a cycle", [](Network& n) { n.layers[0].inputs = {"002_add"}; }},
      {"forward reference", [](Network& n) { n.layers[0].inputs = {"007_seqconv"}; }},
      {"weight[3,2,2,2] = 8 is outside -8..7", [](Network& n) { n.layers[0].weight[107] = 8; }},
      {"weight[2,3] = -9", [](Network& n) { n.layers[6].weight[11] = -9; }},
      {"weight has 107 values instead of 108", [](Network& n) { n.layers[0].weight.pop_back(); }},
      {"weight_zero_point[1] = 8", [](Network& n) { n.layers[0].weight_zero_point[1] = 8; }},
      {"weight_zero_point has 3 values instead of 1 or 4",
       [](Network& n) { n.layers[0].weight_zero_point.pop_back(); }},
      {"weight: bits = 17", [](Network& n) { n.layers[0].weight_format.bits = 17; }},
      {"bias[0] = -140737488355329",
       [](Network& n) { n.layers[0].bias[0] = -(std::int64_t{1} << 47) - 1; }},
      {"requant/mult[3] = 32768", [](Network& n) { n.layers[0].requant.mult[3] = 32768; }},
      {"requant/shift[0] = 64", [](Network& n) { n.layers[0].requant.shift[0] = 64; }},
      {"requant/shift[0] = 31", [](Network& n) { n.layers[7].requant.shift[0] = 31; }},
      {"requant/add[0] = 128",
       [](Network& n) {
         n.layers[2].requant.add_bits = 8;
         n.layers[2].requant.add = {128};
       }},
      {"requant/add has no meaning", [](Network& n) { n.layers[7].requant.add = {0}; }},
      {"convention pow2 is not possible for add",
       [](Network& n) { n.layers[2].requant.convention = Convention::pow2; }},
      {"none needs out_bits = 32",
       [](Network& n) {
         n.layers[6].out_format.bits = 24;
         n.layers[6].requant.clamp_min = n.layers[6].requant.clamp_max = 0;
       }},
      {"clamp_max = 16 is outside", [](Network& n) { n.layers[0].requant.clamp_max = 16; }},
      {"clamp_min = 13 is above", [](Network& n) { n.layers[1].requant.clamp_min = 13; }},
      {"must equal that of input", [](Network& n) { n.layers[3].out_format.zero_point = 1; }},
      {"out_zero_point = 16", [](Network& n) { n.layers[0].out_format.zero_point = 16; }},
      {"has 17 bits, conv2d takes at most 16",
       [](Network& n) {
         n.layers[7].out_format.bits = 17;
         n.layers.push_back(n.layers[7]);
         n.layers[8].id = "008_more";
         n.layers[8].inputs = {"007_seqconv"};
       }},
      {"in each of 3 groups", [](Network& n) { n.layers[0].groups = 3; }},
      {"groups = 3 does not divide 4",
       [](Network& n) {
         n.layers[0].groups = 3;
         n.layers[0].in_channels_per_group = 1;
       }},
      {"the kernel reaches over 9", [](Network& n) { n.layers[0].dilation_w = 4; }},
      {"stride[1] = 0", [](Network& n) { n.layers[3].stride_w = 0; }},
      {"padding[3] = 2 is outside 0..1", [](Network& n) { n.layers[3].padding[3] = 2; }},
      {"weight has 5 inputs", [](Network& n) { n.layers[6].in_channels_per_group = 5; }},
      {"different shapes", [](Network& n) { n.layers[2].inputs[1] = "img"; }},
      {"requant_1/left_shift = 32",
       [](Network& n) { n.layers[2].operand_scale[1].left_shift = 32; }},
      {"sparsity says 1:2", [](Network& n) { n.layers[7].sparsity = "1:2"; }},
      {"sparsity = 'some'", [](Network& n) { n.layers[7].sparsity = "some"; }},
      {"bipolar needs bits = 1", [](Network& n) { n.layers[7].weight_format.bipolar = true; }},
      {"= 0 is neither -1 nor 1",
       [](Network& n) {
         n.layers[7].weight_format = Format{1, true, 0, true};
         n.layers[7].weight_zero_point.clear();
         for (auto& weight : n.layers[7].weight) weight = 1;
         n.layers[7].weight.back() = 0;
       }},
      {"outputs names no layer", [](Network& n) { n.outputs.clear(); }},
      {"clamp has no weight", [](Network& n) { n.layers[1].bias = {1}; }},
  };
  for (const Case& c : cases) {
    const std::string message = testing::error_after(testing::small_network(), c.change);
    CAPTURE(message);
    CHECK_MESSAGE(message.find(c.expected) != std::string::npos, c.expected);
  }
  CHECK(testing::error_after(testing::small_network(), [](Network&) {}) == "(accepted)");
}

}  // namespace
}  // namespace tactus
