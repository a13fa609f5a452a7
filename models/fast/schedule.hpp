// SPDX-License-Identifier: Apache-2.0
// The recurrence of timing.hpp for many memory timings of one program: dependencies are resolved
// once, and the periodic part of a layer's tile sequence is skipped.
//
// Why skipping is exact: cycles of an op are maxima of cycles of earlier ops plus constants, and
// nothing depends on absolute time. Where ops repeat with a period (same durations, same distances
// to the ops that they wait for) and all cycles that the next period can see are those of some
// periods before plus one common delta, every further op of the repetition is the one of those
// periods before plus delta.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fast/occupancy.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// Ops [first, last) were not computed: op first + k is op first - shift + k mod shift, delay
/// cycles later for each whole shift from it. The last ones before `last` are in the lists all the
/// same, as far back as later ops look.
struct SkippedOps {
  std::size_t first = 0, last = 0, shift = 0;
  Cycle delay = 0;
  [[nodiscard]] std::size_t repeats() const { return (last - first) / shift; }
};

/// Indexed like Program::ops; lists that were used for a longer program stay longer.
struct ScheduleTimes {
  std::vector<Cycle> dispatch, start, retire;
  std::vector<SkippedOps> skipped;  ///< in order
  Cycle cycles = 0;                 ///< last retire cycle + 1
};

/// What the cycles of an op depend on besides its place in the program.
struct ScheduleOp {
  enum class Kind : std::uint8_t { fixed, memory, weight_stationary, output_stationary };
  Cycle base = 0;   ///< cycles without off-chip memory; folds: pixels or units of one
  Cycle beats = 0;  ///< off-chip beats; folds: their number
  std::uint16_t layer = 0;
  Kind kind = Kind::fixed;
  Queue queue = Queue::load;
  std::uint8_t tag = 0;  ///< anything that the caller wants to know of the op again
};
/// Latency and interval of `arch` do not matter. The layer is the op's, the tag 0.
[[nodiscard]] ScheduleOp schedule_op(const TileOp& op, const ArchNumbers& arch);

class Schedule {
 public:
  class Builder;

  /// Latency and interval of `arch` do not matter. Throws InternalError when an op waits for a
  /// token of a later op or a segment for a later load: such a program needs resolve_timing().
  Schedule(const Program& program, const ArchNumbers& arch);

  /// Cycles of all ops; without `skip` each of them is computed. Reuses the memory of `times`.
  void resolve(std::int64_t latency, std::int64_t interval, bool skip, ScheduleTimes& times) const;

  [[nodiscard]] std::size_t size() const { return steps_.size(); }
  /// Distance to the op whose token op i takes from a queue, 0 without one.
  [[nodiscard]] std::size_t back(std::size_t i, Queue from) const {
    return steps_[i].tokens[static_cast<std::size_t>(from)];
  }
  [[nodiscard]] std::uint16_t layer(std::size_t i) const { return steps_[i].layer; }
  [[nodiscard]] std::uint8_t tag(std::size_t i) const { return steps_[i].tag; }
  /// Bytes that the schedule takes.
  [[nodiscard]] std::size_t bytes() const { return steps_.capacity() * sizeof(Step); }

 private:
  using Kind = ScheduleOp::Kind;

  /// An op; distances count ops back from it, 0 is none. Steps are compared as bytes.
  struct Step {
    Cycle base = 0;   ///< cycles without off-chip memory; folds: pixels or units of one
    Cycle beats = 0;  ///< off-chip beats; folds: their number
    std::array<std::uint32_t, queue_count> tokens{};  ///< sources of tokens, by queue
    std::uint32_t before = 0;                         ///< op before in a queue that is not compute
    std::uint32_t room = 0;     ///< op of the queue that must have started before the dispatch
    std::uint32_t segment = 0;  ///< first op of a segment: load of the segment
    std::uint16_t layer = 0;
    Kind kind = Kind::fixed;
    std::uint8_t tag = 0;
  };
  static_assert(sizeof(Step) == 48);

  /// Steps [begin, end) are equal to those a period before.
  struct Region {
    std::size_t begin = 0, end = 0, period = 0;
    std::size_t window = 0;  ///< ops look no further back, nor do those that they look at
    std::size_t fill = 0;    ///< later ops look so far back from the end
  };

  class Resolver;

  /// Without steps.
  Schedule(std::int64_t boot_ops, const ArchNumbers& arch);
  void find_regions();
  void find_fills();
  /// Largest distance to an op that step i or one of its token sources looks at.
  [[nodiscard]] std::size_t reach(std::size_t i) const;
  [[nodiscard]] std::size_t own_reach(std::size_t i) const;

  std::vector<Step> steps_;
  std::vector<Region> regions_;
  std::array<std::size_t, queue_count> last_of_queue_{};
  Cycle rows_, cols_;
  bool overlap_;
  std::int64_t boot_beats_;
};

/// Makes a schedule op by op.
class Schedule::Builder {
 public:
  /// `ops`: at most so many are added; `boot_ops`: of the first segment.
  Builder(std::size_t ops, std::int64_t boot_ops, const ArchNumbers& arch);

  /// Number of the op whose token the next op takes, by its queue; -1 is none.
  using Sources = std::array<std::int32_t, queue_count>;
  /// Throws InternalError when a segment is loaded by no earlier op.
  void add(const ScheduleOp& op, const Sources& sources, bool loads_segment, bool ends_segment);
  [[nodiscard]] Schedule finish();

 private:
  Schedule made_;
  std::size_t depth_;
  std::array<std::vector<std::uint32_t>, queue_count> queues_;
  std::vector<std::size_t> segment_loads_;
  std::size_t segment_ = 0;
  bool first_of_segment_ = false;
};

}  // namespace tactus::fast
