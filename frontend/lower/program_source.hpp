// SPDX-License-Identifier: Apache-2.0
// Programs of one network for many configurations, without memory contents: for timing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arch/arch_config.hpp"
#include "network/network.hpp"
#include "program/program.hpp"

namespace tactus {

/// Keeps what configurations share: the pruned network, the counts of its weights, the cuts of each
/// layer. The timing of the off-chip memory only chooses among cuts; hw.clock_mhz, hw.queue_depth,
/// hw.acc_overflow, hw.zero_gating and mem.burst_beats do not matter at all.
class ProgramSource {
 public:
  /// Keeps a reference to the network.
  explicit ProgramSource(const Network& network);
  ~ProgramSource();
  ProgramSource(ProgramSource&&) noexcept;
  ProgramSource& operator=(ProgramSource&&) = delete;

  /// Text that is the same for two configurations only if lower_network() gives both the same
  /// program. Throws BadInput as lower_network() does, as far as the choice of cuts shows it.
  [[nodiscard]] const std::string& identity(const ArchConfig& config);

  struct Lowered {
    Program program;  ///< that of lower_network() with an empty image
    std::uint64_t image_bytes = 0;
  };
  [[nodiscard]] Lowered lower(const ArchConfig& config);

  /// How often cuts were chosen for the whole network.
  [[nodiscard]] std::uint64_t plans() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tactus
