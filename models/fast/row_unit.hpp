// SPDX-License-Identifier: Apache-2.0
// Values of post ops of mode row: softmax and normalisation over the channels of each pixel.
#pragma once

#include <cstdint>

#include "fast/buffers.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// Writes all rows of the op and returns their digest.
[[nodiscard]] std::uint64_t run_rows(const PostOp& op, Buffers& buffers);

}  // namespace tactus::fast
