// SPDX-License-Identifier: Apache-2.0
// The row unit of the post-processor: softmax and normalisation over the channels of a pixel, one
// element a cycle.
#pragma once

#include <cstdint>

#include "post_values.hpp"

namespace tactus::systemc {

/// How the row unit goes about one row.
struct RowShape {
  std::int64_t walks;          ///< over the row's elements
  std::int64_t table_walks;    ///< of them with a parameter record per element
  std::int64_t scalar_cycles;  ///< for the constants of the row
  std::int64_t scalar_reads;   ///< parameter records among them
};
/// Throws BadInput for an unknown row_kind.
[[nodiscard]] RowShape row_shape(const PostOp& op);

/// Writes all rows and returns the digest.
[[nodiscard]] std::uint64_t run_row_op(const Context& context, const PostOp& op,
                                       const PostBuffers& buffers);

}  // namespace tactus::systemc
