// SPDX-License-Identifier: Apache-2.0
#include "triage/row_steps.hpp"

#include <algorithm>

#include "numerics/errors.hpp"
#include "numerics/norm.hpp"
#include "numerics/softmax.hpp"

namespace tactus::triage {
namespace {

std::string text(std::int64_t v) {
  return v < 0 ? "(" + std::to_string(v) + ")" : std::to_string(v);
}

std::int64_t add(std::vector<Step>& steps, const char* name, const std::string& formula,
                 std::int64_t value) {
  steps.push_back({name, formula, value});
  return value;
}

/// Value of a table of 513 entries, 128 positions to an entry.
std::int64_t between(const std::vector<std::int64_t>& table, std::int64_t position) {
  const auto at = static_cast<std::size_t>(position >> 7);
  const auto entry = (static_cast<std::uint32_t>(table.at(at)) & 0xFFFFU) |
                     static_cast<std::uint32_t>(table.at(at + 1)) << 16U;
  return look_up(entry, position, 7);
}

std::string table_text(std::int64_t position) {
  return "entry " + std::to_string(position >> 7) + " and " + std::to_string(position & 127) +
         "/128 of the way to the next";
}

/// Exponential of a value that lies `below` under the largest.
std::int64_t exponential(const Layer& layer, std::int64_t below) {
  const Softmax& s = layer.softmax;
  switch (s.kind) {
    case RowKind::softmax_tflite8:
      return softmax8_entry(static_cast<int>(below), static_cast<std::int32_t>(s.mult),
                            static_cast<unsigned>(s.shift), s.diff_min);
    case RowKind::softmax_tflite16:
      return between(layer.table,
                     softmax16_position(-below, static_cast<std::int32_t>(s.mult), s.shift));
    case RowKind::softmax_lut:
      return layer.table.at(static_cast<std::size_t>(
          std::min(below, static_cast<std::int64_t>(layer.table.size()) - 1)));
    default:
      throw InternalError("layer " + layer.id + " is no softmax");
  }
}

std::string exponential_text(const Layer& layer, std::int64_t below) {
  const Softmax& s = layer.softmax;
  switch (s.kind) {
    case RowKind::softmax_tflite8:
      return "exp of -" + std::to_string(below) + " << " + std::to_string(s.shift) + ", * " +
             text(s.mult) + " / 2^31, over 2^26; 0 below " + text(s.diff_min);
    case RowKind::softmax_tflite16:
      return table_text(softmax16_position(-below, static_cast<std::int32_t>(s.mult), s.shift)) +
             " of the table of exp";
    default:
      return "entry " +
             std::to_string(std::min(below, static_cast<std::int64_t>(layer.table.size()) - 1)) +
             " of the table of exp";
  }
}

/// Behind the zeros of the sum: the factor and the value without zero point.
std::int64_t scaled(const Layer& layer, std::int64_t e, std::int64_t sum,
                    std::vector<Step>& steps) {
  const Softmax& s = layer.softmax;
  const auto zeros = [&](int n) {
    add(steps, "zeros", "leading zeros of " + std::to_string(sum) + " in 32 bits", n);
    return std::to_string(n);
  };
  if (s.kind == RowKind::softmax_tflite8) {
    const SoftmaxScale scale = softmax8_scale(sum);
    const std::string h = zeros(scale.zeros);
    add(steps, "factor", "2^31 / (sum * 2^" + h + " / 2^31), by three Newton steps", scale.factor);
    const int bits = layer.out_format.bits;
    return add(steps, "scaled",
               std::to_string(scale.factor) + " * " + std::to_string(e) + " / 2^31, half_up, / 2^" +
                   std::to_string(12 - scale.zeros + 31 - bits) + ", half_away",
               softmax8_value(static_cast<std::int32_t>(e), scale, bits));
  }
  if (s.kind == RowKind::softmax_tflite16) {
    const std::int64_t position = softmax16_inverse_position(sum);
    const SoftmaxScale scale{between(layer.inverse_table, position),
                             leading_zeros32(static_cast<std::uint64_t>(sum))};
    zeros(scale.zeros);
    add(steps, "factor", table_text(position) + " of the table of 1/(1+x)", scale.factor);
    return add(steps, "scaled",
               std::to_string(e) + " * " + std::to_string(scale.factor) + " / 2^" +
                   std::to_string(31 - scale.zeros) + ", half_up",
               softmax16_value(e, scale));
  }
  const SoftmaxScale scale = softmax_lut_scale(sum);
  const std::string h = zeros(scale.zeros);
  add(steps, "factor", "2^62 / (" + std::to_string(sum) + " * 2^" + h + "), floor", scale.factor);
  return add(steps, "scaled",
             std::to_string(e) + " * " + std::to_string(s.one) + " * " +
                 std::to_string(scale.factor) + " / 2^" + std::to_string(62 - scale.zeros) +
                 ", half_up",
             softmax_lut_value(e, s.one, scale));
}

}  // namespace

std::int64_t softmax_steps(const Layer& layer, const std::vector<std::int64_t>& row,
                           std::size_t own, std::vector<Step>& steps, RowShares& shares) {
  const std::string count = std::to_string(row.size());
  const std::int64_t largest =
      add(steps, "largest", "of the row of " + count, *std::max_element(row.begin(), row.end()));
  const std::int64_t below =
      add(steps, "below", text(largest) + " - " + text(row.at(own)), largest - row.at(own));
  shares.clear();
  for (const std::int64_t v : row) shares.push_back(exponential(layer, largest - v));
  add(steps, "exponential", exponential_text(layer, below), shares.at(own));
  const bool reduced = layer.softmax.kind == RowKind::softmax_tflite8;
  std::int64_t sum = 0;
  for (const std::int64_t e : shares) {
    sum += reduced ? rdiv_by_pot(static_cast<std::int32_t>(e), 12) : e;
  }
  add(steps, "sum",
      "of the row's " + count + " exponentials" + (reduced ? ", each / 2^12, half_away" : ""), sum);
  std::int64_t v = scaled(layer, shares.at(own), sum, steps);
  const std::int64_t zp = layer.out_format.zero_point;
  if (zp != 0) v = add(steps, "zero_point", text(v) + " + " + text(zp), v + zp);
  const auto low = layer.out_format.min(), high = layer.out_format.max();
  return add(steps, "clamp", text(v) + " to " + std::to_string(low) + ".." + std::to_string(high),
             std::clamp<std::int64_t>(v, low, high));
}

std::int64_t norm_steps(const Layer& layer, const Format& in, const std::vector<std::int64_t>& row,
                        std::size_t own, std::vector<Step>& steps, RowShares& shares) {
  const auto n = static_cast<std::int64_t>(row.size());
  const bool centred = layer.op == LayerOp::layernorm;
  shares.clear();
  std::int64_t sum = 0, squares = 0;
  for (const std::int64_t x : row) {
    shares.push_back(x - in.zero_point);
    sum += centred ? shares.back() : 0;
    squares += shares.back() * shares.back();
  }
  const std::string count = std::to_string(n), z = text(shares.at(own));
  if (centred) add(steps, "sum", "of the row of " + count + " without zero points", sum);
  add(steps, "squares", "sum of the squares of the row", squares);
  const std::int64_t variance = add(steps, "variance",
                                    count + " * " + std::to_string(squares) +
                                        (centred ? " - " + text(sum) + "^2" : std::string()) +
                                        " + " + std::to_string(layer.eps),
                                    n * squares - sum * sum + layer.eps);
  const NormScale scale = norm_scale(variance);
  add(steps, "raise",
      "k with 2^60 <= " + std::to_string(std::max<std::int64_t>(variance, 1)) + " * 4^k < 2^62",
      scale.raise);
  add(steps, "factor", "2^61 / floor(sqrt(variance * 4^" + std::to_string(scale.raise) + "))",
      scale.factor);
  const std::int64_t distance =
      add(steps, "distance", count + " * " + z + (centred ? " - " + text(sum) : std::string()),
          n * shares.at(own) - sum);
  const std::int64_t h = add(steps, "normalised",
                             text(distance) + " * " + std::to_string(scale.factor) + " / 2^" +
                                 std::to_string(41 - scale.raise) + ", half_up, 20 fraction bits",
                             norm_value(distance, scale));
  return requantise_steps(layer, static_cast<int>(own), h, steps);
}

}  // namespace tactus::triage
