// SPDX-License-Identifier: Apache-2.0
// The arrays of one tile op, read from the buffers at the places that models/README.md gives.
#pragma once

#include <vector>

#include "arch/arch_config.hpp"
#include "backend/buffer_view.hpp"
#include "golden/array.hpp"
#include "network/network.hpp"
#include "program/program.hpp"

namespace tactus::golden {

/// What the arrays of an op depend on.
struct OpContext {
  const Program& program;
  const Network& network;
  const ArchConfig& config;
  Packing packing;
  std::string constants;  ///< folder of what does not depend on the input
  std::string image;      ///< folder of what does
};

/// Arrays of op `index` that its start finds in the buffers: `operand`, `weight`, `index` of a
/// compute op; `psum`, `source`, `param` of a post op. Without a view the arrays have no values.
/// Operands and weights are the stored integers; zero points are not subtracted.
[[nodiscard]] std::vector<Array> arrays_before(const OpContext& context, std::size_t index,
                                               const BufferView* view);
/// Arrays that its retirement leaves: `psum` of a compute op, `output` of a post op.
[[nodiscard]] std::vector<Array> arrays_after(const OpContext& context, std::size_t index,
                                              const BufferView* view);

/// Whether an array of that role is the same for all inputs.
[[nodiscard]] bool is_constant(const std::string& role);

}  // namespace tactus::golden
