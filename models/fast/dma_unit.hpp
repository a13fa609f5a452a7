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
  explicit DmaUnit(const ArchConfig& config)
      : beat_bytes_(config.beat_bytes()), word_bytes_(config.word_bytes()) {}

  [[nodiscard]] std::uint64_t run(const LoadOp& op, const OffchipMemory& memory, Buffers& buffers);
  [[nodiscard]] std::uint64_t run(const FillOp& op, Buffers& buffers) const;
  [[nodiscard]] std::uint64_t run(const StoreOp& op, const Buffers& buffers, OffchipMemory& memory);

 private:
  /// Unpacks one plane into the runs of banks that hold it.
  void unpack_plane(const LoadOp& op, std::int64_t plane, const std::uint8_t* from,
                    BankedHalf& target);
  /// line_ = one line of a packed, or of a transposed, plane.
  void pack_line(const StoreOp& op, std::int64_t plane, std::int64_t line,
                 const BankedHalf& source);
  void pack_pixels(const StoreOp& op, std::int64_t plane, const BankedHalf& source);

  std::int64_t beat_bytes_, word_bytes_;
  std::vector<std::uint8_t> line_;
};

}  // namespace tactus::fast
