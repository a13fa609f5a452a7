// SPDX-License-Identifier: Apache-2.0
#include "golden/stream_use.hpp"

#include <algorithm>

namespace tactus::golden {
namespace {

bool of_one_operand(Convention convention) {
  switch (convention) {
    case Convention::none:
    case Convention::mul_shift:
    case Convention::pow2:
    case Convention::tflite_double:
    case Convention::tflite_single:
    case Convention::tflite_s64:
      return true;
    default:
      return false;
  }
}

}  // namespace

const char* name_of(StreamKind kind) {
  constexpr const char* names[stream_count] = {"mac", "post", "elem"};
  return names[static_cast<std::size_t>(kind)];
}

bool StreamUse::in(StreamKind kind) const {
  return std::find(streams.begin(), streams.end(), kind) != streams.end();
}

StreamUse stream_use(const Layer& layer) {
  StreamUse use;
  use.layer = layer.id;
  use.op = name_of(layer.op);
  switch (layer.op) {
    case LayerOp::conv2d:
    case LayerOp::conv_transpose2d:
    case LayerOp::linear:
    case LayerOp::matmul:
      use.streams.push_back(StreamKind::mac);
      if (of_one_operand(layer.requant.convention)) {
        use.streams.push_back(StreamKind::post);
      } else {
        use.note = std::string("its accumulators are in the mac stream; the convention ") +
                   name_of(layer.requant.convention) + " is not one of the post stream";
      }
      break;
    case LayerOp::add:
    case LayerOp::mul:
    case LayerOp::maximum:
    case LayerOp::minimum:
    case LayerOp::clamp:
    case LayerOp::maxpool:
    case LayerOp::avgpool:
    case LayerOp::global_avgpool:
    case LayerOp::requant:
    case LayerOp::lut:
      use.streams.push_back(StreamKind::elem);
      break;
    case LayerOp::softmax:
    case LayerOp::layernorm:
    case LayerOp::rmsnorm:
      use.note = "works on whole rows of channels, which no stream carries";
      break;
    case LayerOp::flatten:
    case LayerOp::transpose:
    case LayerOp::concat:
    case LayerOp::slice:
    case LayerOp::constant:
    case LayerOp::upsample:
    case LayerOp::pixel_shuffle:
    case LayerOp::space_to_depth:
    case LayerOp::reshape:
      use.note = "moves values and computes none";
      break;
  }
  return use;
}

}  // namespace tactus::golden
