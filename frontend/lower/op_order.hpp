// SPDX-License-Identifier: Apache-2.0
// Which ops an op waits for, and where segments begin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "program/program.hpp"

namespace tactus::lower {

enum class Buffer : std::uint8_t {
  ifmap = 0,
  weight = 1,
  param = 2,
  psum = 3,
  ofmap = 4,
  index = 5
};
inline constexpr unsigned buffer_count = 6;

/// One half of one buffer.
struct Half {
  Buffer buffer;
  int half;
};

/// Buffer halves as a set: bit 2 * buffer + half.
class HalfSet {
 public:
  HalfSet() = default;
  HalfSet(std::initializer_list<Half> halves) { add(halves.begin(), halves.end()); }
  HalfSet(const std::vector<Half>& halves) { add(halves.data(), halves.data() + halves.size()); }
  [[nodiscard]] std::uint16_t bits() const { return bits_; }

 private:
  void add(const Half* first, const Half* last) {
    for (; first != last; ++first) {
      bits_ = static_cast<std::uint16_t>(bits_ | 1U << (2 * static_cast<unsigned>(first->buffer) +
                                                        static_cast<unsigned>(first->half)));
    }
  }
  std::uint16_t bits_ = 0;
};

/// What the order of an op among others follows from.
struct OpLink {
  std::int32_t after = -1;   ///< number of an op that has to be done, or -1
  std::uint16_t halves = 0;  ///< that the op touches, as HalfSet has them
  Queue queue = Queue::load;
};

/// The ops whose tokens ops wait for. An op waits for every earlier op of another queue that
/// touched one of its halves (a half has one owner queue at a time) and for the op named in
/// `after`; there is a token only where an earlier wait does not already imply the order.
class TokenOrder {
 public:
  TokenOrder();
  /// Numbers of the ops whose tokens the next op takes, by their queue; -1 is none. Ops are
  /// numbered from 0 in the order of the calls.
  using Sources = std::array<std::int32_t, queue_count>;
  [[nodiscard]] Sources next(const OpLink& link);

 private:
  std::array<Sources, 2 * buffer_count> last_access_{};  ///< of each half by each queue
  std::array<Sources, queue_count> waited_{};  ///< latest source of each queue's ops so far
  std::vector<Queue> queues_;                  ///< of the ops so far
};

/// Segments of a program of `ops` ops with at most `capacity` each. Every segment but the last one
/// begins with the load of the next one, which is not among the ops.
class SegmentCuts {
 public:
  SegmentCuts(std::size_t ops, std::size_t capacity);
  [[nodiscard]] std::size_t count() const { return first_.size() - 1; }
  /// Number of a segment's first op; that of the segment behind the last one is the number of ops.
  [[nodiscard]] std::size_t first(std::size_t segment) const { return first_[segment]; }
  /// Ops of a segment with the load that it begins with.
  [[nodiscard]] std::size_t size(std::size_t segment) const {
    return first_[segment + 1] - first_[segment] + (segment + 1 < count() ? 1 : 0);
  }
  /// The load of segment + 1 from a memory address.
  [[nodiscard]] LoadOp load_of_next(std::size_t segment, std::uint64_t address) const;

 private:
  std::vector<std::size_t> first_;
};

}  // namespace tactus::lower
