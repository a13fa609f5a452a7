// SPDX-License-Identifier: Apache-2.0
// Networks of one layer "000_l" behind an input "x", and what the reference makes of them.
#pragma once

#include "ref/reference.hpp"

namespace tactus::testing {

/// 32-bit sums.
inline const Format raw{32, true, 0};

/// `layer` reads x unless it names its inputs.
inline Network one_layer(const Shape& in, const Format& format, Layer layer) {
  Network n;
  n.name = "one";
  n.inputs = {{"x", in, format, false, ""}};
  layer.id = "000_l";
  if (layer.inputs.empty()) layer.inputs = {"x"};
  n.layers = {std::move(layer)};
  n.outputs = {"000_l"};
  check_network(n);
  return n;
}

/// A layer of 8-bit weights [out, inner, kh, kw] whose result are raw sums.
inline Layer weighted_layer(LayerOp op, int out, int inner, int kh, int kw,
                            std::vector<std::int16_t> weight) {
  Layer l;
  l.op = op;
  l.kernel_h = kh;
  l.kernel_w = kw;
  l.out_channels = out;
  l.in_channels_per_group = inner;
  l.weight_format = Format{8, true, 0};
  l.weight = std::move(weight);
  l.out_format = raw;
  l.requant.clamp_min = raw.min();
  l.requant.clamp_max = raw.max();
  return l;
}

inline std::vector<std::int32_t> output(const Network& n, std::vector<std::int32_t> x,
                                        const RefOptions& options = {},
                                        std::uint64_t* overflows = nullptr) {
  std::map<std::string, std::uint64_t> counts;
  const QTensor input{n.inputs[0].shape, n.inputs[0].format, std::move(x)};
  const auto out = run_reference(n, {{"x", input}}, options, &counts);
  if (overflows != nullptr) *overflows = counts.at("000_l");
  return out.at("000_l").data;
}

}  // namespace tactus::testing
