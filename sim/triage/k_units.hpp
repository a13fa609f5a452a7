// SPDX-License-Identifier: Apache-2.0
// Which products make up one accumulator of a weighted layer, and in which K unit each of them is
// (models/numerics/k_mapping.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.hpp"
#include "numerics/k_mapping.hpp"
#include "program/program.hpp"

namespace tactus::triage {

/// One product of an output element.
struct KTerm {
  std::int64_t unit = -1;  ///< -1: the program leaves it out, its input channel is constant
  int channel = 0, ky = 0, kx = 0;  ///< input channel of the layer, kernel tap
  std::int64_t weight_index = 0;    ///< in the weight dataset, row major
  std::int64_t weight = 0;          ///< as stored
  std::int64_t operand = 0;         ///< weight - zero point
};

/// A conv2d or linear layer as one convolution; linear is a kernel as large as its input.
struct WeightedLayer {
  const Layer* layer = nullptr;
  Shape in;  ///< of the tensor read, flatten seen through
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1,
      top = 0, left = 0, groups = 1, inner = 1;

  WeightedLayer(const Layer& of, const Shape& input);
  [[nodiscard]] int input_y(int y, int ky) const { return y * stride_h - top + ky * dilation_h; }
  [[nodiscard]] int input_x(int x, int kx) const { return x * stride_w - left + kx * dilation_w; }
  [[nodiscard]] bool inside(int iy, int ix) const {
    return iy >= 0 && iy < in.h && ix >= 0 && ix < in.w;
  }
};

/// Terms of output element (o, y, *) by unit; terms of one unit by channel. `in` and `out` are the
/// places of the layer's input and output tensors: they say which channels the program has.
/// Weights of 0 have no unit of their own in an N:M layer and are left out there.
[[nodiscard]] std::vector<KTerm> k_terms(const WeightedLayer& layer, const KMapping& mapping,
                                         const TensorPlace& in, const TensorPlace& out, int o,
                                         int y);

/// The layer or input that a name stands for once flatten layers are seen through.
[[nodiscard]] const std::string& source_of(const Network& network, const std::string& id);

}  // namespace tactus::triage
