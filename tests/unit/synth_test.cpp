// SPDX-License-Identifier: Apache-2.0
#include "synth/synth.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>

#include "numerics/errors.hpp"
#include "synth/layer_maker.hpp"

namespace tactus {
namespace {

std::int64_t macs(const Network& n) {
  return std::accumulate(n.layers.begin(), n.layers.end(), std::int64_t{0},
                         [](std::int64_t sum, const Layer& l) { return sum + macs_of(l); });
}

struct TextFile {
  std::string path = "/tmp/tactus_synth_" + std::to_string(::getpid()) + ".csv";
  explicit TextFile(const std::string& text) { std::ofstream(path) << text; }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { std::remove(path.c_str()); }
};

TEST_CASE("synth: splitmix64 and the integer square root") {
  // First outputs for seed 1234567 of the generator's published test vector.
  synth::Random random(1234567);
  CHECK(random.next() == 6457827717110365317U);
  CHECK(random.next() == 3203168211198807973U);
  CHECK(synth::integer_sqrt(0) == 0);
  CHECK(synth::integer_sqrt(99) == 9);
  CHECK(synth::integer_sqrt(100) == 10);
  CHECK(synth::integer_sqrt((std::int64_t{1} << 60) - 1) == (1 << 30) - 1);
}

TEST_CASE("synth: resnet18 has the published size") {
  const Network n = make_resnet18({});
  CHECK(macs(n) == 1814073344);
  std::size_t weights = 0;
  for (const Layer& layer : n.layers) weights += layer.weight.size();
  // 11,689,512 parameters less 9,600 of batch norm and 1,000 biases of the last layer.
  CHECK(weights == 11678912);
  CHECK(n.shape_of("001_maxpool") == Shape{64, 56, 56});
  CHECK(n.layers[n.layers.size() - 2].in_shape == Shape{512, 7, 7});
  CHECK(n.shape_of(n.outputs[0]) == Shape{1000, 1, 1});
  CHECK(n.layers.back().requant.convention == Convention::none);
}

TEST_CASE("synth: mobilenet_v1 has the published size") {
  const Network n = make_mobilenet_v1({});
  CHECK(macs(n) == 568740352);
  std::size_t weights = 0;
  for (const Layer& layer : n.layers) weights += layer.weight.size();
  // 4,231,976 parameters less 21,888 of batch norm and 1,000 biases of the last layer.
  CHECK(weights == 4209088);
  CHECK(n.shape_of("025_block13_depthwise") == Shape{1024, 7, 7});
  CHECK(n.layers[1].groups == 32);
  CHECK(n.layers[1].in_channels_per_group == 1);
}

TEST_CASE("synth: one convolution, padded to ceil(size / stride)") {
  const auto shape = [](int size, int kernel, int stride) {
    return make_conv({8, size, size, 16, kernel, stride, 2}, {}).layers[0].out_shape;
  };
  CHECK(shape(56, 3, 1) == Shape{16, 56, 56});
  CHECK(shape(56, 2, 1) == Shape{16, 56, 56});
  CHECK(shape(7, 3, 2) == Shape{16, 4, 4});
  CHECK(shape(8, 7, 3) == Shape{16, 3, 3});
  CHECK_THROWS_AS(static_cast<void>(make_conv({8, 4, 4, 8, 3, 1, 3}, {})), BadInput);
  CHECK_THROWS_AS(static_cast<void>(make_conv({8, 4, 4, 8, 0, 1, 1}, {})), BadInput);
}

TEST_CASE("synth: the seed decides, odd image sizes and narrow formats work") {
  SynthOptions options;
  options.image = 33;
  options.act_bits = 2;
  options.weight_bits = 2;
  const Network a = make_resnet18(options), b = make_resnet18(options);
  options.seed = 2;
  const Network c = make_resnet18(options);
  CHECK(a.layers[5].weight == b.layers[5].weight);
  CHECK(a.layers[5].weight != c.layers[5].weight);
  CHECK(a.layers[a.layers.size() - 2].in_shape == Shape{512, 2, 2});
}

TEST_CASE("synth: sparsity is what was asked for") {
  SynthOptions options;
  const auto share = [&](const char* sparsity) {
    options.sparsity = sparsity;
    const Layer layer = make_gemm(4, 64, 256, options).layers[0];
    std::int64_t zeros = 0;
    for (const std::int16_t w : layer.weight) zeros += w == 0 ? 1 : 0;
    return zeros;
  };
  CHECK(share("2:4") == 64 * 128);
  CHECK(share("1:4") == 64 * 192);
  const std::int64_t zeros = share("0.85");  // 13926 expected, standard deviation 46
  CHECK(zeros > 13926 - 230);
  CHECK(zeros < 13926 + 230);
  CHECK(share("dense") < 64 * 256 / 100);
  CHECK(share("filter:0.25") >= 16 * 256);
  CHECK(share("filter:0.25") < 16 * 256 + 48 * 256 / 100);
  for (const char* bad :
       {"filter:", "filter:1.0", "filter:2:4", "0.5:4", "4:2", "0:4", "1.5", "x", "", "0.x", ":"}) {
    options.sparsity = bad;
    CHECK_THROWS_AS(static_cast<void>(make_gemm(1, 1, 1, options)), BadInput);
  }
  CHECK_THROWS_AS(static_cast<void>(make_gemm(0, 1, 1, {})), BadInput);
}

TEST_CASE("synth: pruning leaves out what has no input channels to choose from") {
  SynthOptions options;
  options.image = 32;
  options.sparsity = "2:4";
  Network n = make_mobilenet_v1(options);
  CHECK(n.layers[0].sparsity == "dense");  // 3 input channels
  CHECK(n.layers[1].sparsity == "dense");  // depthwise
  CHECK(n.layers[2].sparsity == "2:4");
  // 6 input channels: blocks of 4 and 2, of which 2 are kept each.
  const Layer layer = make_conv({6, 3, 3, 5, 3, 1, 1}, options).layers[0];
  for (std::size_t o = 0; o < 5; ++o) {
    for (std::size_t tap = 0; tap < 9; ++tap) {
      int used = 0;
      for (std::size_t c = 0; c < 6; ++c) {
        used += layer.weight[(o * 6 + c) * 9 + tap] != 0 ? 1 : 0;
        if (c == 3) CHECK(used == 2);
      }
      CHECK(used == 4);
    }
  }
  options.sparsity = "filter:0.5";
  n = make_mobilenet_v1(options);
  CHECK(n.layers.back().sparsity == "dense");
  for (std::size_t o = 0, pruned = 0; o < 64; ++o) {
    const Layer& pointwise = n.layers[2];
    const auto* row = &pointwise.weight[o * 32];
    const bool zero = std::all_of(row, row + 32, [](std::int16_t w) { return w == 0; });
    pruned += zero ? 1 : 0;
    if (zero) CHECK(pointwise.bias[o] == 0);
    if (o == 63) CHECK(pruned == 32);
  }
}

TEST_CASE("synth: 1-bit weights are -1 and +1, 2-bit weights ternary") {
  SynthOptions options;
  for (const int bits : {1, 2}) {
    options.weight_bits = bits;
    const Layer layer = make_gemm(1, 64, 64, options).layers[0];
    CHECK(layer.weight_format == Format{bits, true, 0, bits == 1});
    int count[3] = {0, 0, 0};
    for (const std::int16_t w : layer.weight) {
      REQUIRE(w >= -1);
      REQUIRE(w <= 1);
      ++count[w + 1];
    }
    CHECK(count[0] > 4096 / 4);
    CHECK(count[2] > 4096 / 4);
    CHECK((count[1] == 0) == (bits == 1));
  }
  options.weight_bits = 1;
  options.sparsity = "2:4";
  CHECK_THROWS_AS(static_cast<void>(make_gemm(1, 4, 4, options)), BadInput);
}

TEST_CASE("synth: the network input may be wider than the rest") {
  SynthOptions options;
  options.act_bits = 1;
  options.first_bits = 8;
  options.image = 32;
  const Network n = make_resnet18(options);
  CHECK(n.inputs[0].format == Format{8, false, 0});
  CHECK(n.layers[0].out_format == Format{1, false, 0});
  CHECK(n.layers[3].out_format == Format{2, true, 0});
}

TEST_CASE("synth: outputs are spread over their format") {
  for (const int bits : {1, 2, 3, 8, 16}) {
    CAPTURE(bits);
    SynthOptions options;
    options.act_bits = bits;
    options.weight_bits = bits;
    const Network n = make_gemm(64, 32, 256, options);
    const Layer& layer = n.layers[0];
    synth::Random random(7);
    const std::int64_t top = (1 << bits) - 1;
    std::vector<std::int64_t> x(256 * 64);
    for (auto& v : x) v = bits == 1 ? (random.below(3) == 0 ? 1 : 0) : random.below(top + 1);
    int zero = 0, full = 0;
    for (std::size_t o = 0; o < 32; ++o) {
      const std::int64_t half = std::int64_t{1} << (layer.requant.shift[0] - 1);
      for (std::size_t m = 0; m < 64; ++m) {
        std::int64_t acc = layer.bias[o];
        for (std::size_t k = 0; k < 256; ++k) acc += x[k * 64 + m] * layer.weight[o * 256 + k];
        const std::int64_t out = (acc * layer.requant.mult[o] + half) >> layer.requant.shift[0];
        zero += out <= 0 ? 1 : 0;
        full += out >= top ? 1 : 0;
      }
    }
    CHECK(zero < 2048 * (bits <= 2 ? 85 : 70) / 100);
    CHECK(full < 2048 * (bits <= 2 ? 50 : 30) / 100);
  }
}
TEST_CASE("synth: convolution topology, output size rounded up as in SCALE-Sim") {
  const TextFile csv(
      "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
      "Num Filter, Strides,\r\nConv3_s,56,56,1,1,8,16,2,\r\n\r\nConv 5/1a, 14,14,3,3,4,8,2,\n"
      "FC,1,1,1,1,512,10,1,\n");
  const Network n = make_topology(csv.path, {});
  REQUIRE(n.layers.size() == 3);
  CHECK(n.layers[0].out_shape == Shape{16, 29, 29});
  CHECK(n.layers[1].id == "001_Conv_5_1a");
  CHECK(n.layers[1].inputs[0] == "in_1");
  CHECK(n.layers[1].out_shape == Shape{8, 7, 7});
  CHECK(n.layers[2].out_shape == Shape{10, 1, 1});
  CHECK(n.outputs.size() == 3);
}

TEST_CASE("synth: GEMM topology with a sparsity column") {
  const TextFile csv("Layer, M, N, K, Sparsity,\nd,16,8,32,1:1,\ns,16,8,32,2:4,\n");
  const Network n = make_topology(csv.path, {});
  REQUIRE(n.layers.size() == 2);
  CHECK(n.layers[0].in_shape == Shape{32, 1, 16});
  CHECK(n.layers[0].out_shape == Shape{8, 1, 16});
  CHECK(n.layers[0].sparsity == "dense");
  CHECK(n.layers[1].sparsity == "2:4");
}

TEST_CASE("synth: bad topologies name line and column") {
  const auto message = [](const char* text) -> std::string {
    const TextFile csv(text);
    try {
      static_cast<void>(make_topology(csv.path, {}));
    } catch (const BadInput& error) {
      return error.what();
    }
    return "(accepted)";
  };
  CHECK(message("Layer, M, N, K,\na,1,x,3,\n").find(":2: column 3 = 'x'") != std::string::npos);
  CHECK(message("Layer, M, N, K,\na,1,2,\n").find("3 columns") != std::string::npos);
  CHECK(message("Layer, M, N, K,\n").find("has no layer") != std::string::npos);
  CHECK(message("a,b\n").find("the header") != std::string::npos);
  CHECK(message("1,2,3,4,5,6,7,8\nL,2,2,3,3,1,1,1,\n").find("larger") != std::string::npos);
}

}  // namespace
}  // namespace tactus
