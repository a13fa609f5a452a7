// SPDX-License-Identifier: Apache-2.0
// Networks of known shape with random weights, for measuring speed and cycles. The same options
// give the same integers on every machine. Requantisation is chosen so that outputs are spread
// over their format. Every network has passed check_network.
#pragma once

#include <cstdint>
#include <string>

#include "network/network.hpp"

namespace tactus {

struct SynthOptions {
  int act_bits = 8;                ///< 2..8; inputs and ReLU outputs are unsigned
  int weight_bits = 8;             ///< 2..8, signed
  std::string sparsity = "dense";  ///< "dense", "N:M" along the input channels, or the fraction
                                   ///< of zero weights as a decimal number, "0.85"
  std::uint64_t seed = 1;
  int image = 224;  ///< 1..4096, height and width of the resnet18 input
};

/// ResNet-18 for ImageNet: input "image" of 3 channels, 1000 raw 32-bit logits. All functions
/// throw BadInput for options out of range.
[[nodiscard]] Network make_resnet18(const SynthOptions& options);

/// C[m][n] = A[m][k] * B[k][n] as a 1x1 convolution: input "in" with c = k, h = 1, w = m; the
/// weights are B, n is the number of output channels.
[[nodiscard]] Network make_gemm(int m, int n, int k, const SynthOptions& options);

/// A SCALE-Sim topology file: convolution rows (name, IFMAP height, width, filter height, width,
/// channels, filters, stride) or, if the header says "Layer, M, N, K,", GEMM rows; an optional
/// further column holds N:M sparsity of the row. Each row is a layer of its own with the network
/// input in_<row>, rows counted from 0. SCALE-Sim rounds the output size up where the stride does
/// not divide; the layer is then padded at bottom and right to have the same size.
[[nodiscard]] Network make_topology(const std::string& csv_path, const SynthOptions& options);

}  // namespace tactus
