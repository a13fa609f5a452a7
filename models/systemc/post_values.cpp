// SPDX-License-Identifier: Apache-2.0
#include "post_values.hpp"

#include <algorithm>
#include <vector>

#include "digest.hpp"
#include "numerics/accumulate.hpp"
#include "numerics/add_mul_shift.hpp"
#include "numerics/add_tflite.hpp"
#include "numerics/look_up.hpp"
#include "numerics/requantise.hpp"
#include "row_values.hpp"
#include "words.hpp"

namespace tactus::systemc {

PostShape post_shape(const PostOp& op) {
  const std::int64_t window = op.win_h * op.win_w;
  switch (static_cast<PostMode>(op.mode)) {
    case PostMode::requant:
      // Transposed, the records come with the psum entries and take no cycles of their own.
      return {true, op.transposed == 0, false, false, 1, 0};
    case PostMode::requant_add:
      return {true, true, true, false, 1, 1};
    case PostMode::max_window:
      return {false, false, false, true, window, window};
    case PostMode::sum_window:
      return {false, true, false, true, window, window};
    case PostMode::add:
    case PostMode::multiply:
      return {false, false, true, false, 2, 2};
    case PostMode::clamp:
      return {false, false, false, false, 1, 1};
    case PostMode::maximum:
    case PostMode::minimum:
      return {false, false, false, false, 2, 2};
    case PostMode::lut:
      return {false, false, false, false, 1, 1, true};
    case PostMode::row:
      return {false, false, false, false, 1, 0, false, true};
  }
  throw BadInput("a post op has the unknown mode " + std::to_string(op.mode));
}

namespace {

struct Element {
  std::int64_t channel, y, x;
};

class PostRun {
 public:
  PostRun(const Context& context, const PostOp& op, const PostBuffers& buffers)
      : context_(context),
        op_(op),
        buffers_(buffers),
        shape_(post_shape(op)),
        shape_in_ifmap_(context.size.word_bytes, op.dst_log2_pack, op.dst_log2_bundle),
        packed_(op.dst == 1 && shape_in_ifmap_.channels > 1) {
    if (shape_.channel_records || op.transposed != 0) {
      const std::int64_t records = op.transposed != 0 ? op.out_h * op.out_w : op.channels;
      for (std::int64_t i = 0; i < records; ++i) {
        channels_.push_back(decode_channel(record(op.param_base + i)));
      }
    }
    if (shape_.add_record) {
      const AddRecord r =
          decode_add(record(op.param_base + (shape_.channel_records ? op.channels : 0)));
      add_record_ = r;
      add_ = {{r.za, r.ma, static_cast<unsigned>(r.la)},
              {r.zb, r.mb, static_cast<unsigned>(r.lb)},
              r.add,
              static_cast<unsigned>(r.shift),
              static_cast<Rounding>(r.rounding),
              r.zp,
              r.clamp_min,
              r.clamp_max};
    }
    if (shape_.psum) psum_ = buffers.psum.at(op.psum_half, op.psum_base, op.out_h * op.out_w);
  }

  [[nodiscard]] PostResult run() {
    const std::int64_t lanes = context_.size.post_lanes;
    for (std::int64_t first = 0; first < op_.channels; first += lanes) {
      const std::int64_t end = std::min(op_.channels, first + lanes);
      for (std::int64_t y = 0; y < op_.out_h; ++y) {
        for (std::int64_t x = 0; x < op_.out_w; ++x) {
          for (std::int64_t c = first; c < end; ++c) write({c, y, x}, value({c, y, x}));
          if (packed_) write_planes(first, end, y, x);
        }
      }
    }
    return result_;
  }

 private:
  [[nodiscard]] const std::uint8_t* record(std::int64_t number) const {
    return buffers_.param.read(op_.param_half, number * record_bytes, record_bytes);
  }

  [[nodiscard]] std::int64_t value(const Element& e) {
    switch (static_cast<PostMode>(op_.mode)) {
      case PostMode::requant:
        return requant(psum(e), e);
      case PostMode::requant_add:
        return added(requant(psum(e), e), source(e, 0, 0));
      case PostMode::max_window:
        return clamped(largest(e));
      case PostMode::sum_window:
        return requant(window_sum(e), e);
      case PostMode::add:
        return added(source(e, 0, 0), source_b(e));
      case PostMode::clamp:
        return clamped(source(e, 0, 0));
      case PostMode::multiply:
        return product(source(e, 0, 0), source_b(e));
      case PostMode::maximum:
        return clamped(std::max(source(e, 0, 0), source_b(e)));
      case PostMode::minimum:
        return clamped(std::min(source(e, 0, 0), source_b(e)));
      case PostMode::lut:
        return table_value(source(e, 0, 0));
      case PostMode::row:
        break;
    }
    return 0;
  }

