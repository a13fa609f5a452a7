// SPDX-License-Identifier: Apache-2.0
// The numbers that a compute op's width and sparsity fields imply (models/README.md, "Operands").
#pragma once

#include <algorithm>
#include <cstdint>

#include "program/program.hpp"

namespace tactus {

/// Geometry of the operands of one compute op on a datapath of `word_bits` (8 or 16).
struct OperandLayout {
  std::int64_t word_bits = 8;
  std::int64_t act_bits = 8, wgt_bits = 8;  ///< carrier widths a', w': 1, 2, 4, 8 or 16
  std::int64_t lanes = 1;                   ///< L = word_bits / max(a', w')
  std::int64_t candidates = 1;              ///< M: activations that a lane chooses from
  std::int64_t kept = 1;                    ///< N: K units that share one window
  std::int64_t index_bits = 0;              ///< carrier of one index: 0, 1, 2 or 4
  std::int64_t bundle_words = 1;            ///< Q
  std::int64_t bundle_elements = 1;         ///< Q * P channels of a plane
  std::int64_t windows = 1;                 ///< S: windows of L * M elements per bundle
  std::int64_t units_per_row = 1;           ///< V: K units in one row of the weight buffer
  std::int64_t units_per_index_row = 1;     ///< X: K units in one row of the index buffer
  [[nodiscard]] std::int64_t window_elements() const { return lanes * candidates; }
  [[nodiscard]] bool sparse() const { return candidates > 1; }
};

/// Fields that no hardware supports give windows, units_per_row or units_per_index_row of 0; the
/// validator refuses them.
[[nodiscard]] inline OperandLayout operand_layout(const ComputeOp& op, std::int64_t word_bits) {
  OperandLayout out;
  out.word_bits = word_bits;
  out.act_bits = word_bits >> op.act_pack;
  out.wgt_bits = word_bits >> op.wgt_pack;
  out.lanes = std::int64_t{1} << std::min(op.act_pack, op.wgt_pack);
  out.candidates = std::int64_t{1} << op.log2_m;
  out.kept = op.nm_last + 1;
  constexpr std::int64_t carriers[] = {0, 1, 2, 4};
  out.index_bits = carriers[op.log2_m];
  out.bundle_words = std::int64_t{1} << op.log2_bundle;
  out.bundle_elements = out.bundle_words << op.act_pack;
  out.windows = out.bundle_elements / out.window_elements();
  out.units_per_row = out.wgt_bits > 0 ? word_bits / (out.lanes * out.wgt_bits) : 0;
  out.units_per_index_row = out.sparse() ? word_bits / (out.lanes * out.index_bits) : 1;
  return out;
}

}  // namespace tactus
