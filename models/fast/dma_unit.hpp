// SPDX-License-Identifier: Apache-2.0
// Values of load, fill and store ops. Each function returns the op's digest.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/buffers.hpp"
#include "memory/offchip_memory.hpp"
#include "program/program.hpp"

namespace tactus::fast {

class DmaUnit {
 public:
  /// `lazy`: loads and fills of ifmap and weight halves are left pending in their histories. Only
  /// this unit may write the memory from then on.
  DmaUnit(const ArchConfig& config, bool lazy)
      : beat_bytes_(config.beat_bytes()), word_bytes_(config.word_bytes()), lazy_(lazy) {}

  [[nodiscard]] std::uint64_t run(const LoadOp& op, const OffchipMemory& memory, Buffers& buffers);
  [[nodiscard]] std::uint64_t run(const FillOp& op, Buffers& buffers);
  [[nodiscard]] std::uint64_t run(const StoreOp& op, Buffers& buffers, OffchipMemory& memory);

 private:
  /// What a load of the same bytes to the same places has: they need not be read again.
  struct Known {
    std::uint64_t content = 0;  ///< name for WriteHistory, 0: not known
    std::uint64_t age = 0;      ///< of the youngest byte
    std::uint64_t digest = 0;
  };
  using Key = std::array<std::int64_t, 11>;
  /// What is known of a load of `span` bytes.
  const Known& know(const LoadOp& op, const std::uint8_t* from, std::int64_t span);
  std::uint64_t new_content() { return 2 * ++contents_; }
  /// A write to a half, now or pending.
  void put(const BankWrite& write, Dest dest, BankedHalf& target) const;
  /// Carries out pending loads of the bytes that a store is about to change, and notes their age.
  void before_store(const StoreOp& op, std::int64_t span, const OffchipMemory& memory,
                    Buffers& buffers);
  /// Unpacks one plane into the runs of banks that hold it.
  void unpack_plane(const LoadOp& op, std::int64_t plane, const std::uint8_t* from,
                    BankedHalf& target);
  /// line_ = one line of a packed, or of a transposed, plane.
  void pack_line(const StoreOp& op, std::int64_t plane, std::int64_t line,
                 const BankedHalf& source);
  void pack_pixels(const StoreOp& op, std::int64_t plane, const BankedHalf& source);

  static constexpr std::int64_t page_bytes = 4096;

  std::int64_t beat_bytes_, word_bytes_;
  bool lazy_;
  std::map<Key, Known> known_;
  std::uint64_t contents_ = 0, stores_ = 0;
  std::vector<std::uint64_t> ages_;  ///< number of the last store to each page, 0: none
  std::vector<std::uint8_t> line_;
};

}  // namespace tactus::fast