  [[nodiscard]] std::int64_t added(std::int64_t a, std::int64_t b) const {
    const AddRecord& r = add_record_;
    if (static_cast<AddKind>(r.kind) == AddKind::add_mul_shift) return add_mul_shift(a, b, add_);
    const AddTfliteFields f = tflite_fields(r);
    return add_tflite(
        a, b,
        {r.za, r.zb, static_cast<unsigned>(r.la), static_cast<std::int32_t>(r.ma),
         static_cast<int>(f.shift_a), static_cast<std::int32_t>(r.mb), static_cast<int>(f.shift_b),
         static_cast<std::int32_t>(f.mult), static_cast<int>(f.shift), r.zp, r.clamp_min,
         r.clamp_max, static_cast<AddKind>(r.kind) == AddKind::add_tflite_single});
  }

  [[nodiscard]] std::int64_t product(std::int64_t a, std::int64_t b) const {
    const std::int64_t exact = (a - add_record_.za) * (b - add_record_.zb);
    const auto convention = static_cast<Convention>(op_.convention);
    const bool tflite = convention != Convention::mul_shift && convention != Convention::pow2;
    const std::int64_t shift = tflite ? tflite_fields(add_record_).shift : add_record_.shift;
    return scaled(exact, {0, add_record_.ma, shift, add_record_.add});
  }

  /// The entry of the table for a source value.
  [[nodiscard]] std::int64_t table_value(std::int64_t x) const {
    const std::int64_t offset = clamp(x, op_.clamp_min, op_.clamp_max) - op_.clamp_min;
    const std::int64_t index = offset >> op_.lut_shift;
    const std::uint8_t* bytes =
        buffers_.param.read(op_.param_half, op_.param_base * record_bytes + index * 4, 4);
    std::uint32_t entry = 0;
    for (unsigned i = 0; i < 4; ++i) entry |= std::uint32_t{bytes[i]} << (8 * i);
    return look_up(entry, offset, static_cast<unsigned>(op_.lut_shift));
  }

  [[nodiscard]] std::int64_t psum(const Element& e) const {
    return psum_[(e.y * op_.out_w + e.x) * context_.size.cols + e.channel];
  }

  [[nodiscard]] std::int64_t source(const Element& e, std::int64_t ky, std::int64_t kx) const {
    const std::int64_t cols = context_.size.cols;
    return buffers_.ofmap.element(op_.src_half, e.channel % cols,
                                  op_.src_base + e.channel / cols * op_.src_slot_stride +
                                      e.y * op_.src_step_y + e.x * op_.src_step_x +
                                      ky * op_.src_step_ky + kx * op_.src_step_kx,
                                  op_.src_log2_bytes, is_signed(op_.src_signed));
  }

  [[nodiscard]] std::int64_t source_b(const Element& e) const {
    const std::int64_t cols = context_.size.cols;
    return buffers_.ofmap.element(op_.src_half, e.channel % cols,
                                  op_.src_base_b + e.channel / cols * op_.src_slot_stride +
                                      e.y * op_.src_step_y + (e.x << op_.srcb_log2_bytes),
                                  op_.srcb_log2_bytes, is_signed(op_.srcb_signed));
  }

  [[nodiscard]] bool is_signed(std::int64_t flag) const {
    return flag != 0 && !context_.fault(114);
  }

  [[nodiscard]] std::int64_t largest(const Element& e) const {
    std::int64_t best = source(e, 0, 0);
    for (std::int64_t ky = 0; ky < op_.win_h; ++ky) {
      for (std::int64_t kx = 0; kx < op_.win_w; ++kx) best = std::max(best, source(e, ky, kx));
    }
    return best;
  }

  [[nodiscard]] std::int64_t window_sum(const Element& e) const {
    std::int64_t sum = 0;
    for (std::int64_t ky = 0; ky < op_.win_h; ++ky) {
      for (std::int64_t kx = 0; kx < op_.win_w; ++kx) sum += source(e, ky, kx);
    }
    return sum;
  }

  [[nodiscard]] std::int64_t clamp_max() const {
    return op_.clamp_max - (context_.fault(109) ? 1 : 0);
  }

  [[nodiscard]] std::int64_t clamped(std::int64_t v) const {
    return clamp(v, op_.clamp_min, clamp_max());
  }

