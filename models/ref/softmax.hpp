// SPDX-License-Identifier: Apache-2.0
// Integer softmax over the channels of each pixel, from the definitions: TFLite's of
// semantics-tflite-onnx.md 3.6, and softmax_lut of models/numerics/softmax.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.hpp"

namespace tactus::ref {

/// Appends the values of a softmax layer in C,H,W order.
void softmax(const Layer& layer, const QTensor& input, std::vector<std::int32_t>& values);

}  // namespace tactus::ref
