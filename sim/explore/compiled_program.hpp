// SPDX-License-Identifier: Apache-2.0
// What the figures of a point need of its program, and the cycles of its layers for any timing of
// the off-chip memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "events/events.hpp"
#include "explore/compiled_part.hpp"
#include "fast/schedule.hpp"
#include "lower/program_source.hpp"
#include "report/stalls.hpp"

namespace tactus {

/// One layer of a program, the same for every timing of the memory.
struct CompiledLayer {
  std::string fused_into;
  std::int64_t macs = 0, macs_executed = 0;
  KMapping k_mapping;
  EventCounts events;  ///< without mem_rd_req and the events that depend on values
  /// Equal for layers of any program whose ops see the same operands equally often; empty without
  /// compute ops, and until find_value_keys().
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
  /// The parts of `outline` are CompiledParts.
  CompiledProgram(const ProgramOutline& outline, const ArchConfig& config);

  /// Sets the layers' value keys. `inputs`: for each layer the tensor that it reads, flatten seen
  /// through, where all its columns read all channels; else empty. `identity` is that of the
  /// program.
  void find_value_keys(const ArchConfig& config, const std::vector<std::string>& inputs,
                       const TensorChannels& channels, const std::string& identity);

  [[nodiscard]] const std::vector<CompiledLayer>& layers() const { return layers_; }
  [[nodiscard]] std::uint64_t image_bytes() const { return image_bytes_; }
  [[nodiscard]] std::size_t ops() const { return schedule_.ops() + schedule_.segments().count - 1; }
  /// Read requests of each layer with bursts of at most `burst_beats`.
  [[nodiscard]] std::vector<std::uint64_t> read_requests(std::int64_t burst_beats) const;

  /// Cycles of all layers; `times` is working memory. Throws BadInput when more than
  /// `watchdog_cycles` pass without a retire.
  [[nodiscard]] ProgramCycles cycles(std::int64_t latency, std::int64_t interval,
                                     Cycle watchdog_cycles, fast::ScheduleTimes& times) const;

  /// Bytes that the program takes, those of its parts left out: they are shared.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Reads {
    std::uint16_t layer = 0;
    std::int64_t lines = 0, line_beats = 0;
  };
  using Parts = std::vector<std::shared_ptr<const CompiledPart>>;

  [[nodiscard]] fast::Schedule join(const ProgramOutline& outline, const ArchConfig& config);
  void add_segment_loads(const lower::SegmentCuts& cuts,
                         const std::vector<fast::PlacedBlock>& blocks,
                         const fast::ArchNumbers& arch);
  std::vector<CompiledLayer> layers_;
  Parts parts_;
  std::vector<std::uint16_t> layer_of_;  ///< by part
  std::vector<Reads> reads_;
  std::uint64_t image_bytes_;
  fast::Schedule schedule_;
};

}  // namespace tactus