  [[nodiscard]] std::int64_t requant(std::int64_t acc, const Element& e) {
    const std::int64_t number = op_.transposed != 0 ? e.y * op_.out_w + e.x : e.channel;
    const ChannelRecord& r = channels_[static_cast<std::size_t>(number)];
    const Accumulated t =
        accumulate(acc, r.bias, static_cast<int>(context_.size.acc_bits), context_.size.overflow);
    result_.acc_overflow += t.overflowed ? 1 : 0;
    return scaled(t.value, r);
  }

  /// Requantisation of a sum or product, the bias of the record is in it.
  [[nodiscard]] std::int64_t scaled(std::int64_t value, const ChannelRecord& r) const {
    const auto convention = static_cast<Convention>(op_.convention);
    const bool full = convention == Convention::mul_shift || convention == Convention::pow2 ||
                      convention == Convention::tflite_s64;
    auto rounding = static_cast<Rounding>(op_.rounding);
    if (context_.fault(101) && rounding == Rounding::half_even) rounding = Rounding::half_up;
    return requantise(convention, full ? value : wrap_to(value, 32),
                      {r.mult, r.add, static_cast<int>(r.shift), rounding, op_.out_zp,
                       op_.clamp_min, clamp_max()});
  }

  void write(const Element& e, std::int64_t v) {
    const std::int64_t pixel = e.y * op_.out_w + e.x;
    result_.digest += mix(static_cast<std::uint64_t>(e.channel * op_.out_h * op_.out_w + pixel),
                          static_cast<std::uint64_t>(v));
    if (op_.dst == 0) {
      const std::int64_t cols = context_.size.cols;
      buffers_.ofmap.set_element(op_.dst_half, e.channel % cols,
                                 op_.dst_base + e.channel / cols * op_.dst_slot_stride +
                                     e.y * op_.dst_step_y + (e.x << op_.dst_log2_bytes),
                                 op_.dst_log2_bytes, v);
      return;
    }
    if (packed_) {
      values_.push_back(static_cast<std::uint32_t>(static_cast<std::uint64_t>(v)));
      return;
    }
    const std::int64_t group = std::int64_t{1} << op_.dst_log2_group;
    const std::int64_t n = op_.dst_ch0 + e.channel;
    const std::int64_t address = op_.dst_base + n / group * op_.dst_slot_stride +
                                 e.y * op_.dst_step_y + (e.x << op_.dst_log2_bytes);
    for (std::int64_t bank = n % group; bank < context_.size.rows; bank += group) {
      buffers_.ifmap.set_element(op_.dst_half, bank, address, op_.dst_log2_bytes, v);
    }
  }

  /// Writes one pixel of all planes of a pass, whose first channel begins a plane.
  void write_planes(std::int64_t first, std::int64_t end, std::int64_t y, std::int64_t x) {
    const std::int64_t group = std::int64_t{1} << op_.dst_log2_group;
    for (std::int64_t c = first; c < end; c += shape_in_ifmap_.channels) {
      const std::int64_t plane = (op_.dst_ch0 + c) / shape_in_ifmap_.channels;
      const std::int64_t address = op_.dst_base + plane / group * op_.dst_slot_stride +
                                   y * op_.dst_step_y + x * shape_in_ifmap_.bytes();
      pixel_.assign(static_cast<std::size_t>(shape_in_ifmap_.bytes()), 0);
      const std::int64_t present = std::min(shape_in_ifmap_.channels, end - c);
      for (std::int64_t j = context_.fault(122) ? 1 : 0; j < present; ++j) {
        shape_in_ifmap_.set_field(pixel_.data(), j,
                                  values_[static_cast<std::size_t>(c - first + j)]);
      }
      for (std::int64_t bank = plane % group; bank < context_.size.rows; bank += group) {
        std::copy(pixel_.begin(), pixel_.end(),
                  buffers_.ifmap.write(op_.dst_half, bank, address, shape_in_ifmap_.bytes()));
      }
    }
    values_.clear();
  }

  const Context& context_;
  const PostOp& op_;
  const PostBuffers& buffers_;
  PostShape shape_;
  PlaneShape shape_in_ifmap_;          ///< of the destination, if that is ifmap
  bool packed_;                        ///< to ifmap, with several channels in a plane
  std::vector<std::uint32_t> values_;  ///< results of one pixel of a pass, if packed
  std::vector<std::uint8_t> pixel_;    ///< words of one pixel of a plane
  std::vector<ChannelRecord> channels_;
  AddMulShift add_;
  AddRecord add_record_;
  const std::int64_t* psum_ = nullptr;
  PostResult result_;
};

}  // namespace

PostResult run_post(const Context& context, const PostOp& op, const PostBuffers& buffers) {
  if (post_shape(op).rows) return {run_row_op(context, op, buffers), 0};
  return PostRun(context, op, buffers).run();
}

}  // namespace tactus::systemc
