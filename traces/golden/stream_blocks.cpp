// SPDX-License-Identifier: Apache-2.0
// The blocks of the three streams.
#include <algorithm>

#include "golden/encode.hpp"
#include "golden/stream_parts.hpp"
#include "golden/streams.hpp"
#include "numerics/errors.hpp"

namespace tactus::golden {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Fields side by side from bit 0 on.
class Fields {
 public:
  explicit Fields(std::int64_t bits) : word_(bits_of(bits)) {}
  void operator()(int width, std::int64_t value) {
    word_.put(place_, width, value);
    place_ += bits_of(width);
  }
  void skip_to(std::int64_t place) { place_ = bits_of(place); }
  [[nodiscard]] std::string line() const { return word_.hex() + "\n"; }

 private:
  BitWord word_;
  std::size_t place_ = 0;
};

/// The sums of a mac block without bias. A saturating accumulator takes `fold` steps at once.
class Sums {
 public:
  Sums(const StreamShape& shape, const Settle& settle, std::int64_t pixels, std::int64_t channels)
      : shape_(shape), settle_(settle) {
    for (auto* values : {&fold_, &acc_}) values->assign(at(pixels * channels), 0);
    channels_ = channels;
  }
  void add(std::int64_t pixel, std::int64_t channel, std::int64_t product) {
    fold_[at(pixel * channels_ + channel)] += product;
  }
  /// Behind the last term of step k of `steps`.
  void step(std::int64_t k, std::int64_t steps) {
    if (k + 1 < steps && (k + 1) % shape_.fold != 0) return;
    for (std::size_t i = 0; i < acc_.size(); ++i) {
      acc_[i] = settle_(acc_[i], fold_[i], overflowed_);
      fold_[i] = 0;
    }
  }
  [[nodiscard]] std::int64_t operator()(std::int64_t pixel, std::int64_t channel) const {
    return acc_[at(pixel * channels_ + channel)];
  }
  [[nodiscard]] bool saturated() const { return shape_.saturates && overflowed_; }

 private:
  const StreamShape& shape_;
  const Settle& settle_;
  std::int64_t channels_ = 1;
  std::vector<std::int64_t> fold_, acc_;
  bool overflowed_ = false;
};

/// What an elem block does; traces/README.md says how.
enum class Operation : std::uint8_t { sum, max, add, mul, maximum, minimum, clamp, look_up };

Operation operation_of(LayerOp op) {
  switch (op) {
    case LayerOp::avgpool:
    case LayerOp::global_avgpool:
    case LayerOp::requant:
      return Operation::sum;
    case LayerOp::maxpool:
      return Operation::max;
    case LayerOp::add:
      return Operation::add;
    case LayerOp::mul:
      return Operation::mul;
    case LayerOp::maximum:
      return Operation::maximum;
    case LayerOp::minimum:
      return Operation::minimum;
    case LayerOp::clamp:
      return Operation::clamp;
    case LayerOp::lut:
      return Operation::look_up;
    default:
      throw InternalError(std::string("a layer of kind ") + name_of(op) + " in the elem stream");
  }
}

/// The layer with the clamps that an elem block gets: all that the format holds for a maximum, the
/// operand's range for a table.
Layer with_clamps(const Layer& layer, const Format& in) {
  Layer out;
  out.op = layer.op;
  out.requant = layer.requant;
  out.out_format = layer.out_format;
  if (layer.op == LayerOp::maxpool) {
    out.requant.clamp_min = layer.out_format.min();
    out.requant.clamp_max = layer.out_format.max();
  } else if (layer.op == LayerOp::lut) {
    out.requant.clamp_min = in.min();
    out.requant.clamp_max = in.max();
  }
  return out;
}

}  // namespace

