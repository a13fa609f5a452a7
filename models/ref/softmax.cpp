// SPDX-License-Identifier: Apache-2.0
#include "ref/softmax.hpp"

#include <algorithm>

#include "numerics/errors.hpp"
#include "ref/exact.hpp"

namespace tactus::ref {
namespace {

using Row = std::vector<std::int64_t>;

constexpr std::int64_t kInt32Min = -(std::int64_t{1} << 31), kInt32Max = -kInt32Min - 1;

std::int64_t saturated(Wide v) {
  if (v < kInt32Min) return kInt32Min;
  if (v > kInt32Max) return kInt32Max;
  return static_cast<std::int64_t>(v);
}

/// Product of two Q31 numbers, ties up.
std::int64_t high_product(std::int64_t a, std::int64_t b) {
  return saturated(round_quotient(Wide{a} * Wide{b}, 31, Rounding::half_up));
}

std::int64_t divided(std::int64_t v, int exponent) {
  return static_cast<std::int64_t>(round_quotient(v, exponent, Rounding::half_away));
}

/// exp of a number of at most 0 with 26 fraction bits, as Q31.
std::int64_t exponential(std::int64_t a) {
  if (a == 0) return kInt32Max;
  constexpr std::int64_t quarter = std::int64_t{1} << 24;
  const std::int64_t t = a % quarter == 0 ? -quarter : a % quarter;
  const std::int64_t quarters = (t - a) / quarter;
  const std::int64_t x = t * 32 + (std::int64_t{1} << 28);
  const std::int64_t x2 = high_product(x, x), x3 = high_product(x2, x);
  const std::int64_t x4 = high_product(x2, x2);
  const std::int64_t p = divided(high_product(divided(x4, 2) + x3, 715827883) + x2, 1);
  std::int64_t v = 1895147668 + high_product(1895147668, x + p);
  constexpr std::int64_t factors[] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
  std::int64_t bits = quarters;
  for (const std::int64_t factor : factors) {
    if (bits % 2 != 0) v = high_product(v, factor);
    bits /= 2;
  }
  return v;
}

/// 1 / (1 + a) of a Q31 number of at least 0, as Q31.
std::int64_t reciprocal(std::int64_t a) {
  const std::int64_t half = (a + kInt32Max + 1) / 2;
  std::int64_t z = 1515870810 + high_product(half, -1010580540);
  for (int i = 0; i < 3; ++i) {
    const std::int64_t error = (std::int64_t{1} << 29) - high_product(half, z);
    z += saturated(Wide{high_product(z, error)} * 4);
  }
  return saturated(Wide{z} * 2);
}

int leading_zeros(std::int64_t v) {
  int n = 32;
  for (; v > 0; v /= 2) --n;
  return n;
}

std::int64_t clamped(const Format& format, Wide v) {
  if (v < format.min()) return format.min();
  if (v > format.max()) return format.max();
  return static_cast<std::int64_t>(v);
}

Row tflite8(const Layer& layer, const Row& x) {
  const Softmax& s = layer.softmax;
  const std::int64_t largest = *std::max_element(x.begin(), x.end());
  Row e;
  std::int64_t sum = 0;
  for (const std::int64_t v : x) {
    const std::int64_t d = v - largest;
    if (d < s.diff_min) {
      e.push_back(0);
      continue;
    }
    const std::int64_t raised = keep_low_bits(Wide{d} * (Wide{1} << s.shift), 32);
    e.push_back(exponential(high_product(raised, s.mult)));
    sum += divided(e.back(), 12);
  }
  const int h = leading_zeros(sum);
  const std::int64_t r = reciprocal(sum * (std::int64_t{1} << h) - kInt32Max - 1);
  const int bits = layer.out_format.bits;
  Row out;
  for (const std::int64_t v : e) {
    out.push_back(clamped(layer.out_format, divided(high_product(r, v), 12 - h + 31 - bits) +
                                                Wide{layer.out_format.min()}));
  }
  return out;
}

std::int64_t interpolated(const Row& table, std::int64_t u) {
  const std::int64_t position = u + 32768;
  const std::int64_t low = table.at(static_cast<std::size_t>(position / 128));
  const std::int64_t high = table.at(static_cast<std::size_t>(position / 128 + 1));
  return low + static_cast<std::int64_t>(
                   round_quotient((high - low) * (position % 128), 7, Rounding::half_up));
}

Row tflite16(const Layer& layer, const Row& x) {
  const Softmax& s = layer.softmax;
  const std::int64_t largest = *std::max_element(x.begin(), x.end());
  const Format i16{16, true, 0};
  Requant scale;
  scale.convention = Convention::tflite_double;
  scale.mult = {s.mult};
  scale.shift = {s.shift};
  scale.clamp_min = kInt32Min;
  scale.clamp_max = kInt32Max;
  Row e;
  std::int64_t sum = 0;
  for (const std::int64_t v : x) {
    const std::int64_t u =
        clamped(i16, Wide{requantise(scale, {32, true, 0}, 0, v - largest)} + 32767);
    e.push_back(interpolated(layer.table, u));
    sum += e.back();
  }
  const int h = leading_zeros(sum);
  const Wide raised = Wide{sum} * (Wide{1} << (h - 1));
  const std::int64_t k = keep_low_bits(round_quotient(raised, 14, Rounding::half_up) - 98304, 16);
  const std::int64_t inverse = interpolated(layer.inverse_table, k);
  Row out;
  for (const std::int64_t v : e) {
    out.push_back(clamped(layer.out_format,
                          round_quotient(Wide{v} * Wide{inverse}, 31 - h, Rounding::half_up)));
  }
  return out;
}

Row by_table(const Layer& layer, const Row& x) {
  const std::int64_t largest = *std::max_element(x.begin(), x.end());
  const auto last = static_cast<std::int64_t>(layer.table.size()) - 1;
  Row e;
  std::int64_t sum = 0;
  for (const std::int64_t v : x) {
    e.push_back(layer.table[static_cast<std::size_t>(std::min(largest - v, last))]);
    sum += e.back();
  }
  const int h = leading_zeros(sum);
  const Wide inverse = (Wide{1} << 62) / (Wide{sum} * (Wide{1} << h));
  Row out;
  for (const std::int64_t v : e) {
    const Wide scaled = Wide{v} * Wide{layer.softmax.one} * inverse;
    out.push_back(clamped(layer.out_format, round_quotient(scaled, 62 - h, Rounding::half_up) +
                                                layer.out_format.zero_point));
  }
  return out;
}

Row row_of(const Layer& layer, const Row& x) {
  switch (layer.softmax.kind) {
    case RowKind::softmax_tflite8:
      return tflite8(layer, x);
    case RowKind::softmax_tflite16:
      return tflite16(layer, x);
    case RowKind::softmax_lut:
      return by_table(layer, x);
    default:
      throw InternalError("The reference knows no such softmax.");
  }
}

}  // namespace

void softmax(const Layer& layer, const QTensor& input, std::vector<std::int32_t>& values) {
  const std::int64_t pixels = std::int64_t{input.shape.h} * input.shape.w;
  const std::int64_t length = input.shape.c / layer.heads;
  values.resize(input.data.size());
  Row x(static_cast<std::size_t>(length));
  for (std::int64_t head = 0; head < layer.heads; ++head) {
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      const auto place = [&](std::size_t c) {
        const auto channel = head * length + static_cast<std::int64_t>(c);
        return static_cast<std::size_t>(channel * pixels + pixel);
      };
      for (std::size_t c = 0; c < x.size(); ++c) x[c] = input.data[place(c)];
      const Row out = row_of(layer, x);
      for (std::size_t c = 0; c < x.size(); ++c) {
        values[place(c)] = static_cast<std::int32_t>(out[c]);
      }
    }
  }
}

}  // namespace tactus::ref
