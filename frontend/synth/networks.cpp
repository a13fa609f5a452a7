// SPDX-License-Identifier: Apache-2.0
// Larger image networks, and the table of all networks.
#include <algorithm>

#include "numerics/errors.hpp"
#include "synth/layer_maker.hpp"
#include "synth/synth.hpp"

namespace tactus {
namespace {

using synth::LayerMaker;
using synth::Output;

/// Extent behind a window of stride 2 that is padded to ceil(extent / 2).
int halved(int extent) { return (extent - 1) / 2 + 1; }

struct NamedNetwork {
  const char* name;
  Network (*make)(const SynthOptions&);
};
constexpr NamedNetwork named[] = {
    {"resnet18", make_resnet18},
    {"resnet50", make_resnet50},
    {"mobilenet_v1", make_mobilenet_v1},
    {"mobilenet_v2", make_mobilenet_v2},
    {"mobilenet_v3", make_mobilenet_v3},
    {"vgg16", make_vgg16},
    {"tiny_yolov3", make_tiny_yolov3},
    {"espcn", make_espcn},
    {"fsrcnn", make_fsrcnn},
    {"vit_tiny", make_vit_tiny},
    {"vit_base", make_vit_base},
    {"bert_base", make_bert_base},
    {"llm_layer", make_llm_layer},
};

}  // namespace

Network make_resnet50(const SynthOptions& options) {
  LayerMaker make("resnet50", options);
  make.input("image", Shape{3, options.image, options.image});
  std::string last = make.conv("conv1", "image", {3, 64, 7, 7, 2, {3, 3, 3, 3}}, Output::relu);
  last = make.maxpool("maxpool", last, {});
  int size = halved(halved(options.image)), channels = 64;
  constexpr int blocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const int width = 64 << stage;
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::string name =
          "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
      const int stride = stage > 0 && block == 0 ? 2 : 1;
      std::string branch = make.conv(name + "conv1", last, {channels, width}, Output::relu);
      branch = make.conv(name + "conv2", branch, {width, width, 3, 3, stride, {1, 1, 1, 1}},
                         Output::relu);
      branch = make.conv(name + "conv3", branch, {width, 4 * width}, Output::plain);
      std::string other = last;
      if (block == 0) {
        other = make.conv(name + "downsample", last, {channels, 4 * width, 1, 1, stride},
                          Output::plain);
      }
      last = make.add(name + "add", branch, other, Output::relu);
      if (stride == 2) size = halved(size);
      channels = 4 * width;
    }
  }
  last = make.global_avgpool("avgpool", last, size * size);
  last = make.linear("fc", last, channels, 1000);
  return make.finish({last});
}