bool Streams::add_mac(std::int64_t name, const Layer& layer, const Tensors& tensors,
                      bool overflowed, std::vector<std::int64_t>& all) {
  const Product product(layer);
  all.assign(at(layer.out_shape.count()), 0);
  const QTensor& input = tensors.values.at(layer.inputs.at(0));
  const QTensor* other =
      layer.op == LayerOp::matmul ? &tensors.values.at(layer.inputs.at(1)) : nullptr;
  const auto known = tensors.accumulators.find(layer.id);
  const StreamShape& s = shape_;
  Stream& mac = of(StreamKind::mac);
  bool saturated = false;
  std::vector<std::int64_t> x(at(s.rows)), w(at(s.cols));
  for (int group = 0; group < product.groups; ++group) {
    for (std::int64_t c0 = 0; c0 < product.group_channels; c0 += s.cols) {
      const std::int64_t first = std::int64_t{group} * product.group_channels + c0;
      const std::int64_t channels = std::min<std::int64_t>(s.cols, product.group_channels - c0);
      for (std::int64_t p0 = 0; p0 < product.pixels; p0 += s.rows) {
        const std::int64_t pixels = std::min(s.rows, product.pixels - p0);
        Sums sums(s, settle_, pixels, channels);
        for (std::int64_t k = 0; k < product.steps(); ++k) {
          Fields act(s.rows * s.act_bits), wgt(s.cols * s.wgt_bits);
          for (std::int64_t p = 0; p < pixels; ++p) {
            act(s.act_bits, x[at(p)] = product.operand(input, group, p0 + p, k));
          }
          for (std::int64_t c = 0; c < channels; ++c) {
            wgt(s.wgt_bits, w[at(c)] = product.weight(other, first + c, k));
            for (std::int64_t p = 0; p < pixels; ++p) sums.add(p, c, x[at(p)] * w[at(c)]);
          }
          sums.step(k, product.steps());
          mac.act += act.line();
          mac.wgt += wgt.line();
          ++mac.weights;
        }
        saturated = saturated || sums.saturated();
        for (std::int64_t p = 0; p < s.rows; ++p) {
          Fields out(s.cols * s.acc_bits);
          for (std::int64_t c = 0; c < channels && p < pixels; ++c) {
            out(s.acc_bits, sums(p, c));
            // The reference adds the bias as one more step.
            const std::int64_t place = (first + c) * product.pixels + p0 + p;
            const std::int64_t bias = at_channel(layer.bias, first + c, std::int64_t{0});
            all[at(place)] = sums(p, c) + bias;
            if (overflowed || saturated || known == tensors.accumulators.end()) continue;
            if (all[at(place)] != known->second[at(place)]) {
              throw InternalError("layer " + layer.id + ": the mac stream has the sum " +
                                  std::to_string(all[at(place)]) + ", the reference " +
                                  std::to_string(known->second[at(place)]));
            }
          }
          mac.out += out.line();
        }
        add_block(mac,
                  {name, product.steps(), s.rows, p0, first, pixels, channels, layer.out_shape.w});
      }
    }
  }
  return saturated;
}

void Streams::add_post(std::int64_t name, const Layer& layer, const Tensors& tensors,
                       const std::vector<std::int64_t>& sums) {
  const StreamShape& s = shape_;
  Stream& post = of(StreamKind::post);
  const std::int64_t plane = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
  const auto& outputs = tensors.values.at(layer.id).data;
  // An accumulator that saturated with the bias does so from the limit, too.
  const std::int64_t most = (std::int64_t{1} << (s.acc_bits - 1)) - 1;
  const auto psum_of = [&](std::int64_t sum, std::int64_t bias) {
    return s.saturates ? std::clamp(sum - bias, -most - 1, most) : sum - bias;
  };
  for (std::int64_t first = 0; first < layer.out_shape.c; first += s.cols) {
    const std::int64_t channels = std::min<std::int64_t>(s.cols, layer.out_shape.c - first);
    Fields constants(s.cols * channel_bits + requant_width);
    for (std::int64_t c = first; c < first + channels; ++c) {
      put_record(layer, c, at_channel(layer.bias, c, std::int64_t{0}), constants);
    }
    constants.skip_to(s.cols * channel_bits);
    put_requant(layer, constants);
    for (std::int64_t p0 = 0; p0 < plane; p0 += post_pixels) {
      const std::int64_t pixels = std::min(post_pixels, plane - p0);
      post.wgt += constants.line();
      ++post.weights;
      for (std::int64_t p = p0; p < p0 + pixels; ++p) {
        Fields act(s.cols * s.acc_bits), out(s.cols * value_width);
        for (std::int64_t c = first; c < first + channels; ++c) {
          const std::int64_t bias = at_channel(layer.bias, c, std::int64_t{0});
          act(s.acc_bits, psum_of(sums[at(c * plane + p)], bias));
          out(value_width, outputs[at(c * plane + p)]);
        }
        post.act += act.line();
        post.out += out.line();
      }
      add_block(post, {name, pixels, pixels, p0, first, pixels, channels, layer.out_shape.w});
    }
  }
}

