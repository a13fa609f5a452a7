// SPDX-License-Identifier: Apache-2.0
// Programs of one network for many configurations, without memory contents: for timing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "arch/arch_config.hpp"
#include "lower/program_parts.hpp"
#include "network/network.hpp"

namespace tactus {

/// Channels of the tensors of a network that may have been pruned.
struct TensorChannels {
  std::map<std::string, int> count;  ///< by tensor
  std::string
      chosen;  ///< equal texts: of every tensor the same channels in the same order are left
};

/// Keeps what configurations share: the pruned network, the counts of its weights, the cuts of each
/// layer, its ops. The timing of the off-chip memory only chooses among cuts; hw.clock_mhz,
/// hw.queue_depth, hw.acc_overflow, hw.zero_gating and mem.burst_beats do not matter at all.
class ProgramSource {
 public:
  /// Keeps references to the network and to who makes the parts of programs.
  ProgramSource(const Network& network, PartMaker& maker);
  ~ProgramSource();
  ProgramSource(ProgramSource&&) noexcept;
  ProgramSource& operator=(ProgramSource&&) = delete;

  /// Text that is the same for two configurations only if lower_network() gives both the same
  /// program. Throws BadInput as lower_network() does, as far as the choice of cuts shows it.
  [[nodiscard]] const std::string& identity(const ArchConfig& config);

  /// The program of lower_network(). Throws BadInput as that does.
  [[nodiscard]] ProgramOutline outline(const ArchConfig& config);
  /// What is left of the network's tensors in that program.
  [[nodiscard]] const TensorChannels& channels(const ArchConfig& config);

  /// How often cuts were chosen for the whole network.
  [[nodiscard]] std::uint64_t plans() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tactus
