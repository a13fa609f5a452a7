// SPDX-License-Identifier: Apache-2.0
// The values of one weight-stationary fold: an integer matrix product added to the partial sums.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/formats.hpp"

namespace tactus::systemc {

/// How the operands of one array row come from its ifmap bank.
struct RowFeed {
  const std::uint8_t* bytes;  ///< byte of pixel (0,0)
};

struct FoldInput {
  std::vector<RowFeed> rows;         ///< one per K element of the fold
  std::int64_t out_h, out_w;         ///< M = out_h * out_w pixels
  std::int64_t step_x, step_y;       ///< bytes
  bool act_signed;
  std::int64_t act_zp;
  const std::int32_t* weights;       ///< per K element `weight_stride` values, zero point removed
  std::int64_t weight_limit;         ///< largest magnitude of a weight
  std::int64_t cols;                 ///< columns in use
};

struct FoldRule {
  bool from_zero;  ///< the psums start at 0
  int acc_bits;
  Overflow overflow;
  bool drop_carry;  ///< seeded fault 103
};

struct FoldCounts {
  std::uint64_t act_zero = 0;      ///< operands that equal 0
  std::uint64_t acc_overflow = 0;  ///< psums that did not fit
};

/// Columns of a weight row are padded with 0 to a multiple of this.
inline constexpr std::int64_t column_block = 16;
[[nodiscard]] constexpr std::int64_t padded_columns(std::int64_t cols) {
  return (cols + column_block - 1) / column_block * column_block;
}

/// psum: entry of pixel 0, `psum_stride` values from one pixel to the next.
[[nodiscard]] FoldCounts run_fold(const FoldInput& input, const FoldRule& rule,
                                  std::int64_t* psum, std::int64_t psum_stride);

}  // namespace tactus::systemc
