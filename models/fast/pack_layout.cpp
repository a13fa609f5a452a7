// SPDX-License-Identifier: Apache-2.0
#include "fast/pack_layout.hpp"

#include <algorithm>
#include <string>

#include "dataflow/unit_order.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

/// Calls visit(order, first unit, units) for each run of K units whose windows differ in nothing
/// but the phase.
template <class Visit>
void for_each_block(const ComputeOp& op, const OperandLayout& layout, const Visit& visit) {
  UnitOrder order(op, layout);
  for (std::int64_t k = 0; k < op.k_rows; order.next_window()) {
    const std::int64_t units = std::min(order.left_of_windows(), op.k_rows - k);
    visit(order.at(), k, units);
    k += units;
  }
}

OperandWidth width_of(std::int64_t bits, bool is_signed, bool is_bipolar, std::int64_t zero_point,
                      const char* what) {
  OperandWidth width{bits, is_signed, is_bipolar, zero_point, -1, 1};
  if (is_bipolar) {
    if (bits == 1 && zero_point == 0) return width;
  } else {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    width.low = (is_signed ? -half : 0) - zero_point;
    width.high = (is_signed ? half : 2 * half) - 1 - zero_point;
    if (width.low >= -2 * half && width.high < 2 * half) return width;
  }
  throw InternalError("a compute op has the zero point " + std::to_string(zero_point) +
                      " for its " + what + " of " + std::to_string(bits) +
                      " bits, which does not fit the operand width");
}

}  // namespace

PackShape unit_shape(const ComputeOp& op, const OperandLayout& layout, std::int64_t per_fold) {
  return {op.k_rows, per_fold, layout.window_elements(), false};
}

PackShape window_shape(const ComputeOp& op, const OperandLayout& layout) {
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  PackShape shape{0, 1, layout.window_elements(), true};
  for_each_block(op, layout, [&](const KUnit&, std::int64_t, std::int64_t units) {
    shape.units += std::min(group, units);
  });
  shape.per_fold = shape.units;
  return shape;
}

std::vector<PackedUnit> packed_units(const ComputeOp& op, const OperandLayout& layout,
                                     const PackShape& shape) {
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  std::vector<PackedUnit> list(static_cast<std::size_t>(shape.units));
  PackedUnit* next = list.data();
  std::int64_t row = 0;  // of the block's first unit; no division, because blocks may be one unit
  for_each_block(op, layout, [&](const KUnit& at, std::int64_t first, std::int64_t units) {
    const std::int64_t distinct = shape.merged ? std::min(group, units) : units;
    const std::int64_t offset = unit_offset(op, at);
    for (std::int64_t i = 0; i < units; ++i) {
      if (i < distinct) {
        const std::int64_t count = shape.merged ? (units - i + group - 1) / group : 1;
        *next++ = {row, offset, at.window, first + i, group, count};
      }
      if (++row == op.rows_used) row = 0;
    }
  });
  return list;
}

OperandWidth activation_width(const ComputeOp& op, const OperandLayout& layout) {
  return width_of(layout.act_bits, op.act_signed != 0, op.act_bipolar != 0, op.act_zp,
                  "activations");
}

OperandWidth weight_width(const ComputeOp& op, const OperandLayout& layout) {
  return width_of(layout.wgt_bits, op.wgt_signed != 0, op.wgt_bipolar != 0, op.wgt_zp, "weights");
}

void split_parts(const std::uint16_t* words, std::int64_t count, const OperandWidth& width,
                 std::int16_t* low, std::int16_t* high) {
  const auto zero_point = static_cast<std::int32_t>(width.zero_point);
  const std::int32_t sign = width.is_signed ? 0x8000 : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t value = (words[i] ^ sign) - sign - zero_point;
    low[i] = static_cast<std::int16_t>(value & 0xFF);
    high[i] = static_cast<std::int16_t>(value >> 8);
  }
}

}  // namespace tactus::fast
