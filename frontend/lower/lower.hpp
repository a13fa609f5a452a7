// SPDX-License-Identifier: Apache-2.0
// From a checked network to a program of tile ops for one architecture.
#pragma once

#include <map>
#include <string>

#include "arch/arch_config.hpp"
#include "network/network.hpp"
#include "program/program.hpp"

namespace tactus {

/// Lowers a checked network. Throws BadInput with one sentence that names the layer where an
/// operation is not supported, or the buffer that is too small and by how much.
[[nodiscard]] Program lower_network(const Network& network, const ArchConfig& config);

/// Copies input tensors into a memory image laid out by `program`.
void place_inputs(const Program& program, const std::map<std::string, QTensor>& inputs,
                  std::vector<std::uint8_t>& memory);

/// Reads a tensor back; throws InternalError for a tensor that is not in memory.
[[nodiscard]] QTensor read_tensor(const Program& program, const Network& network,
                                  const std::vector<std::uint8_t>& memory, const std::string& name);

}  // namespace tactus
