// SPDX-License-Identifier: Apache-2.0
// How the K units of a compute op become K elements of the kernels. A unit gives an element for
// each of the L * M activations of its window; its weight is 0 where no index points at it.
#pragma once

#include <cstdint>
#include <vector>

#include "program/operand_layout.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// Order of the packed elements, two of which make a pair. Folds start at whole pairs, so that each
/// can be multiplied alone.
struct PackShape {
  std::int64_t units = 1;     ///< packed units: K units, or windows when merged
  std::int64_t per_fold = 1;  ///< packed units of a fold
  std::int64_t elements = 1;  ///< of a packed unit
  bool merged = false;        ///< the K units of a window share its elements; one fold

  [[nodiscard]] std::int64_t folds() const { return (units + per_fold - 1) / per_fold; }
  [[nodiscard]] std::int64_t fold_pairs() const { return (per_fold * elements + 1) / 2; }
  [[nodiscard]] std::int64_t pairs() const { return first_pair(folds()); }
  /// First pair of a fold; of fold folds(): the number of pairs.
  [[nodiscard]] std::int64_t first_pair(std::int64_t fold) const {
    if (fold < folds()) return fold * fold_pairs();
    const std::int64_t last = units - (folds() - 1) * per_fold;
    return (folds() - 1) * fold_pairs() + (last * elements + 1) / 2;
  }
};

/// K units `per_fold` to a fold.
[[nodiscard]] PackShape unit_shape(const ComputeOp& op, const OperandLayout& layout,
                                   std::int64_t per_fold);
/// The units of a window together, where a window has several.
[[nodiscard]] PackShape window_shape(const ComputeOp& op, const OperandLayout& layout);

/// One packed unit: the K units first, first + step, ... of an op, which have the same window.
struct PackedUnit {
  std::int64_t row = 0;     ///< array row of the first one
  std::int64_t offset = 0;  ///< bytes from a pixel's address to its bundle
  std::int64_t window = 0;  ///< of the bundle
  std::int64_t first = 0, step = 1, count = 1;
};
[[nodiscard]] std::vector<PackedUnit> packed_units(const ComputeOp& op, const OperandLayout& layout,
                                                   const PackShape& shape);

/// Numbers that the width fields of an operand imply.
struct OperandWidth {
  std::int64_t bits = 8;  ///< of the carrier
  bool is_signed = false, is_bipolar = false;
  std::int64_t zero_point = 0;
  std::int64_t low = 0, high = 0;  ///< range of the operand

  /// Nine bits fit the kernels; wider operands are packed in two parts of eight bits and the rest.
  [[nodiscard]] std::int64_t parts() const { return bits > 8 ? 2 : 1; }
  [[nodiscard]] std::int64_t magnitude() const { return -low > high ? -low : high; }
};
/// Throw InternalError when an operand does not fit its lane.
[[nodiscard]] OperandWidth activation_width(const ComputeOp& op, const OperandLayout& layout);
[[nodiscard]] OperandWidth weight_width(const ComputeOp& op, const OperandLayout& layout);

/// Operands of words of 16 bits in two parts, value = low + 256 * high.
void split_parts(const std::uint16_t* words, std::int64_t count, const OperandWidth& width,
                 std::int16_t* low, std::int16_t* high);

}  // namespace tactus::fast
