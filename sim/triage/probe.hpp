// SPDX-License-Identifier: Apache-2.0
// Programs that end early and put what a tile op produced into off-chip memory, so that the values
// inside any back end can be read without a debug port.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus::triage {

/// Runs a program from a memory on one back end.
using Runner = std::function<RunResult(const Program&, std::vector<std::uint8_t>)>;

/// Values by channel (or column) and pixel (or psum entry).
struct Plane {
  std::int64_t channels = 0, pixels = 0;
  std::vector<std::int64_t> values;  ///< channel-major
  [[nodiscard]] std::int64_t at(std::int64_t channel, std::int64_t pixel) const {
    return values[static_cast<std::size_t>(channel * pixels + pixel)];
  }
};

/// A program with the place where it leaves its values.
struct Probe {
  Program program;
  std::uint64_t address = 0;  ///< of channel 0, pixel 0
  std::uint64_t plane_stride = 0, line_stride = 0;
  std::int64_t channels = 0, lines = 0, width = 0;
  int bytes = 4;
  bool is_signed = true;
  [[nodiscard]] Plane read(const std::vector<std::uint8_t>& memory) const;
};

/// The ops that build the psums of compute op `op` (program index), the last of them `op` itself.
[[nodiscard]] std::vector<std::size_t> psum_chain(const Program& program, std::size_t op);
/// K units of these ops together.
[[nodiscard]] std::int64_t chain_units(const Program& program,
                                       const std::vector<std::size_t>& chain);

class Prober {
 public:
  /// `memory` is what runs of the program start from. Keeps references.
  Prober(const Program& program, const ArchConfig& config, const std::vector<std::uint8_t>& memory)
      : program_(program), config_(config), memory_(memory) {}

  /// The low 32 bits of the psums after the first `units` K units of a chain. Nothing when a buffer
  /// is too small for the way out.
  [[nodiscard]] std::optional<Probe> psums(const std::vector<std::size_t>& chain,
                                           std::int64_t units) const;
  /// What post op `op` wrote.
  [[nodiscard]] std::optional<Probe> post_result(std::size_t op) const;
  /// Everything before op `op`.
  [[nodiscard]] Probe before(std::size_t op) const;

  [[nodiscard]] Plane run(const Probe& probe, const Runner& runner) const {
    return probe.read(memory_after(probe, runner));
  }
  [[nodiscard]] std::vector<std::uint8_t> memory_after(const Probe& probe,
                                                       const Runner& runner) const;

 private:
  const Program& program_;
  const ArchConfig& config_;
  const std::vector<std::uint8_t>& memory_;
};

}  // namespace tactus::triage
