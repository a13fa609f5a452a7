// SPDX-License-Identifier: Apache-2.0
#include "operands.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace tactus::systemc {

namespace {

/// The word of a column: little endian, 1 or 2 bytes.
[[nodiscard]] std::uint32_t word_at(const std::uint8_t* bytes, std::int64_t word_bytes) {
  std::uint32_t word = bytes[0];
  if (word_bytes == 2) word |= std::uint32_t{bytes[1]} << 8;
  return word;
}

/// Turns a field of a word into the value of a weight.
class WeightForm {
 public:
  WeightForm(const ComputeOp& op, std::int64_t bits)
      : mask_((std::uint32_t{1} << bits) - 1),
        sign_(op.wgt_signed != 0 && op.wgt_bipolar == 0 ? std::int32_t{1} << (bits - 1) : 0),
        scale_(op.wgt_bipolar != 0 ? 2 : 1),
        zero_(static_cast<std::int32_t>(op.wgt_bipolar != 0 ? 1 : op.wgt_zp)) {}

  [[nodiscard]] std::int32_t value(std::uint32_t field) const {
    const auto raw = static_cast<std::int32_t>(field & mask_);
    return ((raw ^ sign_) - sign_) * scale_ - zero_;
  }

 private:
  std::uint32_t mask_;
  std::int32_t sign_, scale_, zero_;
};

/// One 8-bit weight per word and no indices.
void read_bytes(const Context& context, const ComputeOp& op, const WeightBuffer& weight,
                std::int64_t first, std::int64_t units, std::int32_t* to) {
  const std::int64_t cols = context.size.cols;
  const std::int64_t stride = padded_columns(op.cols);
  const std::uint8_t* row =
      weight.read(op.weight_half, (op.weight_base + first) * cols, units * cols);
  for (std::int64_t k = 0; k < units; ++k, to += stride, row += cols) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const std::int64_t value = op.wgt_signed != 0 ? static_cast<std::int8_t>(row[c]) : row[c];
      to[c] = static_cast<std::int32_t>(value - op.wgt_zp);
    }
  }
}

}  // namespace

std::vector<KUnit> k_units(const Context& context, const ComputeOp& op,
                           const OperandLayout& layout) {
  std::int64_t step_kx = op.step_kx;
  std::int64_t step_ky = op.step_ky;
  if (context.fault(102)) std::swap(step_kx, step_ky);
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  std::vector<KUnit> units(static_cast<std::size_t>(op.k_rows));
  std::int64_t phase = 0;
  std::int64_t n = op.start_n;
  std::int64_t window = op.start_s;
  std::int64_t slot = op.start_slot;
  std::int64_t kx = op.start_kx;
  std::int64_t ky = op.start_ky;
  for (KUnit& unit : units) {
    // All G planes of a slot have one offset: they differ in the bank.
    unit.offset = slot * op.slot_stride + ky * step_ky + kx * step_kx;
    unit.element = window * layout.window_elements();
    if (++phase < group) continue;
    phase = 0;
    if (++n < layout.kept) continue;
    n = 0;
    if (++window < layout.windows) continue;
    window = 0;
    if (++slot < op.slots) continue;
    slot = 0;
    if (++kx < op.kernel_w) continue;
    kx = 0;
    ++ky;
  }
  return units;
}

void read_weights(const Context& context, const ComputeOp& op, const OperandLayout& layout,
                  const WeightBuffer& weight, const IndexBuffer& index, std::int64_t first,
                  std::int64_t units, std::vector<std::int32_t>& out) {
  const std::int64_t stride = padded_columns(op.cols);
  const std::int64_t window = layout.window_elements();
  out.assign(static_cast<std::size_t>(units * window * stride), 0);
  if (window == 1 && layout.word_bits == 8 && layout.wgt_bits == 8) {
    read_bytes(context, op, weight, first, units, out.data());
    return;
  }
  const std::int64_t word_bytes = layout.word_bits / 8;
  const std::int64_t row_bytes = context.size.cols * word_bytes;
  const WeightForm form(op, layout.wgt_bits);
  for (std::int64_t k = 0; k < units; ++k) {
    const std::int64_t place = op.weight_base + first + k;
    const auto shift =
        static_cast<unsigned>(place % layout.units_per_row * layout.lanes * layout.wgt_bits);
    const std::uint8_t* row =
        weight.read(op.weight_half, place / layout.units_per_row * row_bytes, row_bytes);
    const std::uint8_t* indices = nullptr;
    unsigned index_shift = 0;
    if (layout.sparse()) {
      const std::int64_t at = op.index_base + first + k;
      index_shift =
          static_cast<unsigned>(at % layout.units_per_index_row * layout.lanes * layout.index_bits);
      indices = index.read(op.weight_half, at / layout.units_per_index_row * row_bytes, row_bytes);
    }
    std::int32_t* to = out.data() + k * window * stride;
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const std::uint32_t word = word_at(row + c * word_bytes, word_bytes) >> shift;
      const std::uint32_t chosen =
          indices != nullptr ? word_at(indices + c * word_bytes, word_bytes) >> index_shift : 0;
      for (std::int64_t lane = 0; lane < layout.lanes; ++lane) {
        const std::int64_t index_lane = context.fault(117) ? 0 : lane;
        const std::int64_t candidate =
            (chosen >> static_cast<unsigned>(index_lane * layout.index_bits)) &
            static_cast<std::uint32_t>(layout.candidates - 1);
        to[(lane * layout.candidates + candidate) * stride + c] =
            form.value(word >> static_cast<unsigned>(lane * layout.wgt_bits));
      }
    }
  }
}

std::int64_t weight_limit(const ComputeOp& op, const OperandLayout& layout) {
  if (op.wgt_bipolar != 0) return 1;
  const Format format{static_cast<int>(layout.wgt_bits), op.wgt_signed != 0, 0};
  return std::max(std::abs(format.min() - op.wgt_zp), std::abs(format.max() - op.wgt_zp));
}

}  // namespace tactus::systemc
