// SPDX-License-Identifier: Apache-2.0
// Ops that follow one another in many programs, with what repeats among them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fast/occupancy.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// What the cycles of an op depend on besides its place in the program.
struct ScheduleOp {
  enum class Kind : std::uint8_t { fixed, memory, weight_stationary, output_stationary };
  Cycle base = 0;   ///< cycles without off-chip memory; folds: pixels or units of one
  Cycle beats = 0;  ///< off-chip beats; folds: their number
  /// Distances to the ops of the block whose tokens it takes, by queue; 0 is none.
  std::array<std::uint32_t, queue_count> tokens{};
  Kind kind = Kind::fixed;
  Queue queue = Queue::load;
  std::uint8_t tag = 0;  ///< whatever the caller wants to know of the op again
  std::array<std::uint8_t, 5> reserved{};
};
static_assert(sizeof(ScheduleOp) == 40);  // ops are compared as bytes

/// Without tokens and with tag 0. Latency and interval of `arch` do not matter.
[[nodiscard]] ScheduleOp schedule_op(const TileOp& op, const ArchNumbers& arch);

/// Ops without the loads of segments, which stand between them at places that depend on the
/// program.
class ScheduleBlock {
 public:
  ScheduleBlock() = default;
  /// `seen`: ops whose tokens ops of later blocks may take.
  ScheduleBlock(std::vector<ScheduleOp> ops, const std::vector<std::uint32_t>& seen);

  /// Ops [begin, end) are equal to those a period before.
  struct Region {
    std::size_t begin = 0, end = 0, period = 0;
    std::size_t window = 0;  ///< ops look no further back, see reach()
    std::size_t fill = 0;    ///< later ops look so far back from the end
  };

  [[nodiscard]] const std::vector<ScheduleOp>& ops() const { return ops_; }
  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  void find_regions();
  void find_fills(const std::vector<std::uint32_t>& seen);
  /// How far ops [begin, end) of a repetition look back: to ops whose tokens they take, and to the
  /// stores that such an op, a load, had to wait for.
  [[nodiscard]] std::size_t reach(std::size_t begin, std::size_t end) const;

  std::vector<ScheduleOp> ops_;
  std::vector<Region> regions_;
};

}  // namespace tactus::fast
