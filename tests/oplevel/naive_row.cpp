// SPDX-License-Identifier: Apache-2.0
// Rows: softmax and normalisation over the channels of a pixel.
#include <algorithm>
#include <vector>

#include "naive_arith.hpp"
#include "naive_machine.hpp"

namespace tactus::oplevel {

namespace {

constexpr std::int64_t half_up = 1, half_away = 2;

/// Product of two fractions of 2^31.
Wide fraction(Wide a, Wide b) { return rounded(a * b, 31, half_up); }

Wide saturated(Wide v) { return clamped(v, INT32_MIN, INT32_MAX); }

std::int64_t zeros_before(Wide v) {
  std::int64_t n = 0;
  for (Wide top = Wide{1} << 31; v < top; top /= 2) ++n;
  return n;
}

std::int64_t between(std::int64_t entry, std::int64_t position) {
  const auto part = [&](int shift) {
    const std::int64_t v = (entry >> shift) & 0xFFFF;
    return v < 32768 ? v : v - 65536;
  };
  const Wide rise = Wide{part(16) - part(0)} * (position % 128);
  return part(0) + static_cast<std::int64_t>(rounded(rise, 7, half_up));
}

}  // namespace

std::int64_t NaiveMachine::row_entry(const PostOp& op, std::int64_t index) const {
  const auto& bytes = param_[z(op.param_half)];
  std::int64_t v = 0;
  for (std::int64_t k = 3; k >= 0; --k) {
    v = v * 256 + bytes.at(z((op.param_base + 1) * 32 + index * 4 + k));
  }
  return v;
}

void NaiveMachine::row_softmax(const PostOp& op, std::vector<std::int64_t>& row) const {
  const RowRecord r = decode_row(param_[z(op.param_half)].data() + op.param_base * 32);
  const std::int64_t largest = *std::max_element(row.begin(), row.end());
  Wide sum = 0;
  for (std::int64_t& v : row) {
    if (op.row_kind == 1) {
      const Wide u = clamped(tflite(true, v - largest, r.mult, r.shift) + 32767, -32768, 32767);
      const auto position = static_cast<std::int64_t>(u + 32768);
      v = between(row_entry(op, position / 128), position);
    } else {
      v = row_entry(op, std::min(largest - v, r.last));
      if (op.row_kind == 2) v %= 65536;
    }
    sum += op.row_kind == 0 ? rounded(v, 12, half_away) : Wide{v};
  }
  const std::int64_t h = zeros_before(sum);
  Wide factor = 0;
  if (op.row_kind == 0) {
    const Wide half = (sum << h) / 2;
    Wide newton = 1515870810 + fraction(half, -1010580540);
    for (int i = 0; i < 3; ++i) {
      const Wide error = (Wide{1} << 29) - fraction(half, newton);
      newton += saturated(4 * fraction(newton, error));
    }
    factor = saturated(2 * newton);
  } else if (op.row_kind == 1) {
    Wide k = ((sum << (h - 1)) + 8192) / 16384 - 98304;
    if (k > 32767) k -= 65536;
    const auto position = static_cast<std::int64_t>(k) + 32768;
    factor = between(row_entry(op, 512 + position / 128), position);
  } else {
    factor = (Wide{1} << 62) / (sum << h);
  }
  for (std::int64_t& v : row) {
    Wide p = 0;
    if (op.row_kind == 0) p = rounded(fraction(factor, v), 43 - h - r.bits, half_away);
    if (op.row_kind == 1) p = rounded(factor * v, 31 - h, half_up);
    if (op.row_kind == 2) p = rounded(factor * v * r.one, 62 - h, half_up);
    v = static_cast<std::int64_t>(clamped(p + op.out_zp, op.clamp_min, op.clamp_max));
  }
}

void NaiveMachine::row_norm(const PostOp& op, std::vector<std::int64_t>& row) const {
  const auto* record = param_[z(op.param_half)].data() + op.param_base * 32;
  const RowRecord r = decode_row(record);
  const auto n = static_cast<std::int64_t>(row.size());
  Wide sum = 0, squares = 0;
  for (std::int64_t& v : row) {
    v -= r.zp;
    if (op.row_kind == 3) sum += v;
    squares += Wide{v} * v;
  }
  Wide variance = n * squares - sum * sum + r.eps;
  if (variance == 0) variance = 1;
  std::int64_t raise = 0;
  for (; variance < Wide{1} << 60; variance *= 4) ++raise;
  // The root by bisection.
  Wide low = 0, high = Wide{1} << 32;
  while (high - low > 1) {
    const Wide middle = (low + high) / 2;
    (middle * middle <= variance ? low : high) = middle;
  }
  const Wide factor = (Wide{1} << 61) / low;
  for (std::size_t c = 0; c < row.size(); ++c) {
    const ChannelRecord g = decode_channel(record + 32 * (op.row_same != 0 ? 1 : 1 + c));
    const Wide h = rounded((n * row[c] - sum) * factor, 41 - raise, half_up);
    row[c] = scaled(op, static_cast<std::int64_t>(h), g.mult, g.add, g.shift);
  }
}

void NaiveMachine::run_rows(const PostOp& op) {
  const std::int64_t pixels = op.out_h * op.out_w;
  for (std::int64_t m = 0; m < pixels; ++m) {
    const std::int64_t y = m / op.out_w, x = m % op.out_w;
    std::vector<std::int64_t> row;
    for (std::int64_t c = 0; c < op.channels; ++c) {
      row.push_back(source(op, c, op.src_base + y * op.src_step_y + x * op.src_step_x,
                           op.src_log2_bytes, op.src_signed != 0));
    }
    if (op.row_kind < 3) {
      row_softmax(op, row);
    } else {
      row_norm(op, row);
    }
    for (std::int64_t c = 0; c < op.channels; ++c) {
      const std::int64_t v = row[z(c)];
      term(c * pixels + m, static_cast<std::uint64_t>(v));
      write_post(op, c, y, x, v);
    }
  }
  const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  const std::int64_t elements = op.channels * pixels;
  const bool norm = op.row_kind >= 3;
  event(Event::param_rd) = u(1 + (norm ? 1 : 2) * elements + (op.row_kind == 1 ? pixels : 0));
  event(Event::ofmap_rd) = u((norm ? 2 : 3) * elements);
  event(Event::post_op) = event(Event::ofmap_wr) = u(elements);
}

}  // namespace tactus::oplevel
