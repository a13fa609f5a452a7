// SPDX-License-Identifier: Apache-2.0
#include "run/accumulators.hpp"

#include <algorithm>
#include <limits>

#include "lower/split_layers.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool is_average(const Layer& layer) {
  return layer.op == LayerOp::avgpool || layer.op == LayerOp::global_avgpool;
}

/// The tensor that a layer really reads: flatten only renames it.
const std::string& source_of(const Network& network, const std::string& id) {
  const Layer* layer = network.find_layer(id);
  if (layer == nullptr || layer->op != LayerOp::flatten) return id;
  return source_of(network, layer->inputs.at(0));
}

std::int64_t weight_operand(const Layer& layer, std::int64_t per_channel, std::int64_t o,
                            std::int64_t i) {
  const auto& zero = layer.weight_zero_point;
  const std::int64_t zero_point = zero.empty() ? 0 : zero[zero.size() == 1 ? 0 : at(o)];
  return layer.weight[at(o * per_channel + i)] - zero_point;
}

/// Sums of the positive and of the negative weights of an output channel.
struct SignedSums {
  std::int64_t positive = 0, negative = 0;
};
SignedSums signed_sums(const Layer& layer, std::int64_t per_channel, std::int64_t o) {
  const auto& zero = layer.weight_zero_point;
  const auto zero_point =
      static_cast<std::int32_t>(zero.empty() ? 0 : zero[zero.size() == 1 ? 0 : at(o)]);
  const std::int16_t* const weights = layer.weight.data() + o * per_channel;
  SignedSums sums;
  constexpr std::int64_t chunk = 4096;  // weights of 17 bits whose sum fits 32 bits
  for (std::int64_t from = 0; from < per_channel; from += chunk) {
    const std::int64_t end = std::min(per_channel, from + chunk);
    std::int32_t positive = 0, negative = 0;
    for (std::int64_t i = from; i < end; ++i) {
      const std::int32_t w = weights[i] - zero_point;
      positive += w > 0 ? w : 0;
      negative += w < 0 ? w : 0;
    }
    sums.positive += positive;
    sums.negative += negative;
  }
  return sums;
}

std::int64_t bias_of(const Layer& layer, std::int64_t o) {
  return layer.bias.empty() ? 0 : layer.bias[at(o)];
}

/// One nonzero weight of an output channel and where its exact sum ends.
struct Term {
  std::int64_t sum = 0;  ///< number of the exact sum
  std::int64_t c = 0;    ///< input channel
  int ky = 0, kx = 0;
  std::int64_t weight = 0;
};

/// A convolution or linear layer over the tensor that it reads.
class Observer {
 public:
  Observer(const Layer& layer, const QTensor& input, const KMapping& mapping)
      : layer_(layer), in_(input), map_(mapping) {
    if (layer.op == LayerOp::linear) {
      kernel_h_ = input.shape.h;
      kernel_w_ = input.shape.w;
      inner_ = input.shape.c;
    } else {
      kernel_h_ = layer.kernel_h;
      kernel_w_ = layer.kernel_w;
      inner_ = layer.in_channels_per_group;
    }
    const auto pixels = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
    sums_.resize(at(pixels));
    chunk_.resize(at(pixels));
  }

  void run(AccumulatorRange& range) {
    const int phases = static_cast<int>(map_.line_phases);
    for (int o = 0; o < layer_.out_shape.c; ++o) {
      for (int phase = 0; phase < phases; ++phase) channel(o, phase, range);
    }
  }

 private:
  [[nodiscard]] int stride_h() const { return layer_.op == LayerOp::linear ? 1 : layer_.stride_h; }

