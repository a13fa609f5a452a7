// SPDX-License-Identifier: Apache-2.0
// Networks of known shape with random weights, for measuring speed and cycles. The same options
// give the same integers on every machine. Requantisation is chosen so that outputs are spread
// over their format. Every network has passed check_network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/network.hpp"

namespace tactus {

struct SynthOptions {
  int act_bits = 8;     ///< 1..16; inputs and ReLU outputs are unsigned
  int weight_bits = 8;  ///< 1..16, signed and symmetric: 1 bit is -1 and +1, 2 bits are ternary
  int first_bits = 0;   ///< 1..16, width of the network input; 0: as act_bits
  /// "dense"; "N:M" along the input channels of each kernel position; "0.85", the fraction of
  /// zero weights; "filter:0.5", the fraction of output channels without weights and bias. N:M
  /// leaves layers of less than 4 input channels per group dense, filter leaves the logits.
  std::string sparsity = "dense";
  std::uint64_t seed = 1;
  int image = 224;  ///< 1..4096, height and width of the input of image networks
};

/// ResNet-18 for ImageNet: input "image" of 3 channels, 1000 raw 32-bit logits. All functions
/// throw BadInput for options out of range.
[[nodiscard]] Network make_resnet18(const SynthOptions& options);

/// MobileNetV1 of width 1.0 for ImageNet: depthwise separable convolutions, symmetric padding of 1.
[[nodiscard]] Network make_mobilenet_v1(const SynthOptions& options);

/// ResNet-50 for ImageNet, version 1.5: the 3x3 convolution of a block has the stride.
[[nodiscard]] Network make_resnet50(const SynthOptions& options);

/// MobileNetV2 of width 1.0 for ImageNet: inverted residuals with linear bottlenecks.
[[nodiscard]] Network make_mobilenet_v2(const SynthOptions& options);

/// MobileNetV3-Large for ImageNet: squeeze and excitation; tables stand for hard swish and sigmoid.
[[nodiscard]] Network make_mobilenet_v3(const SynthOptions& options);

/// VGG-16 for ImageNet; the image is a multiple of 32.
[[nodiscard]] Network make_vgg16(const SynthOptions& options);

/// YOLOv3-tiny: two detection maps, ReLU for leaky ReLU; the image is a multiple of 32.
[[nodiscard]] Network make_tiny_yolov3(const SynthOptions& options);

/// ESPCN super-resolution of 3 channels by 2.
[[nodiscard]] Network make_espcn(const SynthOptions& options);

/// FSRCNN super-resolution of the luminance by 2: a transposed convolution at the end; ReLU for
/// PReLU.
[[nodiscard]] Network make_fsrcnn(const SynthOptions& options);

/// ViT-Tiny/16 with 1000 logits. Activations and residuals have act_bits; the gains of the norms
/// are 1, as when they are folded into the weights behind.
[[nodiscard]] Network make_vit_tiny(const SynthOptions& options);

/// ViT-Base/16: width 768 and 12 heads; as vit_tiny otherwise.
[[nodiscard]] Network make_vit_base(const SynthOptions& options);

/// BERT-base: 128 embedded tokens in, 2 logits of the first token out; as vit_tiny otherwise.
[[nodiscard]] Network make_bert_base(const SynthOptions& options);

/// One decoder layer of the shape of a 7B language model (width 4096, 32 heads, 11008 gated inner
/// channels) for 16 tokens, without mask and rotary embedding.
[[nodiscard]] Network make_llm_layer(const SynthOptions& options);

/// Names of the networks above, in the order of a help text, and the same as "resnet18, ...".
[[nodiscard]] std::vector<std::string> synth_names();
[[nodiscard]] std::string synth_name_list();
/// The network of one of these names. Throws BadInput for another name.
[[nodiscard]] Network make_named(const std::string& name, const SynthOptions& options);

/// One convolution of an input "in" with `kernel` x `kernel` windows, padded to an output of
/// ceil(height / stride) x ceil(width / stride), then ReLU.
struct ConvShape {
  int in_channels = 1, height = 1, width = 1, out_channels = 1, kernel = 1, stride = 1, groups = 1;
};
[[nodiscard]] Network make_conv(const ConvShape& shape, const SynthOptions& options);

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
