// SPDX-License-Identifier: Apache-2.0
#include "ref/matmul.hpp"

#include <algorithm>

namespace tactus::ref {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// floor(sqrt(v)) by bisection, v below 2^62.
Wide root(Wide v) {
  Wide low = 0, high = Wide{1} << 31;
  while (high - low > 1) {
    const Wide middle = (low + high) / 2;
    (middle * middle <= v ? low : high) = middle;
  }
  return low;
}

}  // namespace

std::vector<std::int32_t> matmul(const Layer& layer, const QTensor& a, const QTensor& b,
                                 std::int64_t rows, Accumulator& accumulator) {
  const std::int64_t terms = a.shape.c / layer.heads;
  const std::int64_t m = a.shape.w, n = b.shape.w;
  if (rows == 0) rows = terms;
  std::vector<std::int32_t> values;
  for (std::int64_t channel = 0; channel < layer.out_shape.c; ++channel) {
    const std::int64_t first = channel / n * terms;
    for (std::int64_t pixel = 0; pixel < m; ++pixel) {
      std::int64_t acc = 0;
      for (std::int64_t fold = 0; fold < terms; fold += rows) {
        std::int64_t sum = 0;
        for (std::int64_t k = fold; k < std::min(terms, fold + rows); ++k) {
          sum += (a.data[at((first + k) * m + pixel)] - a.format.zero_point) *
                 (b.data[at((first + k) * n + channel % n)] - b.format.zero_point);
        }
        acc = accumulator.settle(acc + sum);
      }
      values.push_back(requantise(layer.requant, layer.out_format, static_cast<int>(channel), acc));
    }
  }
  return values;
}

void normalise(const Layer& layer, const QTensor& input, std::vector<std::int32_t>& values) {
  const std::int64_t n = input.shape.c;
  const std::int64_t pixels = std::int64_t{input.shape.h} * input.shape.w;
  const bool centred = layer.op == LayerOp::layernorm;
  values.resize(input.data.size());
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const auto z = [&](std::int64_t c) {
      return Wide{input.data[at(c * pixels + pixel)]} - input.format.zero_point;
    };
    Wide sum = 0, squares = 0;
    for (std::int64_t c = 0; c < n; ++c) {
      sum += centred ? z(c) : 0;
      squares += z(c) * z(c);
    }
    Wide variance = n * squares - sum * sum + layer.eps;
    if (variance == 0) variance = 1;
    int raise = 0;
    for (; variance < Wide{1} << 60; variance *= 4) ++raise;
    const Wide factor = (Wide{1} << 61) / root(variance);
    for (std::int64_t c = 0; c < n; ++c) {
      const Wide h = round_quotient((n * z(c) - sum) * factor, 41 - raise, Rounding::half_up);
      values[at(c * pixels + pixel)] = requantise(
          layer.requant, layer.out_format, static_cast<int>(c), static_cast<std::int64_t>(h));
    }
  }
}

}  // namespace tactus::ref