  [[nodiscard]] std::vector<Term> terms_of(int o, int phase) const {
    const std::int64_t per_channel = std::int64_t{inner_} * kernel_h_ * kernel_w_;
    const int per_group = layer_.out_shape.c / layer_.groups;
    const std::int64_t first = std::int64_t{o / per_group} * inner_;
    const std::int64_t tile = map_.column_channels > 0 ? o / map_.column_channels : 0;
    const std::int64_t tile_first =
        tile * map_.column_channels / per_group * inner_ / map_.bundle * map_.bundle;
    std::vector<Term> terms;
    for (int ky = 0; ky < kernel_h_; ++ky) {
      for (int kx = 0; kx < kernel_w_; ++kx) {
        std::int64_t kept = 0, group = -1;
        for (std::int64_t i = 0; i < inner_; ++i) {
          const std::int64_t w =
              weight_operand(layer_, per_channel, o, (i * kernel_h_ + ky) * kernel_w_ + kx);
          if (w == 0) continue;
          const std::int64_t c = first + i - tile_first;
          if (c / map_.candidates != group) {
            group = c / map_.candidates;
            kept = 0;
          }
          terms.push_back({sum_of(c, phase * stride_h() + ky, kx, kept++), first + i, ky, kx, w});
        }
      }
    }
    std::stable_sort(terms.begin(), terms.end(),
                     [](const Term& a, const Term& b) { return a.sum < b.sum; });
    return terms;
  }

  [[nodiscard]] std::int64_t sum_of(std::int64_t c, std::int64_t ky, std::int64_t kx,
                                    std::int64_t kept) const {
    if (map_.rows == 0) return 0;
    const std::int64_t plane = c / map_.bundle;
    const std::int64_t s = c % map_.bundle / (map_.lanes * map_.candidates);
    const std::int64_t n = map_.kept > 1 ? kept : 0;
    const std::int64_t position =
        (ky * kernel_w_ + kx) * std::max<std::int64_t>(map_.slots, 1) + plane / map_.group;
    const std::int64_t unit =
        ((position * map_.windows + s) * map_.kept + n) * map_.group + plane % map_.group;
    return map_.output_stationary ? unit : unit / map_.rows;
  }

  void add(const Term& term, int phase) {
    const int stride_w = layer_.op == LayerOp::linear ? 1 : layer_.stride_w;
    const int dilation_h = layer_.op == LayerOp::linear ? 1 : layer_.dilation_h;
    const int dilation_w = layer_.op == LayerOp::linear ? 1 : layer_.dilation_w;
    const int top = layer_.op == LayerOp::linear ? 0 : layer_.padding[0];
    const int left = layer_.op == LayerOp::linear ? 0 : layer_.padding[1];
    const Shape& out = layer_.out_shape;
    const auto phases = static_cast<int>(map_.line_phases);
    for (int oy = phase; oy < out.h; oy += phases) {
      const int y = oy * stride_h() - top + term.ky * dilation_h;
      if (y < 0 || y >= in_.shape.h) continue;
      const std::int32_t* line = in_.data.data() + (term.c * in_.shape.h + y) * in_.shape.w;
      std::int64_t* sum = sums_.data() + std::int64_t{oy} * out.w;
      for (int ox = 0; ox < out.w; ++ox) {
        const int x = ox * stride_w - left + term.kx * dilation_w;
        if (x < 0 || x >= in_.shape.w) continue;
        sum[ox] += term.weight * (line[x] - in_.format.zero_point);
      }
    }
  }

  void channel(int o, int phase, AccumulatorRange& range) {
    std::fill(sums_.begin(), sums_.end(), 0);
    std::fill(chunk_.begin(), chunk_.end(), 0);
    const std::vector<Term> terms = terms_of(o, phase);
    const bool restarts = map_.output_stationary && map_.chunk > 0;
    std::int64_t chunk = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (restarts && terms[i].sum / map_.chunk != chunk) {
        chunk = terms[i].sum / map_.chunk;
        end_chunk(range);
      }
      add(terms[i], phase);
      if (i + 1 == terms.size() || terms[i + 1].sum != terms[i].sum) look(sums_, range);
    }
    if (restarts) end_chunk(range);
    const auto phases = map_.line_phases;
    const std::vector<std::int64_t>& total = restarts ? chunk_ : sums_;
    for (std::int64_t y = phase; y < layer_.out_shape.h; y += phases) {
      for (std::int64_t x = 0; x < layer_.out_shape.w; ++x) {
        range.include(total[at(y * layer_.out_shape.w + x)] + bias_of(layer_, o));
      }
    }
  }

  /// The sum of a chunk goes to the partial sums and starts again at 0.
  void end_chunk(AccumulatorRange& range) {
    for (std::size_t i = 0; i < sums_.size(); ++i) chunk_[i] += sums_[i];
    std::fill(sums_.begin(), sums_.end(), 0);
    look(chunk_, range);
  }

  static void look(const std::vector<std::int64_t>& values, AccumulatorRange& range) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    range.include(*low);
    range.include(*high);
  }

  const Layer& layer_;
  const QTensor& in_;
  const KMapping& map_;
  int kernel_h_ = 1, kernel_w_ = 1, inner_ = 1;
  std::vector<std::int64_t> sums_, chunk_;
};

