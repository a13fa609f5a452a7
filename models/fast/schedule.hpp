// SPDX-License-Identifier: Apache-2.0
// The recurrence of timing.hpp for many memory timings of many programs: dependencies are resolved
// once for each block of ops, and the periodic part of a block's op sequence is skipped.
//
// Why skipping is exact: cycles of an op are maxima of cycles of earlier ops plus constants, and
// nothing depends on absolute time. Where ops repeat with a period (same durations, same distances
// to the ops that they wait for) and all cycles that the next ops can see are those of some periods
// before plus one common delta, every further op of the repetition is the one of those periods
// before plus delta. The loads of segments stand in between: either none of them does in what is
// skipped nor in what it repeats, or what it repeats consists of whole segments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataflow/array_state.hpp"
#include "fast/occupancy.hpp"
#include "fast/schedule_block.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// Ops [first, last) were not computed: op first + k is op first - shift + k mod shift, delay
/// cycles later for each whole shift from it; ops between first - shift and first may be skipped
/// ones themselves. The last ones before `last` are in the lists all the same, as far back as later
/// ops look.
struct SkippedOps {
  std::size_t first = 0, last = 0, shift = 0;
  Cycle delay = 0;
  [[nodiscard]] std::size_t repeats() const { return (last - first) / shift; }
};

/// Indexed like the ops of a program without its loads of segments; lists that were used for a
/// longer program stay longer.
struct ScheduleTimes {
  std::vector<Cycle> start, retire;
  std::vector<SkippedOps> skipped;  ///< in order of `last`
  std::vector<Cycle> block_ends;    ///< last retire cycle + 1 of all ops up to the end of a block
  Cycle cycles = 0;                 ///< last retire cycle + 1
  /// At least the most cycles between a retire and the next one.
  Cycle longest_wait = 0;
};

/// What a compute op waited for last: the source of a token, and the store that this source had to
/// wait for if it is a load.
struct LastSource {
  Cycle arrival = 0;  ///< first cycle that has the token
  std::uint8_t tag = 0;
  bool held = false;
  Cycle held_until = 0;  ///< first cycle that has the store's token
};

/// Sums of nothing: see Schedule::resolve().
struct NoSums {
  void idle(const LastSource*, Cycle, Cycle) {}
  void busy(Cycle) {}
  void repeat(const NoSums&, Cycle) {}
};

/// A block in a program.
struct PlacedBlock {
  const ScheduleBlock* block = nullptr;
  std::size_t first = 0;  ///< number of its first op
  /// A token that an op takes from one of an earlier block; op: within the block, source: number.
  struct Token {
    std::uint32_t op = 0;
    Queue queue = Queue::load;
    std::uint32_t source = 0;
  };
  std::vector<Token> tokens;  ///< by rising op
};

/// Every segment but the last one begins with the load of the next one.
struct SegmentSizes {
  std::size_t count = 1;
  std::size_t step = 0;  ///< ops of each segment but the last one, without that load
  std::size_t last = 0;  ///< ops of the last one
};

class Schedule {
 public:
  /// Keeps pointers to the blocks. Latency and interval of `arch` do not matter; queue_depth is a
  /// power of two.
  Schedule(std::vector<PlacedBlock> blocks, const SegmentSizes& segments, const ArchNumbers& arch);

  /// Cycles of all ops; without `skip` each of them is computed. Reuses the memory of `times`.
  /// end_block(block, sums) gets a Sums for each block, which was told of each idle stretch [from,
  /// to) of the array in front of a compute op with what the op waited for (null: no token), of the
  /// cycles in which the array is busy, and to add so many times what it got since it was a copy.
  template <class Sums, class EndBlock>
  void resolve(std::int64_t latency, std::int64_t interval, bool skip, ScheduleTimes& times,
               EndBlock&& end_block) const;

  /// Ops without the loads of segments, and those loads.
  [[nodiscard]] std::size_t ops() const { return ops_; }
  [[nodiscard]] const SegmentSizes& segments() const { return segments_; }
  [[nodiscard]] const std::vector<PlacedBlock>& blocks() const { return blocks_; }
  /// Bytes that the schedule takes, blocks apart.
  [[nodiscard]] std::size_t bytes() const;

 private:
  template <class Sums>
  friend class ScheduleResolver;

  std::vector<PlacedBlock> blocks_;
  SegmentSizes segments_;
  std::size_t ops_ = 0;
  ArrayShape shape_;
  std::size_t queue_depth_;
  std::int64_t beat_bytes_;
};

}  // namespace tactus::fast
