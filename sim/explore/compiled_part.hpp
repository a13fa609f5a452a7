// SPDX-License-Identifier: Apache-2.0
// What the figures of points need of the ops of one layer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "events/events.hpp"
#include "fast/schedule_block.hpp"
#include "lower/program_parts.hpp"

namespace tactus {

class CompiledPart : public ProgramPart {
 public:
  /// Lines of loads that take so many beats each.
  struct Reads {
    std::int64_t line_beats = 0, lines = 0;
  };

  /// Timing of the off-chip memory and queue depth do not matter.
  CompiledPart(const PartOps& ops, const ArchConfig& config);
  [[nodiscard]] std::size_t bytes() const override;

  fast::ScheduleBlock block;  ///< the tag is the op's StallCause
  lower::PartOrder order;
  EventCounts events;  ///< without mem_rd_req and the events that depend on values
  std::vector<Reads> reads;
  /// Operands that pass the array's rows, and those times the columns in use.
  std::int64_t windows = 0, products = 0;
};

/// Parts may outlive it.
class CompiledPartMaker : public PartMaker {
 public:
  [[nodiscard]] std::shared_ptr<const ProgramPart> make(const PartOps& ops,
                                                        const ArchConfig& config) override;
  [[nodiscard]] std::uint64_t made() const { return made_; }
  /// Memory of the parts that somebody still keeps.
  [[nodiscard]] std::size_t live_bytes() const { return *live_bytes_; }

 private:
  std::uint64_t made_ = 0;
  std::shared_ptr<std::size_t> live_bytes_ = std::make_shared<std::size_t>(0);
};

}  // namespace tactus
