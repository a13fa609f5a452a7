// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions, moved pixels, other shapes and shared operands: shapes, products,
// sentences, and the way through a model file.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "../support/spread_network.hpp"
#include "hdf5/model_file.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

TEST_CASE("network: shapes and products of layers that spread and move") {
  Network n = testing::spread_network();
  check_network(n);
  // (4 - 1) * 3 + 4 - 1 - 2 + 2 = 12, (5 - 1) * 2 + 2 - 0 - 1 + 0 = 9
  CHECK(n.shape_of("000_up") == Shape{8, 12, 9});
  // Every one of 4 x 5 pixels of 2 channels a group meets 4 x 2 taps of 8 channels.
  CHECK(macs_of(n.layers[0]) == 4 * 5 * 2 * 4 * 2 * 8);
  CHECK(n.shape_of("001_wide") == Shape{2, 24, 18});
  CHECK(n.shape_of("002_deep") == Shape{12, 12, 6});
  CHECK(n.shape_of("003_flat") == Shape{12, 1, 72});
  CHECK(n.shape_of("005_scaled") == Shape{12, 1, 72});
  CHECK(n.shape_of("007_most") == Shape{12, 1, 72});
}

TEST_CASE("network: each rule of layers that spread and move has its sentence") {
  struct Case {
    const char* expected;
    std::function<void(Network&)> change;
  };
  const Case cases[] = {
      {"padding[3] = 2 is outside 0..1", [](Network& n) { n.layers[0].padding[3] = 2; }},
      {"output_padding[0] = 3 is outside 0..2",
       [](Network& n) { n.layers[0].output_padding[0] = 3; }},
      {"dilation[1] = 2 is outside 1..1", [](Network& n) { n.layers[0].dilation_w = 2; }},
      {"the output would have the height 0",
       [](Network& n) {
         n.inputs[0].shape.h = 1;
         n.layers[0].padding = {2, 0, 2, 0};
         n.layers[0].output_padding = {0, 0};
       }},
      {"stride[1] = 65 is outside 1..64", [](Network& n) { n.layers[0].stride_w = 65; }},
      {"have more than 2^28 weights",
       [](Network& n) {
         n.layers[0].groups = 1;
         n.layers[0].in_channels_per_group = 4;
         n.layers[0].out_channels = 1 << 15;
         n.layers[0].stride_h = n.layers[0].stride_w = 64;
       }},
      {"in each of 4 groups", [](Network& n) { n.layers[0].groups = 4; }},
      {"conv_transpose2d takes at most 16",
       [](Network& n) {
         Layer wide = n.layers[4], up = n.layers[0];
         wide.id = "008_wide";
         wide.out_format.bits = 17;
         wide.out_shape = {4, 4, 5};
         wide.value.resize(80);
         up.id = "009_up";
         up.inputs = {"008_wide"};
         n.layers.insert(n.layers.end(), {wide, up});
       }},
      {"weight[7,1,3,1] = 8 is outside -8..7", [](Network& n) { n.layers[0].weight.back() = 8; }},
      {"factor makes 6 channels one, the input has 8",
       [](Network& n) { n.layers[1].stride_h = 3; }},
      {"factor[1] = 65 is outside 1..64", [](Network& n) { n.layers[1].stride_w = 65; }},
      {"factor [2,4] does not divide the input of 24x18",
       [](Network& n) { n.layers[2].stride_w = 4; }},
      {"shape has 876 values, the input has 864", [](Network& n) { n.layers[3].size[2] = 73; }},
      {"extent of shape = 0 is outside 1..", [](Network& n) { n.layers[3].size[1] = 0; }},
      {"neither has one channel or one pixel for all",
       [](Network& n) {
         n.layers[4].out_shape = {6, 1, 1};
         n.layers[4].value.resize(6);
       }},
      {"must equal that of input", [](Network& n) { n.layers[2].out_format.bits = 9; }},
      {"reshape has no weight", [](Network& n) { n.layers[3].bias = {1}; }},
  };
  for (const Case& c : cases) {
    const std::string message = testing::error_after(testing::spread_network(), c.change);
    CAPTURE(message);
    CHECK_MESSAGE(message.find(c.expected) != std::string::npos, c.expected);
  }
  CHECK(testing::error_after(testing::spread_network(), [](Network&) {}) == "(accepted)");
}

TEST_CASE("modelfile: layers that spread and move read back") {
  namespace fs = std::filesystem;
  const fs::path path =
      fs::temp_directory_path() / ("tactus_spread_" + std::to_string(::getpid()) + ".h5");
  Network n = testing::spread_network();
  check_network(n);
  ModelFile::write(path.string(), n, {});
  const Network r = ModelFile::read_network(path.string());
  fs::remove(path);
  REQUIRE(r.layers.size() == n.layers.size());
  for (std::size_t i = 0; i < n.layers.size(); ++i) {
    const Layer &a = n.layers[i], &b = r.layers[i];
    CAPTURE(a.id);
    CHECK(a.op == b.op);
    CHECK(a.inputs == b.inputs);
    CHECK(a.stride_h == b.stride_h);
    CHECK(a.stride_w == b.stride_w);
    CHECK(a.padding == b.padding);
    CHECK(a.output_padding == b.output_padding);
    CHECK(a.groups == b.groups);
    CHECK(a.weight == b.weight);
    CHECK(a.kernel_h == b.kernel_h);
    CHECK(a.kernel_w == b.kernel_w);
    CHECK(a.blocks == b.blocks);
    CHECK(a.size == b.size);
    CHECK(a.out_shape == b.out_shape);
  }
}

}  // namespace
}  // namespace tactus
