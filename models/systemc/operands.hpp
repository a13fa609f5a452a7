// SPDX-License-Identifier: Apache-2.0
// K units of a compute op: where the window of each lies in its bank, and the weights of its lanes.
#pragma once

#include <cstdint>
#include <vector>

#include "buffers.hpp"
#include "context.hpp"
#include "program/operand_layout.hpp"

namespace tactus::systemc {

/// What one array row does in one fold.
struct KUnit {
  std::int64_t
      offset;  ///< bytes from the bundle of a pixel's tap (0,0), slot 0 to that of the unit
  std::int64_t element;  ///< first element of the window inside the bundle
};

/// The K units of an op in the normative order.
[[nodiscard]] std::vector<KUnit> k_units(const Context& context, const ComputeOp& op,
                                         const OperandLayout& layout);

/// Columns of a weight row are padded with 0 to a multiple of this.
inline constexpr std::int64_t column_block = 16;
[[nodiscard]] constexpr std::int64_t padded_columns(std::int64_t cols) {
  return (cols + column_block - 1) / column_block * column_block;
}

/// Weights of `units` units from `first` on, zero point subtracted: per unit a row of
/// padded_columns(cols) values for each element of its window. A column has 0 in the candidates
/// that its indices do not choose.
void read_weights(const Context& context, const ComputeOp& op, const OperandLayout& layout,
                  const WeightBuffer& weight, const IndexBuffer& index, std::int64_t first,
                  std::int64_t units, std::vector<std::int32_t>& out);

/// No weight of the op has a larger magnitude.
[[nodiscard]] std::int64_t weight_limit(const ComputeOp& op, const OperandLayout& layout);

}  // namespace tactus::systemc
