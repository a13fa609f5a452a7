// SPDX-License-Identifier: Apache-2.0
// Random layers; only synth/*.cpp includes this.
#pragma once

#include <cstdint>
#include <string>

#include "synth/synth.hpp"

namespace tactus::synth {

/// splitmix64: 64 random bits per call, the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  /// 0..n-1; from n = 2^32 on, only multiples of a power of two.
  std::int64_t below(std::int64_t n) {
    unsigned shift = 0;
    while ((n >> shift) >= (std::int64_t{1} << 32)) ++shift;
    const auto range = static_cast<std::uint64_t>(n >> shift);
    return static_cast<std::int64_t>(((next() >> 32U) * range) >> 32U << shift);
  }

 private:
  std::uint64_t state_;
};

/// Which weights are zero.
struct Sparsity {
  std::string label = "dense";  ///< as in the model file
  int n = 0, m = 0;             ///< N:M, otherwise 0
  int zero_ppm = 0;             ///< zero weights per million where m = 0
  int filter_ppm = 0;           ///< output channels without weights per million
};
/// Throws BadInput for anything but the four spellings of SynthOptions.
[[nodiscard]] Sparsity parse_sparsity(const std::string& text);

/// Random weights of the layer's shape and format, -max..max; `taps` is its kernel size.
void draw_weights(Random& random, const Sparsity& sparsity, std::int64_t taps, Layer& layer);

/// Largest integer whose square is at most `value` (>= 0).
[[nodiscard]] std::int64_t integer_sqrt(std::int64_t value);

enum class Output : std::uint8_t { relu, plain, raw };

/// Makes layers for a network under construction; ids get rising numbers.
class LayerMaker {
 public:
  LayerMaker(const std::string& network_name, const SynthOptions& options);

  void input(const std::string& name, Shape shape);
  /// Row-wise change of the sparsity, for topology files.
  void use_sparsity(const Sparsity& sparsity) { sparsity_ = sparsity; }

  struct Conv {
    int in_channels = 1, out_channels = 1, kernel_h = 1, kernel_w = 1, stride = 1;
    std::array<int, 4> padding{0, 0, 0, 0};
    int groups = 1;
  };
  /// Each returns the id of the new layer.
  std::string conv(const std::string& name, const std::string& from, const Conv& shape,
                   Output output);
  /// Transposed: padded to stride times the input's extent.
  std::string conv_transpose(const std::string& name, const std::string& from, const Conv& shape,
                             Output output);
  std::string linear(const std::string& name, const std::string& from, int inputs, int outputs,
                     Output output = Output::raw);
  struct Pool {
    int kernel = 3, stride = 2;
    std::array<int, 4> padding{1, 1, 1, 1};
  };
  std::string maxpool(const std::string& name, const std::string& from, const Pool& shape);
  /// Sum of a signed branch and another tensor, then ReLU unless the output is plain.
  std::string add(const std::string& name, const std::string& branch, const std::string& other,
                  Output output);
  std::string global_avgpool(const std::string& name, const std::string& from, int pixels);

  /// Gain and offset of a norm are 1 and 0.
  std::string norm(const std::string& name, const std::string& from, LayerOp op);
  std::string matmul(const std::string& name, const std::string& a, const std::string& b, int heads,
                     std::int64_t terms);
  std::string softmax(const std::string& name, const std::string& from, int heads);
  /// A table in the place of GELU and SiLU: x above 0, x / 16 below.
  std::string bent(const std::string& name, const std::string& from);
  std::string mul(const std::string& name, const std::string& a, const std::string& b);
  /// Squeeze and excitation: channels times a factor of 0 to 1 made of their averages.
  std::string excited(const std::string& name, const std::string& from, int pixels, int channels,
                      int squeezed);
  std::string slice(const std::string& name, const std::string& from, std::array<int, 3> begin,
                    std::array<int, 3> size);
  std::string reshape(const std::string& name, const std::string& from, std::array<int, 3> shape);
  std::string transpose(const std::string& name, const std::string& from, int heads);
  std::string concat(const std::string& name, std::vector<std::string> inputs, int axis);
  std::string upsample(const std::string& name, const std::string& from, int factor, bool nearest);
  /// Random signed values.
  std::string constant(const std::string& name, Shape shape);
  /// factor^2 channels after the other become lines and columns of one.
  std::string pixel_shuffle(const std::string& name, const std::string& from, int factor);

  /// The network, checked.
  [[nodiscard]] Network finish(std::vector<std::string> outputs);

 private:
  Layer start(const std::string& name, LayerOp op, std::vector<std::string> inputs);
  /// The same with an output format.
  Layer with_format(const std::string& name, LayerOp op, std::vector<std::string> inputs,
                    const Format& format);
  std::string keep(Layer layer);
  /// What of the network's sparsity applies to the layer.
  [[nodiscard]] Sparsity sparsity_of(const Layer& layer) const;
  /// A convolution of either kind with its weights.
  Layer with_kernel(const std::string& name, LayerOp op, const std::string& from,
                    const Conv& shape);
  void fill_weights(Layer& layer, std::int64_t taps);
  /// `fan_in`: weights of an output channel, of which a pixel meets one in `phases`.
  void scale_output(Layer& layer, std::int64_t fan_in, Output output, std::int64_t phases = 1);
  [[nodiscard]] Format activation(bool is_signed) const;

  SynthOptions options_;
  Sparsity sparsity_;
  Random random_;
  Network network_;
};

}  // namespace tactus::synth
