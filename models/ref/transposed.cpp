// SPDX-License-Identifier: Apache-2.0
#include "ref/transposed.hpp"

#include <algorithm>
#include <cstdlib>

#include "network/network.hpp"
#include "ref/k_order.hpp"

namespace tactus::ref {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

class Spread {
 public:
  Spread(const Layer& layer, const QTensor& input)
      : layer_(layer), input_(input), in_(input.shape), out_(layer.out_shape) {}

  /// Sums of output channel o in any order.
  std::vector<std::int64_t> sums(int o) const {
    std::vector<std::int64_t> result(at(std::int64_t{out_.h} * out_.w), bias(o));
    for (int i = 0; i < layer_.in_channels_per_group; ++i) {
      for (int y = 0; y < in_.h; ++y) {
        for (int x = 0; x < in_.w; ++x) spread(o, i, y, x, result);
      }
    }
    return result;
  }

  /// The same, with every partial sum under the policy.
  std::vector<std::int64_t> sums_in_order(int o, const KMapping& mapping,
                                          Accumulator& accumulator) const {
    std::vector<std::int64_t> result;
    for (int y = 0; y < out_.h; ++y) {
      for (int x = 0; x < out_.w; ++x) {
        const auto elements = k_order(places(o, y, x, mapping), mapping, taps_w(), 1,
                                      line_of(y) % static_cast<int>(mapping.line_phases));
        const std::int64_t sum = accumulate_units(
            elements, mapping, accumulator, [&](const KElement& e) { return activation(e, y, x); });
        result.push_back(accumulator.settle(sum + bias(o)));
      }
    }
    return result;
  }

  /// No partial sum of channel o in any order exceeds this, the bias apart.
  std::int64_t bound(int o) const {
    std::int64_t magnitude = 0, largest = 0;
    for (int i = 0; i < layer_.in_channels_per_group; ++i) {
      for (int t = 0; t < layer_.kernel_h * layer_.kernel_w; ++t) {
        magnitude += std::abs(weight(o, i, t / layer_.kernel_w, t % layer_.kernel_w));
      }
    }
    for (const std::int32_t v : input_.data) {
      largest = std::max(largest, std::abs(std::int64_t{v} - input_.format.zero_point));
    }
    return magnitude * largest;
  }

  std::int64_t bias(int o) const { return layer_.bias.empty() ? 0 : layer_.bias[at(o)]; }

 private:
  std::int64_t weight(int o, int i, int ky, int kx) const {
    const auto& zero = layer_.weight_zero_point;
    const std::int64_t row = std::int64_t{o} * layer_.in_channels_per_group + i;
    return layer_.weight[at((row * layer_.kernel_h + ky) * layer_.kernel_w + kx)] -
           (zero.empty() ? 0 : zero[zero.size() == 1 ? 0 : at(o)]);
  }

  std::int64_t value(int c, int y, int x) const {
    return input_.data[at((std::int64_t{c} * in_.h + y) * in_.w + x)] - input_.format.zero_point;
  }

  int group_channels() const { return out_.c / layer_.groups; }
  int first_input(int o) const { return o / group_channels() * layer_.in_channels_per_group; }

  void spread(int o, int i, int y, int x, std::vector<std::int64_t>& result) const {
    const std::int64_t v = value(first_input(o) + i, y, x);
    for (int ky = 0; ky < layer_.kernel_h; ++ky) {
      for (int kx = 0; kx < layer_.kernel_w; ++kx) {
        const int oy = y * layer_.stride_h - layer_.padding[0] + ky;
        const int ox = x * layer_.stride_w - layer_.padding[1] + kx;
        if (oy < 0 || oy >= out_.h || ox < 0 || ox >= out_.w) continue;
        result[at(std::int64_t{oy} * out_.w + ox)] += v * weight(o, i, ky, kx);
      }
    }
  }

  // Output pixel y has phase (y + padding) mod stride and meets the kernel rows of that phase.
  int phase_y(int y) const { return (y + layer_.padding[0]) % layer_.stride_h; }
  int phase_x(int x) const { return (x + layer_.padding[1]) % layer_.stride_w; }
  /// Rows and columns of the window of a phase.
  int taps_h() const { return (layer_.kernel_h + layer_.stride_h - 1) / layer_.stride_h; }
  int taps_w() const { return (layer_.kernel_w + layer_.stride_w - 1) / layer_.stride_w; }
  /// Line of the phases' convolution that holds output line y.
  int line_of(int y) const { return (y + layer_.padding[0] % layer_.stride_h) / layer_.stride_h; }

  std::vector<KPlace> places(int o, int y, int x, const KMapping& mapping) const {
    const int per_group = group_channels(), phases = layer_.stride_h * layer_.stride_w;
    const int phase = phase_y(y) * layer_.stride_w + phase_x(x);
    const int channel = (o / per_group * phases + phase) * per_group + o % per_group;
    const auto columns = static_cast<int>(mapping.column_channels);
    const auto plane = static_cast<int>(mapping.bundle);
    const int first_group = channel / columns * columns / (per_group * phases);
    const int first_channel = first_group * layer_.in_channels_per_group / plane * plane;
    std::vector<KPlace> result;
    for (int i = 0; i < layer_.in_channels_per_group; ++i) {
      const int c = first_input(o) + i;
      for (int ky = phase_y(y); ky < layer_.kernel_h; ky += layer_.stride_h) {
        for (int kx = phase_x(x); kx < layer_.kernel_w; kx += layer_.stride_w) {
          // The window runs against the kernel.
          result.push_back({c - first_channel, c, taps_h() - 1 - ky / layer_.stride_h,
                            taps_w() - 1 - kx / layer_.stride_w,
                            static_cast<std::int32_t>(weight(o, i, ky, kx))});
        }
      }
    }
    return result;
  }

  std::int64_t activation(const KElement& e, int oy, int ox) const {
    const int ky = (taps_h() - 1 - e.ky) * layer_.stride_h + phase_y(oy);
    const int kx = (taps_w() - 1 - e.kx) * layer_.stride_w + phase_x(ox);
    const int y = (oy + layer_.padding[0] - ky) / layer_.stride_h;
    const int x = (ox + layer_.padding[1] - kx) / layer_.stride_w;
    if (oy + layer_.padding[0] < ky || y >= in_.h || ox + layer_.padding[1] < kx || x >= in_.w) {
      return 0;
    }
    return value(e.channel, y, x);
  }

  const Layer& layer_;
  const QTensor& input_;
  Shape in_, out_;
};

}  // namespace

std::vector<std::int64_t> transposed_sums(const Layer& layer, const QTensor& input,
                                          const KMapping& mapping, Accumulator& accumulator) {
  const Spread spread(layer, input);
  std::vector<std::int64_t> result;
  for (int o = 0; o < layer.out_shape.c; ++o) {
    const bool exact = accumulator.fits(spread.bound(o) + std::abs(spread.bias(o)));
    std::vector<std::int64_t> sums;
    if (exact || mapping.rows == 0) {
      sums = spread.sums(o);
      for (std::int64_t& sum : sums) sum = accumulator.settle(sum);
    } else {
      sums = spread.sums_in_order(o, mapping, accumulator);
    }
    result.insert(result.end(), sums.begin(), sums.end());
  }
  return result;
}

}  // namespace tactus::ref
