// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "generator.hpp"
#include "program/operand_layout.hpp"

namespace tactus::oplevel {

void Generator::operands(ComputeOp& op) {
  const std::int64_t bits = config_.hw_operand_bits;
  const bool multi = has("multi") && config_.multi_width();
  const bool sparse = has("nm") && config_.hw_nm_patterns != "dense" && rng_.chance(1, 2);
  // Fields are drawn until a bundle holds a window and the indices of its lanes fit a word.
  for (;;) {
    op.act_pack = multi ? rng_.in(0, log2_of(bits)) : 0;
    op.wgt_pack = multi ? rng_.in(0, log2_of(bits)) : 0;
    const bool bundles = config_.multi_width() || config_.hw_nm_patterns != "dense";
    op.log2_bundle = (has("bundle") && bundles) || sparse ? rng_.in(0, 3) : 0;
    op.log2_m = sparse ? rng_.in(1, 3) : 0;
    const OperandLayout layout = operand_layout(op, bits);
    if (layout.windows < 1 || layout.units_per_row < 1 || layout.units_per_index_row < 1) continue;
    if (layout.bundle_words * word_ > beat_) continue;
    if (layout.candidates > config_.hw_edge_words) continue;
    break;
  }
  const OperandLayout layout = operand_layout(op, bits);
  op.nm_last = sparse ? rng_.in(0, layout.candidates - 2) : 0;
  op.start_n = rng_.in(0, op.nm_last);
  op.start_s = rng_.in(0, layout.windows - 1);
  op.act_signed = rng_.in(0, 1);
  op.wgt_signed = rng_.in(0, 1);
  op.act_bits = rng_.chance(3, 4) ? layout.act_bits : rng_.in(1, layout.act_bits);
  op.wgt_bits = rng_.chance(3, 4) ? layout.wgt_bits : rng_.in(1, layout.wgt_bits);
  const auto zero_point = [&](std::int64_t width, bool is_signed) {
    if (rng_.chance(1, 2)) return std::int64_t{0};
    const std::int64_t span = std::int64_t{1} << width;
    const std::int64_t low = is_signed ? -span / 2 : 0;
    return rng_.chance(1, 4)   ? low
           : rng_.chance(1, 3) ? low + span - 1
                               : rng_.in(low, low + span - 1);
  };
  op.act_bipolar = has("bipolar") && layout.act_bits == 1 && rng_.chance(1, 2) ? 1 : 0;
  op.wgt_bipolar = has("bipolar") && layout.wgt_bits == 1 && rng_.chance(1, 2) ? 1 : 0;
  op.act_zp = op.act_bipolar != 0 ? 0 : zero_point(layout.act_bits, op.act_signed != 0);
  op.wgt_zp = op.wgt_bipolar != 0 ? 0 : zero_point(layout.wgt_bits, op.wgt_signed != 0);
}

void Generator::geometry(ComputeOp& op) {
  const std::int64_t rows = config_.hw_array_rows;
  const std::int64_t bundle = word_ << op.log2_bundle;
  op.dataflow = has("os") && config_.output_stationary() && (!has("ws") || rng_.chance(1, 2));
  op.out_h = rng_.in(1, 4);
  op.out_w = rng_.in(1, 7);
  // Some ops are longer than what the kernels of the models take in one go.
  const bool large = rng_.chance(1, 12);
  if (large) op.out_w = rng_.in(8, 40);
  op.step_x = bundle * rng_.in(0, 3);
  op.step_y = bundle * rng_.in(0, 12);
  op.rows_used = rows;
  op.log2_group = 0;
  if (op.dataflow == 0) {
    op.log2_group = rng_.in(0, log2_of(rows));
    const std::int64_t group = std::int64_t{1} << op.log2_group;
    if (rng_.chance(1, 2)) op.rows_used = group * rng_.in(1, rows / group);
  }
  op.slots = rng_.in(1, 3);
  op.slot_stride = bundle * rng_.in(0, 10);
  op.kernel_w = rng_.in(1, 3);
  op.step_kx = bundle * rng_.in(0, 2);
  op.step_ky = bundle * rng_.in(0, 10);
  op.start_slot = rng_.in(0, op.slots - 1);
  op.start_kx = rng_.in(0, op.kernel_w - 1);
  op.start_ky = rng_.chance(2, 3) ? 0 : rng_.in(0, 2);
  op.ifmap_base = bundle * rng_.in(0, 6);
  op.k_rows = rng_.chance(1, 4) ? rng_.in(1, 3) : rng_.in(1, 3 * rows + 3);
  if (large) op.k_rows = rng_.in(3 * rows, 100);
  if (op.dataflow == 1) {
    op.folds = (op.out_h * op.out_w + rows - 1) / rows;
  } else {
    op.folds = (op.k_rows + op.rows_used - 1) / op.rows_used;
  }
  op.cols = rng_.chance(1, 2) ? config_.hw_array_cols : rng_.in(1, config_.hw_array_cols);
  op.psum_base = rng_.in(0, 5);
  op.weight_base = rng_.chance(1, 2) ? 0 : rng_.in(0, 20);
  op.index_base = op.log2_m == 0 || rng_.chance(1, 2) ? 0 : rng_.in(0, 20);
}

std::int64_t Generator::reach(const ComputeOp& op, std::int64_t bundle_bytes) {
  const std::int64_t positions = op.k_rows;  // at least the kernel positions that are visited
  const std::int64_t ky = op.start_ky + positions / (op.slots * op.kernel_w) + 1;
  return op.ifmap_base + (op.slots - 1) * op.slot_stride + (op.kernel_w - 1) * op.step_kx +
         ky * op.step_ky + (op.out_h - 1) * op.step_y + (op.out_w - 1) * op.step_x + bundle_bytes;
}

void Generator::load_weights(const ComputeOp& op) {
  const OperandLayout layout = operand_layout(op, config_.hw_operand_bits);
  const std::int64_t row = config_.hw_array_cols * word_;
  const auto load = [&](Dest dest, std::int64_t base, std::int64_t per_row, bool below_8) {
    const std::int64_t first = base / per_row;
    const std::int64_t count = (base + op.k_rows + per_row - 1) / per_row - first;
    const std::int64_t bytes = count * row;
    const std::int64_t at = below_8 ? data_bytes + rng_.in(0, (index_bytes - bytes) / beat_) * beat_
                                    : random_address(bytes);
    load_linear(dest, op.weight_half, first * row / beat_, bytes, at);
  };
  load(Dest::weight, op.weight_base, layout.units_per_row, false);
  if (layout.sparse()) {
    load(Dest::index, op.index_base, layout.units_per_index_row, layout.candidates == 8);
  }
}

void Generator::compute() {
  ComputeOp op;
  op.ifmap_half = rng_.in(0, 1);
  op.weight_half = rng_.in(0, 1);
  // Often the psums of the op before, so that accumulate chains form.
  op.psum_half = rng_.chance(2, 3) ? last_.psum_half : rng_.in(0, 1);
  const std::int64_t room = config_.ifmap_bank_bytes();
  do {
    operands(op);
    geometry(op);
  } while (reach(op, word_ << op.log2_bundle) > room);
  if (last_.k_rows > 0 && rng_.chance(1, 2)) {
    op.accumulate = 1;
    if (rng_.chance(1, 2)) {
      op.psum_base = last_.psum_base;
      op.out_h = last_.out_h;
      op.out_w = last_.out_w;
      if (op.dataflow == 1) {
        op.folds = (op.out_h * op.out_w + op.rows_used - 1) / op.rows_used;
      }
      if (reach(op, word_ << op.log2_bundle) > room) return;
    }
  }
  // The psums of the op before are accumulated on with its psum_base only.
  if (op.accumulate != 0 && op.psum_half == last_.psum_half) op.psum_base = last_.psum_base;
  op.k_complete = rng_.chance(4, 5) ? 1 : 0;
  if (rng_.chance(3, 4)) {
    load_ifmap(op.ifmap_half, std::min<std::int64_t>(reach(op, word_ << op.log2_bundle), 256));
  }
  load_weights(op);
  draft_.ops.emplace_back(op);
  last_ = op;
}

}  // namespace tactus::oplevel
