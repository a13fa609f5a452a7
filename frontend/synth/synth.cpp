// SPDX-License-Identifier: Apache-2.0
#include "synth/synth.hpp"

#include "numerics/errors.hpp"
#include "synth/layer_maker.hpp"

namespace tactus {

Network make_resnet18(const SynthOptions& options) {
  using synth::Output;
  synth::LayerMaker make("resnet18", options);
  make.input("image", Shape{3, options.image, options.image});
  std::string last = make.conv("conv1", "image", {3, 64, 7, 7, 2, {3, 3, 3, 3}}, Output::relu);
  last = make.maxpool("maxpool", last, {});
  int size = (options.image - 1) / 2 + 1;  // after conv1
  size = (size - 1) / 2 + 1;               // after maxpool
  int channels = 64;
  for (int stage = 1; stage <= 4; ++stage) {
    const int width = 64 << (stage - 1);
    for (int block = 0; block < 2; ++block) {
      const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(block) + ".";
      const int stride = stage > 1 && block == 0 ? 2 : 1;
      const std::string first = make.conv(
          name + "conv1", last, {channels, width, 3, 3, stride, {1, 1, 1, 1}}, Output::relu);
      const std::string branch =
          make.conv(name + "conv2", first, {width, width, 3, 3, 1, {1, 1, 1, 1}}, Output::plain);
      std::string other = last;
      if (stride == 2) {
        other = make.conv(name + "downsample", last, {channels, width, 1, 1, 2, {0, 0, 0, 0}},
                          Output::plain);
        size = (size - 1) / 2 + 1;
      }
      last = make.add(name + "add", branch, other, Output::relu);
      channels = width;
    }
  }
  last = make.global_avgpool("avgpool", last, size * size);
  last = make.linear("fc", last, channels, 1000);
  return make.finish({last});
}

Network make_mobilenet_v1(const SynthOptions& options) {
  using synth::Output;
  synth::LayerMaker make("mobilenet_v1", options);
  make.input("image", Shape{3, options.image, options.image});
  std::string last = make.conv("conv1", "image", {3, 32, 3, 3, 2, {1, 1, 1, 1}}, Output::relu);
  int size = (options.image - 1) / 2 + 1;
  int channels = 32;
  struct Block {
    int width, stride;
  };
  constexpr Block blocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                              {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  int number = 1;
  for (const Block& block : blocks) {
    const std::string name = "block" + std::to_string(number++) + ".";
    last =
        make.conv(name + "depthwise", last,
                  {channels, channels, 3, 3, block.stride, {1, 1, 1, 1}, channels}, Output::relu);
    last = make.conv(name + "pointwise", last, {channels, block.width}, Output::relu);
    size = (size - 1) / block.stride + 1;
    channels = block.width;
  }
  last = make.global_avgpool("avgpool", last, size * size);
  last = make.linear("fc", last, channels, 1000);
  return make.finish({last});
}

Network make_conv(const ConvShape& shape, const SynthOptions& options) {
  const auto check = [](const char* name, int value, int high) {
    if (value < 1 || value > high) {
      throw BadInput("synth: conv " + std::string(name) + " = " + std::to_string(value) +
                     " is outside 1.." + std::to_string(high));
    }
  };
  check("input channels", shape.in_channels, 1 << 20);
  check("height", shape.height, 1 << 16);
  check("width", shape.width, 1 << 16);
  check("output channels", shape.out_channels, 1 << 20);
  check("kernel", shape.kernel, 64);
  check("stride", shape.stride, 64);
  check("groups", shape.groups, shape.in_channels);
  if (shape.in_channels % shape.groups != 0 || shape.out_channels % shape.groups != 0) {
    throw BadInput("synth: conv groups = " + std::to_string(shape.groups) +
                   " do not divide the channels");
  }
  synth::LayerMaker make("conv", options);
  make.input("in", Shape{shape.in_channels, shape.height, shape.width});
  const int before = (shape.kernel - 1) / 2, behind = shape.kernel - 1 - before;
  const synth::LayerMaker::Conv conv{shape.in_channels, shape.out_channels,
                                     shape.kernel,      shape.kernel,
                                     shape.stride,      {before, before, behind, behind},
                                     shape.groups};
  return make.finish({make.conv("conv", "in", conv, synth::Output::relu)});
}

Network make_gemm(int m, int n, int k, const SynthOptions& options) {
  for (const int extent : {m, n, k}) {
    if (extent < 1 || extent > 1 << 20) {
      throw BadInput("synth: gemm size " + std::to_string(extent) + " is outside 1..1048576");
    }
  }
  synth::LayerMaker make(
      "gemm_" + std::to_string(m) + "_" + std::to_string(n) + "_" + std::to_string(k), options);
  make.input("in", Shape{k, 1, m});
  synth::LayerMaker::Conv shape;
  shape.in_channels = k;
  shape.out_channels = n;
  return make.finish({make.conv("gemm", "in", shape, synth::Output::relu)});
}

}  // namespace tactus
