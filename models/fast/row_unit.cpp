// SPDX-License-Identifier: Apache-2.0
#include "fast/row_unit.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "fast/digest.hpp"
#include "fast/post_lines.hpp"
#include "numerics/errors.hpp"
#include "numerics/norm.hpp"
#include "numerics/requantise.hpp"
#include "numerics/softmax.hpp"

namespace tactus::fast {
namespace {

using Row = std::vector<std::int64_t>;

class RowRun {
 public:
  RowRun(const PostOp& op, Buffers& buffers)
      : op_(op), buffers_(buffers), record_(decode_row(record(0))) {
    const auto kind = static_cast<RowKind>(op.row_kind);
    if (kind == RowKind::softmax_tflite16) {
      read_table(2 * 512);
    } else if (kind == RowKind::softmax_tflite8 || kind == RowKind::softmax_lut) {
      read_table(record_.last + 1);
    } else {
      for (std::int64_t c = 0; c < op.channels; ++c) {
        channels_.push_back(decode_channel(record(1 + (op.row_same != 0 ? 0 : c))));
      }
    }
  }

  /// Replaces the values of a row by the results.
  void apply(Row& x) const {
    switch (static_cast<RowKind>(op_.row_kind)) {
      case RowKind::softmax_tflite8:
        return softmax8(x);
      case RowKind::softmax_tflite16:
        return softmax16(x);
      case RowKind::softmax_lut:
        return softmax_lut(x);
      case RowKind::layernorm_isqrt:
        return normalise(x, true);
      case RowKind::rmsnorm_isqrt:
        return normalise(x, false);
    }
    throw InternalError("a post op has the unknown row_kind " + std::to_string(op_.row_kind));
  }

 private:
  [[nodiscard]] const std::uint8_t* record(std::int64_t index) const {
    const BankedHalf& half = half_of(buffers_.param, op_.param_half);
    const std::int64_t address = (op_.param_base + index) * record_bytes;
    half.check(address, record_bytes);
    return half.bank(0) + address;
  }

  void read_table(std::int64_t entries) {
    constexpr std::int64_t per_record = record_bytes / 4;
    table_.resize(static_cast<std::size_t>(entries));
    for (std::int64_t i = 0; i < entries; ++i) {
      std::memcpy(&table_[static_cast<std::size_t>(i)],
                  record(1 + i / per_record) + i % per_record * 4, 4);
    }
  }

  [[nodiscard]] std::int64_t clamped(std::int64_t v) const {
    return std::clamp(v + op_.out_zp, op_.clamp_min, op_.clamp_max);
  }

  [[nodiscard]] std::uint32_t below_largest(std::int64_t difference) const {
    return table_[static_cast<std::size_t>(std::min(difference, record_.last))];
  }

  void softmax8(Row& x) const {
    const std::int64_t largest = *std::max_element(x.begin(), x.end());
    std::int64_t sum = 0;
    for (std::int64_t& v : x) {
      v = static_cast<std::int32_t>(below_largest(largest - v));
      sum += rdiv_by_pot(static_cast<std::int32_t>(v), 12);
    }
    const SoftmaxScale scale = softmax8_scale(sum);
    for (std::int64_t& v : x) {
      v = clamped(
          softmax8_value(static_cast<std::int32_t>(v), scale, static_cast<int>(record_.bits)));
    }
  }

  [[nodiscard]] std::int64_t interpolated(std::int64_t first, std::int64_t position) const {
    return look_up(table_[static_cast<std::size_t>(first + (position >> 7))], position, 7);
  }

  void softmax16(Row& x) const {
    const std::int64_t largest = *std::max_element(x.begin(), x.end());
    std::int64_t sum = 0;
    for (std::int64_t& v : x) {
      v = interpolated(0, softmax16_position(v - largest, static_cast<std::int32_t>(record_.mult),
                                             static_cast<int>(record_.shift)));
      sum += v;
    }
    const SoftmaxScale scale{interpolated(512, softmax16_inverse_position(sum)),
                             leading_zeros32(static_cast<std::uint64_t>(sum))};
    for (std::int64_t& v : x) v = clamped(softmax16_value(v, scale));
  }

  void softmax_lut(Row& x) const {
    const std::int64_t largest = *std::max_element(x.begin(), x.end());
    std::int64_t sum = 0;
    for (std::int64_t& v : x) {
      v = below_largest(largest - v) & 0xFFFFU;
      sum += v;
    }
    const SoftmaxScale scale = softmax_lut_scale(sum);
    for (std::int64_t& v : x) v = clamped(softmax_lut_value(v, record_.one, scale));
  }

  void normalise(Row& x, bool centred) const {
    const auto n = static_cast<std::int64_t>(x.size());
    std::int64_t sum = 0, squares = 0;
    for (std::int64_t& v : x) {
      v -= record_.zp;
      sum += v;
      squares += v * v;
    }
    if (!centred) sum = 0;
    const NormScale scale = norm_scale(n * squares - sum * sum + record_.eps);
    for (std::size_t c = 0; c < x.size(); ++c) {
      const ChannelRecord& r = channels_[c];
      x[c] = tactus::requantise(
          static_cast<Convention>(op_.convention), norm_value(n * x[c] - sum, scale),
          {r.mult, r.add, static_cast<int>(r.shift), static_cast<Rounding>(op_.rounding),
           op_.out_zp, op_.clamp_min, op_.clamp_max});
    }
  }

  const PostOp& op_;
  const Buffers& buffers_;
  RowRecord record_;
  std::vector<std::uint32_t> table_;
  std::vector<ChannelRecord> channels_;
};

}  // namespace

std::uint64_t run_rows(const PostOp& op, Buffers& buffers) {
  const RowRun run(op, buffers);
  const BankedHalf& source = half_of(buffers.ofmap, op.src_half);
  BankedHalf& target = half_of(buffers.ofmap, op.dst_half);
  const ElementGrid from{1, 1, 0, 0, static_cast<int>(op.src_log2_bytes), op.src_signed != 0};
  const ElementGrid to{1, 1, 0, 0, static_cast<int>(op.dst_log2_bytes), true};
  const std::int64_t pixels = op.out_h * op.out_w;
  MixSum digest;
  Row row(static_cast<std::size_t>(op.channels));
  for (std::int64_t m = 0; m < pixels; ++m) {
    const std::int64_t y = m / op.out_w, x = m % op.out_w;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto channel = static_cast<std::int64_t>(c);
      const std::int64_t at = op.src_base + channel / source.banks() * op.src_slot_stride +
                              y * op.src_step_y + x * op.src_step_x;
      source.check(at, std::int64_t{1} << op.src_log2_bytes);
      read_elements(source.bank(channel % source.banks()) + at, from, &row[c]);
    }
    run.apply(row);
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto channel = static_cast<std::int64_t>(c);
      const std::int64_t at = op.dst_base + channel / target.banks() * op.dst_slot_stride +
                              y * op.dst_step_y + (x << op.dst_log2_bytes);
      target.check(at, std::int64_t{1} << op.dst_log2_bytes);
      write_elements(target.bank(channel % target.banks()) + at, to, &row[c]);
      digest_run(digest, &row[c], 1, channel * pixels + m);
    }
  }
  return digest.value();
}

}  // namespace tactus::fast