Network make_mobilenet_v2(const SynthOptions& options) {
  LayerMaker make("mobilenet_v2", options);
  make.input("image", Shape{3, options.image, options.image});
  std::string last = make.conv("conv1", "image", {3, 32, 3, 3, 2, {1, 1, 1, 1}}, Output::relu);
  int size = halved(options.image), channels = 32, number = 1;
  struct Stage {
    int expansion, width, blocks, stride;
  };
  constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                              {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  for (const Stage& stage : stages) {
    for (int block = 0; block < stage.blocks; ++block) {
      const std::string name = "block" + std::to_string(number++) + ".";
      const int stride = block == 0 ? stage.stride : 1;
      const int inner = channels * stage.expansion;
      std::string branch = last;
      if (stage.expansion != 1) {
        branch = make.conv(name + "expand", branch, {channels, inner}, Output::relu);
      }
      branch = make.conv(name + "depthwise", branch,
                         {inner, inner, 3, 3, stride, {1, 1, 1, 1}, inner}, Output::relu);
      branch = make.conv(name + "project", branch, {inner, stage.width}, Output::plain);
      const bool residual = stride == 1 && channels == stage.width;
      last = residual ? make.add(name + "add", branch, last, Output::plain) : branch;
      if (stride == 2) size = halved(size);
      channels = stage.width;
    }
  }
  last = make.conv("conv_last", last, {channels, 1280}, Output::relu);
  last = make.global_avgpool("avgpool", last, size * size);
  last = make.linear("fc", last, 1280, 1000);
  return make.finish({last});
}

Network make_mobilenet_v3(const SynthOptions& options) {
  LayerMaker make("mobilenet_v3", options);
  make.input("image", Shape{3, options.image, options.image});
  // A convolution and ReLU, or a table in the place of hard swish.
  const auto conv = [&](const std::string& name, const std::string& from,
                        const LayerMaker::Conv& shape, bool swish) {
    if (!swish) return make.conv(name, from, shape, Output::relu);
    return make.bent(name + ".act", make.conv(name, from, shape, Output::plain));
  };
  struct Block {
    int kernel, inner, width, squeezed;
    bool swish;
    int stride;
  };
  constexpr Block blocks[] = {
      {3, 16, 16, 0, false, 1},    {3, 64, 24, 0, false, 2},    {3, 72, 24, 0, false, 1},
      {5, 72, 40, 24, false, 2},   {5, 120, 40, 32, false, 1},  {5, 120, 40, 32, false, 1},
      {3, 240, 80, 0, true, 2},    {3, 200, 80, 0, true, 1},    {3, 184, 80, 0, true, 1},
      {3, 184, 80, 0, true, 1},    {3, 480, 112, 120, true, 1}, {3, 672, 112, 168, true, 1},
      {5, 672, 160, 168, true, 2}, {5, 960, 160, 240, true, 1}, {5, 960, 160, 240, true, 1}};
  std::string last = conv("conv1", "image", {3, 16, 3, 3, 2, {1, 1, 1, 1}}, true);
  int size = halved(options.image), channels = 16, number = 0;
  for (const Block& b : blocks) {
    const std::string name = "block" + std::to_string(number++) + ".";
    const int pad = b.kernel / 2;
    std::string branch = last;
    if (b.inner != channels) branch = conv(name + "expand", branch, {channels, b.inner}, b.swish);
    branch = conv(name + "depthwise", branch,
                  {b.inner, b.inner, b.kernel, b.kernel, b.stride, {pad, pad, pad, pad}, b.inner},
                  b.swish);
    if (b.stride == 2) size = halved(size);
    if (b.squeezed > 0) {
      branch = make.excited(name + "se", branch, size * size, b.inner, b.squeezed);
    }
    branch = make.conv(name + "project", branch, {b.inner, b.width}, Output::plain);
    const bool residual = b.stride == 1 && channels == b.width;
    last = residual ? make.add(name + "add", branch, last, Output::plain) : branch;
    channels = b.width;
  }
  last = conv("conv_last", last, {channels, 960}, true);
  last = make.global_avgpool("avgpool", last, size * size);
  last = make.linear("fc1", last, 960, 1280, Output::plain);
  return make.finish({make.linear("fc2", make.bent("fc1.act", last), 1280, 1000)});
}

Network make_vgg16(const SynthOptions& options) {
  if (options.image % 32 != 0) {
    throw BadInput("synth: image = " + std::to_string(options.image) +
                   ", vgg16 needs a multiple of 32");
  }
  LayerMaker make("vgg16", options);
  make.input("image", Shape{3, options.image, options.image});
  constexpr int convolutions[] = {2, 2, 3, 3, 3};
  std::string last = "image";
  int channels = 3;
  for (int stage = 0; stage < 5; ++stage) {
    const int width = std::min(512, 64 << stage);
    for (int i = 0; i < convolutions[stage]; ++i) {
      last = make.conv("conv" + std::to_string(stage + 1) + "_" + std::to_string(i + 1), last,
                       {channels, width, 3, 3, 1, {1, 1, 1, 1}}, Output::relu);
      channels = width;
    }
    last = make.maxpool("pool" + std::to_string(stage + 1), last, {2, 2, {0, 0, 0, 0}});
  }
  const int size = options.image / 32;
  last = make.linear("fc6", last, channels * size * size, 4096, Output::relu);
  last = make.linear("fc7", last, 4096, 4096, Output::relu);
  last = make.linear("fc8", last, 4096, 1000);
  return make.finish({last});
}

Network make_tiny_yolov3(const SynthOptions& options) {
  if (options.image % 32 != 0) {
    throw BadInput("synth: image = " + std::to_string(options.image) +
                   ", tiny_yolov3 needs a multiple of 32");
  }
  LayerMaker make("tiny_yolov3", options);
  make.input("image", Shape{3, options.image, options.image});
  int number = 0;
  const auto conv = [&](const std::string& from, int in, int out, int kernel) {
    const int pad = kernel / 2;
    return make.conv("conv" + std::to_string(number++), from,
                     {in, out, kernel, kernel, 1, {pad, pad, pad, pad}}, Output::relu);
  };
  std::string last = "image", route;
  int channels = 3;
  for (int stage = 0; stage < 6; ++stage) {
    last = conv(last, channels, 16 << stage, 3);
    channels = 16 << stage;
    if (stage == 4) route = last;
    const bool same_size = stage == 5;
    last = make.maxpool("pool" + std::to_string(stage), last,
                        {2, same_size ? 1 : 2, {0, 0, same_size ? 1 : 0, same_size ? 1 : 0}});
  }
  last = conv(last, 512, 1024, 3);
  const std::string neck = conv(last, 1024, 256, 1);
  last = conv(neck, 256, 512, 3);
  const std::string coarse = make.conv("detect0", last, {512, 255}, Output::plain);
  last = make.upsample("upsample", conv(neck, 256, 128, 1), 2, true);
  last = conv(make.concat("route", {last, route}, 0), 384, 256, 3);
  return make.finish({coarse, make.conv("detect1", last, {256, 255}, Output::plain)});
}

Network make_espcn(const SynthOptions& options) {
  LayerMaker make("espcn", options);
  make.input("image", Shape{3, options.image, options.image});
  std::string last = make.conv("conv1", "image", {3, 64, 5, 5, 1, {2, 2, 2, 2}}, Output::relu);
  last = make.conv("conv2", last, {64, 32, 3, 3, 1, {1, 1, 1, 1}}, Output::relu);
  last = make.conv("conv3", last, {32, 12, 3, 3, 1, {1, 1, 1, 1}}, Output::relu);
  return make.finish({make.pixel_shuffle("shuffle", last, 2)});
}

Network make_fsrcnn(const SynthOptions& options) {
  LayerMaker make("fsrcnn", options);
  make.input("luminance", Shape{1, options.image, options.image});
  std::string last =
      make.conv("feature", "luminance", {1, 56, 5, 5, 1, {2, 2, 2, 2}}, Output::relu);
  last = make.conv("shrink", last, {56, 12}, Output::relu);
  for (int i = 0; i < 4; ++i) {
    last =
        make.conv("map" + std::to_string(i), last, {12, 12, 3, 3, 1, {1, 1, 1, 1}}, Output::relu);
  }
  last = make.conv("expand", last, {12, 56}, Output::relu);
  return make.finish({make.conv_transpose("deconv", last, {56, 1, 9, 9, 2}, Output::relu)});
}

std::vector<std::string> synth_names() {
  std::vector<std::string> names;
  for (const NamedNetwork& n : named) names.emplace_back(n.name);
  return names;
}

std::string synth_name_list() {
  std::string text;
  for (const std::string& name : synth_names()) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Network make_named(const std::string& name, const SynthOptions& options) {
  for (const NamedNetwork& n : named) {
    if (name == n.name) return n.make(options);
  }
  throw BadInput("synth knows no network '" + name + "', only " + synth_name_list());
}

}  // namespace tactus
