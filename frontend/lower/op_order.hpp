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
  void push_back(const Half& half) { add(&half, &half + 1); }

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

  /// What the ops so far leave to the next ones.
  struct State {
    std::array<Sources, 2 * buffer_count> last_access;  ///< of each half by each queue
    std::array<Sources, queue_count> waited;  ///< latest source of each queue's ops so far
  };
  [[nodiscard]] const State& state() const { return state_; }

 private:
  State state_;
  std::vector<Queue> queues_;  ///< of the ops so far
};

/// Halves as `swapped` says: bit 2 * buffer is set where the halves of a buffer change places.
[[nodiscard]] inline std::uint16_t swap_halves(std::uint16_t halves, std::uint16_t swapped) {
  const unsigned differ = (halves ^ halves >> 1U) & swapped;
  return static_cast<std::uint16_t>(halves ^ (differ | differ << 1U));
}

/// A stretch of ops that stands in many programs: its tokens among one another are the same in each
/// of them; others come from ops of the program before it.
class PartOrder {
 public:
  /// OpLink::after counts from the first op of the part; what lies before is -2 - k, entry k of
  /// `before` below.
  explicit PartOrder(const std::vector<OpLink>& links);

  /// Tokens from ops of the part, for each op.
  [[nodiscard]] const std::vector<TokenOrder::Sources>& inner() const { return inner_; }
  /// Ops whose tokens later ops of a program may take.
  [[nodiscard]] std::vector<std::uint32_t> seen() const;
  /// Memory that it takes once inner() was given back with forget_inner().
  [[nodiscard]] std::size_t bytes() const {
    return sizeof *this + outer_.capacity() * sizeof(Outer);
  }
  void forget_inner() { std::vector<TokenOrder::Sources>().swap(inner_); }

 private:
  friend class ProgramOrder;
  /// An op that may have to wait for the program before: the first one of its queue that touches
  /// halves, or waits for one of the ops in `before`.
  struct Outer {
    std::uint32_t op = 0;
    std::uint16_t halves = 0;
    std::int32_t before = -1;
    Queue queue = Queue::load;
  };
  std::vector<TokenOrder::Sources> inner_;
  std::vector<Outer> outer_;
  std::size_t ops_ = 0;
  /// By queue and source queue: the first op that takes a token from an op of the part.
  std::array<std::array<std::uint32_t, queue_count>, queue_count> closed_{};
  TokenOrder::State left_;
};

/// The same order as TokenOrder gives, part by part.
class ProgramOrder {
 public:
  ProgramOrder();
  /// A token that an op of a part takes from an op of the program before it.
  struct Token {
    std::uint32_t op = 0;  ///< in the part
    Queue queue = Queue::load;
    std::uint32_t source = 0;  ///< in the program
  };
  /// The tokens of the next part's ops, by rising op, none of them twice. `before`: for each entry
  /// number and queue of the op, -1 is none.
  struct Before {
    std::int32_t op = -1;
    Queue queue = Queue::store;
  };
  [[nodiscard]] std::vector<Token> next(const PartOrder& part, std::uint16_t swapped,
                                        const std::vector<Before>& before);

 private:
  TokenOrder::State state_;
  std::int32_t ops_ = 0;
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