/// What is taken from each tap of an average pool before the policy looks at the sum.
std::int64_t average_zero(const Layer& layer, const Format& format) {
  return layer.requant.convention == Convention::avg_tflite ? 0 : format.zero_point;
}

/// Sums of an average pool's windows: taps outside the image are 0.
void observe_average(const Layer& layer, const QTensor& in, AccumulatorRange& range) {
  const bool whole = layer.op == LayerOp::global_avgpool;
  const int kernel_h = whole ? in.shape.h : layer.kernel_h;
  const int kernel_w = whole ? in.shape.w : layer.kernel_w;
  for (int c = 0; c < layer.out_shape.c; ++c) {
    for (int oy = 0; oy < layer.out_shape.h; ++oy) {
      for (int ox = 0; ox < layer.out_shape.w; ++ox) {
        std::int64_t sum = 0;
        for (int ky = 0; ky < kernel_h; ++ky) {
          for (int kx = 0; kx < kernel_w; ++kx) {
            const int y = oy * layer.stride_h - (whole ? 0 : layer.padding[0]) + ky;
            const int x = ox * layer.stride_w - (whole ? 0 : layer.padding[1]) + kx;
            if (y < 0 || y >= in.shape.h || x < 0 || x >= in.shape.w) {
              sum += in.format.zero_point;
              continue;
            }
            sum += in.data[at((std::int64_t{c} * in.shape.h + y) * in.shape.w + x)];
          }
        }
        range.include(sum - kernel_h * kernel_w * average_zero(layer, in.format));
      }
    }
  }
}

/// Sums of the products of two activations after each fold.
void observe_product(const Layer& layer, const QTensor& a, const QTensor& b,
                     const KMapping& mapping, AccumulatorRange& range) {
  const std::int64_t terms = a.shape.c / layer.heads, m = a.shape.w, n = b.shape.w;
  const std::int64_t rows = mapping.rows > 0 ? mapping.rows : terms;
  for (std::int64_t channel = 0; channel < layer.out_shape.c; ++channel) {
    const std::int64_t first = channel / n * terms;
    for (std::int64_t pixel = 0; pixel < m; ++pixel) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < terms; ++k) {
        sum += (a.data[at((first + k) * m + pixel)] - a.format.zero_point) *
               (b.data[at((first + k) * n + channel % n)] - b.format.zero_point);
        if ((k + 1) % rows == 0 || k + 1 == terms) range.include(sum);
      }
    }
  }
}

/// Calls use(layer) with the layer whose accumulators the array has: that of the phases for a
/// transposed convolution.
template <typename Use>
void with_summed(const Layer& layer, const Use& use) {
  if (layer.op == LayerOp::conv_transpose2d) {
    use(lower::phases_of(layer));
  } else {
    use(layer);
  }
}

/// Bounds of every partial sum in any order, for activations of a format.
AccumulatorRange worst_case(const Layer& layer, const Format& format) {
  const std::int64_t low = format.min() - format.zero_point;
  const std::int64_t high = format.max() - format.zero_point;
  const auto channels = static_cast<std::int64_t>(layer.out_shape.c);
  const std::int64_t per_channel = static_cast<std::int64_t>(layer.weight.size()) / channels;
  AccumulatorRange range;
  const std::int64_t below = std::min<std::int64_t>(low, 0);
  const std::int64_t above = std::max<std::int64_t>(high, 0);
  for (std::int64_t o = 0; o < channels; ++o) {
    const SignedSums sums = signed_sums(layer, per_channel, o);
    const std::int64_t least = sums.positive * below + sums.negative * above;
    const std::int64_t most = sums.positive * above + sums.negative * below;
    for (const std::int64_t bound : {least, most}) {
      range.include(bound);
      range.include(bound + bias_of(layer, o));
    }
  }
  return range;
}

/// Bounds of every partial sum of products of two activations in any order. A term lies between
/// the least and the greatest product of an end of one operand's range with an end of the other's;
/// a partial sum has from none to all of the terms.
AccumulatorRange worst_product(std::int64_t terms, const Format& a, const Format& b) {
  AccumulatorRange range;
  for (const std::int64_t x : {a.min() - a.zero_point, a.max() - a.zero_point}) {
    for (const std::int64_t y : {b.min() - b.zero_point, b.max() - b.zero_point}) {
      range.include(terms * x * y);
    }
  }
  return range;
}

}  // namespace