void Streams::add_elem(std::int64_t name, const Layer& layer, const Tensors& tensors) {
  const StreamShape& s = shape_;
  Stream& elem = of(StreamKind::elem);
  std::vector<const QTensor*> inputs;
  for (const std::string& id : layer.inputs) inputs.push_back(&tensors.values.at(id));
  const bool two = inputs.size() == 2;
  const std::int64_t plane = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
  const auto& outputs = tensors.values.at(layer.id).data;
  const Layer constants_of = with_clamps(layer, inputs[0]->format);
  const Operation operation = operation_of(layer.op);
  const bool by_count = layer.requant.convention == Convention::avg_tflite;

  const auto constants = [&](const ElemWindow& window, std::int64_t first, std::int64_t channels) {
    Fields put(s.cols * channel_bits + requant_width + elem_width + s.table_entries * entry_width);
    const std::int64_t zero = by_count ? 0 : inputs[0]->format.zero_point;
    for (std::int64_t c = first; c < first + channels; ++c) {
      put_record(constants_of, c,
                 operation == Operation::sum ? -zero * window.h * window.w : std::int64_t{0}, put);
    }
    put.skip_to(s.cols * channel_bits);
    put_requant(constants_of, put);
    put(operation_width, static_cast<std::int64_t>(operation));
    put(window_width, two ? 1 : window.h);
    put(window_width, two ? 2 : window.w);
    for (std::size_t i = 0; i < 2; ++i) {
      const OperandScale& scale = layer.operand_scale[i];
      put(zero_width, i < inputs.size() ? inputs[i]->format.zero_point : 0);
      put(factor_width, scale.mult);
      put(left_width, scale.left_shift);
      put(shift_width, scale.shift);
    }
    put(lut_width, layer.interpolate_bits);
    for (const std::int64_t entry : layer.table) put(entry_width, entry);
    return put.line();
  };

  for (std::int64_t first = 0; first < layer.out_shape.c; first += s.cols) {
    const std::int64_t channels = std::min<std::int64_t>(s.cols, layer.out_shape.c - first);
    // A block's windows have one size.
    for (std::int64_t p0 = 0, pixels = 0; p0 < plane; p0 += pixels) {
      const ElemWindow window = elem_window(layer, p0);
      const std::int64_t taps = two ? 2 : std::int64_t{window.h} * window.w;
      if (window.h < 1 || window.w < 1 || window.h > 255 || window.w > 255) {
        throw InternalError("layer " + layer.id + " has a window of " + std::to_string(taps) +
                            " taps");
      }
      for (pixels = 0; pixels < post_pixels && p0 + pixels < plane; ++pixels) {
        const ElemWindow next = elem_window(layer, p0 + pixels);
        if (next.h != window.h || next.w != window.w || (pixels + 1) * taps > s.max_beats) break;
      }
      elem.wgt += constants(window, first, channels);
      ++elem.weights;
      for (std::int64_t p = p0; p < p0 + pixels; ++p) {
        const ElemWindow here = elem_window(layer, p);
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          const QTensor& source = *inputs[two ? at(tap) : 0];
          const std::int64_t y = here.y + (two ? 0 : tap / here.w);
          const std::int64_t x = here.x + (two ? 0 : tap % here.w);
          Fields act(s.cols * value_width);
          for (std::int64_t c = first; c < first + channels; ++c) {
            // Of an operand of two one channel or one pixel may stand for all.
            const Shape& s1 = source.shape;
            const std::int64_t line = (s1.c == 1 ? 0 : c) * s1.h + (s1.h == 1 ? 0 : y);
            act(value_width, source.data[at(line * s1.w + (s1.w == 1 ? 0 : x))]);
          }
          elem.act += act.line();
        }
        Fields out(s.cols * value_width);
        for (std::int64_t c = first; c < first + channels; ++c) {
          out(value_width, outputs[at(c * plane + p)]);
        }
        elem.out += out.line();
      }
      add_block(elem,
                {name, pixels * taps, pixels, p0, first, pixels, channels, layer.out_shape.w});
    }
  }
}

}  // namespace tactus::golden
