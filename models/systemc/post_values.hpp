// SPDX-License-Identifier: Apache-2.0
// The values of a post op: requantisation, pooling, residual adds.
#pragma once

#include <cstdint>

#include "buffers.hpp"
#include "context.hpp"
#include "program/program.hpp"

namespace tactus::systemc {

/// The buffers that the post-processor reaches.
struct PostBuffers {
  PsumBuffer& psum;
  OfmapBuffer& ofmap;
  IfmapBuffer& ifmap;
  const ParamBuffer& param;
};

/// What the modes have and need.
struct PostShape {
  bool psum, channel_records, add_record, window;
  std::int64_t taps;          ///< source reads per element (cycles)
  std::int64_t ofmap_reads;   ///< of them from the ofmap buffer
  bool lane_by_lane = false;  ///< the lanes take turns at the parameter buffer
  bool rows = false;          ///< whole rows of channels, one element after the other
};
/// Throws BadInput for an unknown mode.
[[nodiscard]] PostShape post_shape(const PostOp& op);

struct PostResult {
  std::uint64_t digest = 0, acc_overflow = 0;
};

/// Writes all elements of the op, pass by pass.
[[nodiscard]] PostResult run_post(const Context& context, const PostOp& op,
                                  const PostBuffers& buffers);

}  // namespace tactus::systemc
