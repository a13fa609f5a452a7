// SPDX-License-Identifier: Apache-2.0
// What the figures of a point need of its program, and the cycles of its layers for any timing of
// the off-chip memory.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "events/events.hpp"
#include "fast/schedule.hpp"
#include "program/program.hpp"
#include "report/stalls.hpp"

namespace tactus {

/// One layer of a program, the same for every timing of the memory.
struct CompiledLayer {
  std::string fused_into;
  std::int64_t macs = 0, macs_executed = 0;
  KMapping k_mapping;
  EventCounts events;  ///< without mem_rd_req and the events that depend on values
  /// Equal for layers of any program whose ops see the same operands equally often.
  std::string value_key;
};

/// Cycles of one layer; the fields mean what they mean in LayerTiming.
struct LayerCycles {
  Cycle cycles = 0, compute_cycles = 0;
  Stalls stalls;
};

struct ProgramCycles {
  std::vector<LayerCycles> layers;
  Cycle total = 0;
};

class CompiledProgram {
 public:
  /// `inputs`: for each layer the tensor that it reads, flatten seen through, where all its columns
  /// read all channels; else empty. `identity` is that of the program.
  CompiledProgram(const Program& program, std::uint64_t image_bytes, const ArchConfig& config,
                  const std::vector<std::string>& inputs, const std::string& identity);

  [[nodiscard]] const std::vector<CompiledLayer>& layers() const { return layers_; }
  [[nodiscard]] std::uint64_t image_bytes() const { return image_bytes_; }
  [[nodiscard]] std::size_t ops() const { return schedule_.size(); }
  /// Read requests of each layer with bursts of at most `burst_beats`.
  [[nodiscard]] std::vector<std::uint64_t> read_requests(std::int64_t burst_beats) const;

  /// Cycles of all layers; `times` is working memory. Throws BadInput when more than
  /// `watchdog_cycles` pass without a retire.
  [[nodiscard]] ProgramCycles cycles(std::int64_t latency, std::int64_t interval,
                                     Cycle watchdog_cycles, fast::ScheduleTimes& times) const;

  /// Bytes that the program takes.
  [[nodiscard]] std::size_t bytes() const;

 private:
  /// A token of a compute op.
  struct Token {
    std::uint32_t back = 0;   ///< distance to its source, 0 is none
    std::uint32_t store = 0;  ///< distance to the store that its source waited for, or 0
    StallCause cause = StallCause::token;
  };
  struct ComputeStep {
    std::uint32_t op = 0;
    std::uint16_t layer = 0;
    std::array<Token, queue_count> tokens;  ///< by queue
  };
  struct Reads {
    std::uint16_t layer = 0;
    std::int64_t lines = 0, line_beats = 0;
  };
  /// Ops [first, last) of one layer.
  struct LayerRun {
    std::uint32_t first = 0, last = 0;
    std::uint16_t layer = 0;
  };

  void add_compute(const Program& program, std::uint32_t op);
  void find_value_keys(const Program& program, const ArchConfig& config,
                       const std::vector<std::string>& inputs, const std::string& identity);

  fast::Schedule schedule_;
  std::vector<CompiledLayer> layers_;
  std::vector<ComputeStep> computes_;
  std::vector<Reads> reads_;
  std::vector<LayerRun> runs_;
  std::uint64_t image_bytes_;
};

}  // namespace tactus
