// SPDX-License-Identifier: Apache-2.0
// Sizes of the named networks against published ones, and the pixel shuffle of espcn.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "numerics/errors.hpp"
#include "ref/reference.hpp"
#include "synth/synth.hpp"

using namespace tactus;

namespace {

std::int64_t macs(const Network& n) {
  return std::accumulate(n.layers.begin(), n.layers.end(), std::int64_t{0},
                         [](std::int64_t sum, const Layer& l) { return sum + macs_of(l); });
}

std::size_t weights(const Network& n) {
  return std::accumulate(n.layers.begin(), n.layers.end(), std::size_t{0},
                         [](std::size_t sum, const Layer& l) { return sum + l.weight.size(); });
}

SynthOptions with_image(int image) {
  SynthOptions options;
  options.image = image;
  return options;
}

}  // namespace

TEST_CASE("synth: resnet50 has the published size") {
  const Network n = make_resnet50({});
  CHECK(macs(n) == 4089184256);
  // 25,557,032 parameters less 53,120 of batch norm and 1,000 biases of the last layer.
  CHECK(weights(n) == 25502912);
}

TEST_CASE("synth: mobilenet_v2 has the published size") {
  const Network n = make_mobilenet_v2({});
  CHECK(macs(n) == 300774272);
  // 3,504,872 parameters less 34,112 of batch norm and 1,000 biases of the last layer.
  CHECK(weights(n) == 3469760);
}

TEST_CASE("synth: mobilenet_v3 has the published size") {
  const Network n = make_mobilenet_v3({});
  // 5,483,032 parameters less 24,400 of batch norm and 7,360 biases of its factors and last layers.
  CHECK(weights(n) == 5451272);
  // Published as 0.22 billion.
  CHECK(macs(n) == 216589760);
}

TEST_CASE("synth: fsrcnn has the published size") {
  const Network n = make_fsrcnn(with_image(10));
  // FSRCNN(56, 12, 4): 12,464 parameters; all work on the small picture.
  CHECK(weights(n) == 12464);
  CHECK(macs(n) == 12464 * 100);
  CHECK(n.shape_of(n.outputs[0]) == Shape{1, 20, 20});
}

TEST_CASE("synth: vgg16 has the published convolutions") {
  // At 32 x 32 its convolutions are a 49th of the published 15,346,630,656.
  const Network n = make_vgg16(with_image(32));
  CHECK(macs(n) == 15346630656 / 49 + (512 + 4096 + 1000) * 4096);
  CHECK(weights(n) == 14710464 + (512 + 4096 + 1000) * 4096);
  CHECK_THROWS_AS(static_cast<void>(make_vgg16(with_image(48))), BadInput);
}

TEST_CASE("synth: vit_tiny has the published size") {
  const Network n = make_vit_tiny({});
  // 5,717,416 parameters less class token and position (38,016), norms (9,600), biases (21,928).
  CHECK(weights(n) == 5647872);
  CHECK(macs(n) == 1253683200);
}

TEST_CASE("synth: vit_base has the published size") {
  const Network n = make_vit_base({});
  // 86,567,656 parameters less class token and position (152,064), norms (38,400), biases (84,712).
  CHECK(weights(n) == 86292480);
  // Published as 17.56 billion at 224 x 224, products of attention included.
  CHECK(macs(n) == 17563828224);
}

TEST_CASE("synth: tiny_yolov3 has the published operations") {
  // Darknet prints 5.57 billion operations at 416 x 416, two for a multiply-accumulate.
  const Network n = make_tiny_yolov3(with_image(416));
  CHECK(macs(n) > 2770000000);
  CHECK(macs(n) < 2790000000);
  CHECK(n.shape_of(n.outputs[0]) == Shape{255, 13, 13});
  CHECK(n.shape_of(n.outputs[1]) == Shape{255, 26, 26});
}

TEST_CASE("synth: espcn shuffles its channels into pixels") {
  const Network n = make_espcn(with_image(6));
  QTensor image{{3, 6, 6}, n.inputs[0].format, {}};
  for (int i = 0; i < 108; ++i) image.data.push_back(i * 37 % 256);
  const auto out = run_reference(n, {{"image", image}}, {});
  const QTensor& narrow = out.at(n.layers[2].id);
  const QTensor& wide = out.at(n.outputs[0]);
  REQUIRE(wide.shape == Shape{3, 12, 12});
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 12; ++y) {
      for (int x = 0; x < 12; ++x) {
        const int from = c * 4 + y % 2 * 2 + x % 2;
        CHECK(wide.data[static_cast<std::size_t>((c * 12 + y) * 12 + x)] ==
              narrow.data[static_cast<std::size_t>((from * 6 + y / 2) * 6 + x / 2)]);
      }
    }
  }
}

TEST_CASE("synth: names make networks") {
  const std::vector<std::string> names = synth_names();
  CHECK(std::count(names.begin(), names.end(), "bert_base") == 1);
  CHECK(synth_name_list().find(", bert_base, ") != std::string::npos);
  CHECK(make_named("espcn", with_image(8)).name == "espcn");
  CHECK_THROWS_AS(static_cast<void>(make_named("resnet51", {})), BadInput);
}
