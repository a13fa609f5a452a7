// SPDX-License-Identifier: Apache-2.0
// The values of one fold: an integer matrix product added to the partial sums.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/formats.hpp"
#include "operands.hpp"

namespace tactus::systemc {

/// How an activation lies in memory.
struct OperandForm {
  std::int64_t bits;  ///< 1, 2, 4, 8 or 16
  bool is_signed, bipolar;
  std::int64_t zero_point;
};

/// One operand of a window: the byte of pixel 0 that holds it (the first of two if it has 16 bits)
/// and its lowest bit there.
struct FoldElement {
  const std::uint8_t* at;
  unsigned shift;
};

struct FoldInput {
  std::vector<FoldElement> elements;  ///< those of the fold's first K unit, of the second, ...
  std::int64_t lanes, candidates;     ///< L * M elements per unit, L of which count in a product
  std::int64_t out_h, out_w;          ///< M = out_h * out_w pixels
  std::int64_t step_x, step_y;        ///< bytes
  /// If not empty: bytes from pixel 0 to each pixel, instead of out_h lines of out_w pixels.
  std::vector<std::int64_t> pixel_offsets;
  OperandForm form;
  const std::int32_t* weights;  ///< per element padded_columns(cols), zero point subtracted
  std::int64_t column_limit;    ///< no column's weights have a larger sum of magnitudes
  std::int64_t weight_limit;    ///< no weight has a larger magnitude
  std::int64_t cols;            ///< columns in use
  bool count_gated;

  [[nodiscard]] std::int64_t pixels() const {
    return pixel_offsets.empty() ? out_h * out_w : static_cast<std::int64_t>(pixel_offsets.size());
  }
};

struct FoldRule {
  bool from_zero;  ///< the psums start at 0
  int acc_bits;
  Overflow overflow;
  bool drop_carry;  ///< seeded fault 103
};

struct FoldCounts {
  std::uint64_t act_zero = 0;      ///< operands that equal 0
  std::uint64_t acc_overflow = 0;  ///< sums that did not fit
  std::uint64_t mac_gated = 0;     ///< products of lanes with an operand 0, if asked for
};

/// A weight-stationary fold: the exact sum of all elements is added to the partial sum.
/// psum: entry of pixel 0, `psum_stride` values from one pixel to the next.
[[nodiscard]] FoldCounts run_fold(const FoldInput& input, const FoldRule& rule, std::int64_t* psum,
                                  std::int64_t psum_stride);

/// An output-stationary fold: an accumulator of acc_bits per pixel and column takes the sums of one
/// K unit after the other and is added to the partial sum in the end.
[[nodiscard]] FoldCounts run_streamed_fold(const FoldInput& input, const FoldRule& rule,
                                           std::int64_t* psum, std::int64_t psum_stride);

}  // namespace tactus::systemc
