// SPDX-License-Identifier: Apache-2.0
// Random weights: dense, or with zeros in one of three patterns.
#include <algorithm>

#include "numerics/errors.hpp"
#include "synth/layer_maker.hpp"

namespace tactus::synth {
namespace {

constexpr int kMillion = 1000000;

int whole_number(const std::string& text, std::size_t max_digits) {
  const bool good = !text.empty() && text.size() <= max_digits &&
                    text.find_first_not_of("0123456789") == std::string::npos;
  return good ? std::stoi(text) : -1;
}

/// "0.85" as 850000; -1 for anything but a fraction from 0 to 0.999999.
int parts_per_million(const std::string& text) {
  const std::size_t point = text.find('.');
  const std::string whole = text.substr(0, point);
  if (whole != "0" && !(whole.empty() && point != std::string::npos)) return -1;
  std::string digits = point == std::string::npos ? "" : text.substr(point + 1);
  if (digits.empty()) return whole.empty() ? -1 : 0;
  const int value = whole_number(digits, 6);
  if (value < 0) return -1;
  digits.resize(6, '0');
  return std::stoi(digits);
}

/// A uniformly chosen subset: each position is taken with the chance that leaves `wanted` of them.
class Subset {
 public:
  Subset(Random& random, std::size_t size, std::size_t wanted)
      : random_(random), size_(size), wanted_(std::min(size, wanted)) {}
  bool next() {
    if (wanted_ == 0) return false;
    const bool taken =
        random_.below(static_cast<std::int64_t>(size_--)) < static_cast<std::int64_t>(wanted_);
    if (taken) --wanted_;
    return taken;
  }

 private:
  Random& random_;
  std::size_t size_, wanted_;
};

}  // namespace

Sparsity parse_sparsity(const std::string& text) {
  Sparsity result;
  if (text == "dense") return result;
  const std::string filter = "filter:";
  const bool by_filter = text.rfind(filter, 0) == 0;
  const std::size_t colon = text.find(':');
  if (colon != std::string::npos && !by_filter) {
    result.n = whole_number(text.substr(0, colon), 3);
    result.m = whole_number(text.substr(colon + 1), 3);
    if (result.n >= 1 && result.n < result.m) {
      result.label = text;
      return result;
    }
    if (result.n >= 1 && result.n == result.m) return Sparsity{};
  } else {
    const int ppm = parts_per_million(by_filter ? text.substr(filter.size()) : text);
    if (ppm == 0) return result;
    if (ppm > 0) {
      result.label = "unstructured";
      (by_filter ? result.filter_ppm : result.zero_ppm) = ppm;
      return result;
    }
  }
  throw BadInput("synth: sparsity = '" + text +
                 "' is none of dense, N:M, a fraction from 0 to 0.999999 and filter:FRACTION");
}

void draw_weights(Random& random, const Sparsity& sparsity, std::int64_t taps, Layer& layer) {
  const std::int64_t limit = layer.weight_format.max();
  const auto outputs = static_cast<std::size_t>(layer.out_channels);
  const auto inner = static_cast<std::size_t>(layer.in_channels_per_group);
  const auto window = static_cast<std::size_t>(taps);
  layer.weight.assign(outputs * inner * window, 0);
  const auto any = [&] { return static_cast<std::int16_t>(random.below(2 * limit + 1) - limit); };
  const auto nonzero = [&] {
    const std::int64_t value = random.below(2 * limit) - limit;
    return static_cast<std::int16_t>(value < 0 ? value : value + 1);
  };
  if (sparsity.m > 0) {
    const auto block = static_cast<std::size_t>(sparsity.m);
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t t = 0; t < window; ++t) {
        for (std::size_t first = 0; first < inner; first += block) {
          const std::size_t size = std::min(block, inner - first);
          Subset kept(random, size, static_cast<std::size_t>(sparsity.n));
          for (std::size_t i = first; i < first + size; ++i) {
            if (kept.next()) layer.weight[(o * inner + i) * window + t] = nonzero();
          }
        }
      }
    }
  } else if (sparsity.filter_ppm > 0) {
    const std::size_t pruned =
        (outputs * static_cast<std::size_t>(sparsity.filter_ppm) + kMillion / 2) / kMillion;
    Subset zero(random, outputs, std::min(pruned, outputs - 1));
    for (std::size_t o = 0; o < outputs; ++o) {
      if (zero.next()) continue;
      for (std::size_t i = 0; i < inner * window; ++i) {
        layer.weight[o * inner * window + i] = any();
      }
    }
  } else if (sparsity.zero_ppm > 0) {
    for (std::int16_t& weight : layer.weight) {
      if (random.below(kMillion) >= sparsity.zero_ppm) weight = nonzero();
    }
  } else if (layer.weight_format.bipolar) {
    std::generate(layer.weight.begin(), layer.weight.end(), nonzero);
  } else {
    std::generate(layer.weight.begin(), layer.weight.end(), any);
  }
}

}  // namespace tactus::synth
