// SPDX-License-Identifier: Apache-2.0
// The values of one weight-stationary fold: an integer matrix product added to the partial sums.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/formats.hpp"

namespace tactus::systemc {

struct FoldInput {
  std::vector<const std::uint8_t*> rows;  ///< per K element the byte of pixel (0,0) in its bank
  std::int64_t out_h, out_w;              ///< M = out_h * out_w pixels
  std::int64_t step_x, step_y;            ///< bytes
  bool act_signed;
  std::int64_t act_zp;
  const std::int32_t* weights;  ///< per K element padded_columns(cols), zero point subtracted
  std::int64_t weight_limit;    ///< no weight has a larger magnitude
  std::int64_t cols;            ///< columns in use
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
[[nodiscard]] FoldCounts run_fold(const FoldInput& input, const FoldRule& rule, std::int64_t* psum,
                                  std::int64_t psum_stride);

}  // namespace tactus::systemc
