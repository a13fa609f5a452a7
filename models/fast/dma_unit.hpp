// SPDX-License-Identifier: Apache-2.0
// Values of load, fill and store ops. Each function returns the op's digest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/buffers.hpp"
#include "memory/offchip_memory.hpp"
#include "program/program.hpp"

namespace tactus::fast {

class DmaUnit {
 public:
  explicit DmaUnit(const ArchConfig& config) : beat_bytes_(config.beat_bytes()) {}

  [[nodiscard]] std::uint64_t run(const LoadOp& op, const OffchipMemory& memory,
                                  Buffers& buffers) const;
  [[nodiscard]] std::uint64_t run(const FillOp& op, Buffers& buffers) const;
  [[nodiscard]] std::uint64_t run(const StoreOp& op, const Buffers& buffers, OffchipMemory& memory);

 private:
  std::int64_t beat_bytes_;
  std::vector<std::uint8_t> line_;
};

}  // namespace tactus::fast