bool has_accumulators(LayerOp op) {
  switch (op) {
    case LayerOp::conv2d:
    case LayerOp::conv_transpose2d:
    case LayerOp::linear:
    case LayerOp::matmul:
    case LayerOp::avgpool:
    case LayerOp::global_avgpool:
    case LayerOp::requant:
      return true;
    // Sums inside a step of the post-processor, as wide as they become: two operands at most, and
    // the row unit's own registers (numerics/softmax.hpp, norm.hpp).
    case LayerOp::add:
    case LayerOp::mul:
    case LayerOp::softmax:
    case LayerOp::layernorm:
    case LayerOp::rmsnorm:
    // Values that are compared, looked up or moved.
    case LayerOp::clamp:
    case LayerOp::maxpool:
    case LayerOp::maximum:
    case LayerOp::minimum:
    case LayerOp::lut:
    case LayerOp::flatten:
    case LayerOp::transpose:
    case LayerOp::concat:
    case LayerOp::slice:
    case LayerOp::constant:
    case LayerOp::upsample:
    case LayerOp::pixel_shuffle:
    case LayerOp::space_to_depth:
    case LayerOp::reshape:
      return false;
  }
  throw InternalError("a layer op without a word on its accumulators");
}

int AccumulatorRange::bits() const {
  int n = 1;
  while (min < -(std::int64_t{1} << (n - 1)) || max > (std::int64_t{1} << (n - 1)) - 1) ++n;
  return n;
}

void AccumulatorRange::include(std::int64_t value) {
  min = std::min(min, value);
  max = std::max(max, value);
}

AccumulatorRanges worst_case_accumulators(const Network& network) {
  AccumulatorRanges ranges;
  for (const Layer& layer : network.layers) {
    if (!has_accumulators(layer.op)) continue;
    const std::string& input = source_of(network, layer.inputs.at(0));
    const Format format = network.format_of(input);
    AccumulatorRange& range = ranges[layer.id];
    if (is_average(layer)) {
      const Shape in = network.shape_of(layer.inputs.at(0));
      const std::int64_t taps = layer.op == LayerOp::global_avgpool
                                    ? std::int64_t{in.h} * in.w
                                    : std::int64_t{layer.kernel_h} * layer.kernel_w;
      const std::int64_t zero = average_zero(layer, format);
      range.include(taps * (format.min() - zero));
      range.include(taps * (format.max() - zero));
    } else if (layer.op == LayerOp::requant) {
      range.include(format.min() - format.zero_point);
      range.include(format.max() - format.zero_point);
    } else if (layer.op == LayerOp::matmul) {
      const Format other = network.format_of(source_of(network, layer.inputs.at(1)));
      range = worst_product(network.shape_of(layer.inputs.at(0)).c / layer.heads, format, other);
    } else {
      with_summed(layer, [&](const Layer& l) { range = worst_case(l, format); });
    }
  }
  return ranges;
}

void observe_accumulators(const Network& network, const std::map<std::string, QTensor>& tensors,
                          const std::map<std::string, KMapping>& mappings,
                          AccumulatorRanges& ranges) {
  const KMapping none;
  for (const Layer& layer : network.layers) {
    if (!has_accumulators(layer.op)) continue;
    const QTensor& input = tensors.at(source_of(network, layer.inputs.at(0)));
    AccumulatorRange& range = ranges[layer.id];
    if (is_average(layer)) {
      observe_average(layer, input, range);
      continue;
    }
    if (layer.op == LayerOp::requant) {
      for (const std::int32_t value : input.data) range.include(value - input.format.zero_point);
      continue;
    }
    const auto known = mappings.find(layer.id);
    const KMapping& mapping = known == mappings.end() ? none : known->second;
    if (layer.op == LayerOp::matmul) {
      observe_product(layer, tensors.at(layer.inputs.at(0)), tensors.at(layer.inputs.at(1)),
                      mapping, range);
      continue;
    }
    with_summed(layer, [&](const Layer& l) { Observer(l, input, mapping).run(range); });
  }
}

}  // namespace tactus
