// SPDX-License-Identifier: Apache-2.0
#include "row_values.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "digest.hpp"
#include "numerics/norm.hpp"
#include "numerics/requantise.hpp"
#include "numerics/softmax.hpp"

namespace tactus::systemc {

RowShape row_shape(const PostOp& op) {
  switch (static_cast<RowKind>(op.row_kind)) {
    case RowKind::softmax_tflite8:
    case RowKind::softmax_lut:
      return {3, 2, 40, 0};
    case RowKind::softmax_tflite16:
      return {3, 2, 40, 1};
    case RowKind::layernorm_isqrt:
    case RowKind::rmsnorm_isqrt:
      return {2, 1, 80, 0};
  }
  throw BadInput("a post op has the unknown row_kind " + std::to_string(op.row_kind));
}

namespace {

class RowUnit {
 public:
  RowUnit(const Context& context, const PostOp& op, const PostBuffers& buffers)
      : context_(context), op_(op), buffers_(buffers), record_(decode_row(record(0))) {}

  [[nodiscard]] std::uint64_t run() {
    for (std::int64_t y = 0; y < op_.out_h; ++y) {
      for (std::int64_t x = 0; x < op_.out_w; ++x) row(y, x);
    }
    return digest_;
  }

 private:
  [[nodiscard]] RowKind kind() const { return static_cast<RowKind>(op_.row_kind); }

  [[nodiscard]] const std::uint8_t* record(std::int64_t number) const {
    return buffers_.param.read(op_.param_half, (op_.param_base + number) * record_bytes,
                               record_bytes);
  }

  /// Entry `index` of the table behind the row record.
  [[nodiscard]] std::uint32_t entry(std::int64_t index) const {
    const std::uint8_t* bytes = record(1 + index / 8) + index % 8 * 4;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{bytes[i]} << (8 * i);
    return value;
  }

  [[nodiscard]] std::int64_t source(std::int64_t y, std::int64_t x, std::int64_t c) const {
    const std::int64_t cols = context_.size.cols;
    return buffers_.ofmap.element(
        op_.src_half, c % cols,
        op_.src_base + c / cols * op_.src_slot_stride + y * op_.src_step_y + x * op_.src_step_x,
        op_.src_log2_bytes, op_.src_signed != 0);
  }

  void write(std::int64_t y, std::int64_t x, std::int64_t c, std::int64_t value) {
    const std::int64_t cols = context_.size.cols;
    const std::int64_t pixel = y * op_.out_w + x;
    digest_ += mix(static_cast<std::uint64_t>(c * op_.out_h * op_.out_w + pixel),
                   static_cast<std::uint64_t>(value));
    buffers_.ofmap.set_element(op_.dst_half, c % cols,
                               op_.dst_base + c / cols * op_.dst_slot_stride + y * op_.dst_step_y +
                                   (x << op_.dst_log2_bytes),
                               op_.dst_log2_bytes, value);
  }

  void row(std::int64_t y, std::int64_t x) {
    const bool norm = kind() == RowKind::layernorm_isqrt || kind() == RowKind::rmsnorm_isqrt;
    std::int64_t largest = INT64_MIN, sum = 0, squares = 0;
    for (std::int64_t c = 0; c < op_.channels; ++c) {
      const std::int64_t v = source(y, x, c);
      largest = std::max(largest, v);
      const std::int64_t z = v - record_.zp;
      if (norm) squares += z * z;
      if (kind() == RowKind::layernorm_isqrt) sum += z;
    }
    if (norm) {
      const NormScale scale = norm_scale(op_.channels * squares - sum * sum + record_.eps);
      for (std::int64_t c = 0; c < op_.channels; ++c) {
        const std::int64_t z = source(y, x, c) - record_.zp;
        const ChannelRecord r = decode_channel(record(op_.row_same != 0 ? 1 : 1 + c));
        const std::int64_t h = norm_value(op_.channels * z - sum, scale);
        write(y, x, c,
              requantise(
                  static_cast<Convention>(op_.convention), h,
                  {r.mult, r.add, static_cast<int>(r.shift), static_cast<Rounding>(op_.rounding),
                   op_.out_zp, op_.clamp_min, op_.clamp_max}));
      }
      return;
    }
    for (std::int64_t c = 0; c < op_.channels; ++c) {
      const std::int64_t e = exponential(source(y, x, c) - largest);
      sum += kind() == RowKind::softmax_tflite8 ? rdiv_by_pot(static_cast<std::int32_t>(e), 12) : e;
    }
    const SoftmaxScale scale = scale_of(sum);
    for (std::int64_t c = 0; c < op_.channels; ++c) {
      const std::int64_t p = probability(exponential(source(y, x, c) - largest), scale);
      write(y, x, c, std::clamp(p + op_.out_zp, op_.clamp_min, op_.clamp_max));
    }
  }

  [[nodiscard]] std::int64_t interpolated(std::int64_t first, std::int64_t position) const {
    return look_up(entry(first + position / 128), position, 7);
  }

  /// Of an element that lies `difference` (at most 0) from the row's largest.
  [[nodiscard]] std::int64_t exponential(std::int64_t difference) const {
    if (kind() == RowKind::softmax_tflite16) {
      return interpolated(0, softmax16_position(difference, static_cast<std::int32_t>(record_.mult),
                                                static_cast<int>(record_.shift)));
    }
    const std::uint32_t e = entry(std::min(-difference, record_.last));
    return kind() == RowKind::softmax_tflite8 ? static_cast<std::int32_t>(e)
                                              : static_cast<std::int64_t>(e & 0xFFFFU);
  }

  [[nodiscard]] SoftmaxScale scale_of(std::int64_t sum) const {
    if (kind() == RowKind::softmax_tflite8) return softmax8_scale(sum);
    if (kind() == RowKind::softmax_lut) return softmax_lut_scale(sum);
    return {interpolated(512, softmax16_inverse_position(sum)),
            leading_zeros32(static_cast<std::uint64_t>(sum))};
  }

  [[nodiscard]] std::int64_t probability(std::int64_t e, const SoftmaxScale& scale) const {
    if (kind() == RowKind::softmax_tflite8) {
      return softmax8_value(static_cast<std::int32_t>(e), scale, static_cast<int>(record_.bits));
    }
    if (kind() == RowKind::softmax_lut) return softmax_lut_value(e, record_.one, scale);
    return softmax16_value(e, scale);
  }

  const Context& context_;
  const PostOp& op_;
  const PostBuffers& buffers_;
  RowRecord record_;
  std::uint64_t digest_ = 0;
};

}  // namespace

std::uint64_t run_row_op(const Context& context, const PostOp& op, const PostBuffers& buffers) {
  return RowUnit(context, op, buffers).run();
}

}  // namespace tactus::systemc
