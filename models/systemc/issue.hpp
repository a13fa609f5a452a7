// SPDX-License-Identifier: Apache-2.0
// The op queues and token counters between the sequencer and the units. Every change made in cycle
// c is visible from cycle c + 1 on: entries carry the cycle in which they become visible, and the
// event that wakes their reader is notified for that cycle. So no result depends on the order in
// which the kernel runs the processes of one cycle.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <systemc>

#include "context.hpp"
#include "program/program.hpp"
#include "watch.hpp"

namespace tactus::systemc {

/// An op taken from its queue.
struct StartedOp {
  TileOp op;
  Cycle start = 0;
};

class Issue {
 public:
  explicit Issue(const Context& context);

  // The sequencer's side.
  /// Whether queue q has a free slot, as seen in the current cycle.
  [[nodiscard]] bool has_room(Queue q);
  void push(const TileOp& op);
  [[nodiscard]] const sc_core::sc_event& room_event() const { return room_event_; }

  // The units' side.
  /// Whether the head of q is visible and all its tokens are there in the current cycle.
  [[nodiscard]] bool can_start(Queue q);
  /// The head of q; only if can_start(q).
  [[nodiscard]] const TileOp& head(Queue q) const { return lanes_[at(q)].entries.front().op; }
  /// Takes the head off, consumes its tokens and frees its slot.
  StartedOp start(Queue q);
  /// Pushes the tokens of an op that retires in the current cycle.
  void retire(const TileOp& op);
  /// Happens in each cycle in which can_start(q) may have become true.
  [[nodiscard]] const sc_core::sc_event& wake_event(Queue q) const { return lanes_[at(q)].wake; }

  /// For wave files; ComputeCtrl adds the fold.
  Watch watch;

  /// One sentence per waiting queue head: the op and the tokens that it misses.
  [[nodiscard]] std::string describe_blocked() const;

 private:
  struct Entry {
    TileOp op;
    Cycle visible;
  };
  struct Tokens {
    std::uint64_t count = 0;     ///< visible
    std::deque<Cycle> arriving;  ///< cycles in which further tokens become visible
  };
  struct Lane {
    std::deque<Entry> entries;
    std::int64_t used = 0;       ///< slots in use, as the sequencer sees them
    std::deque<Cycle> releases;  ///< cycles in which further slots are seen free
    std::array<Tokens, queue_count> from;
    sc_core::sc_event wake;
  };
  [[nodiscard]] static std::size_t at(Queue q) { return static_cast<std::size_t>(q); }
  void settle(Lane& lane) const;

  const Context& context_;
  std::array<Lane, queue_count> lanes_;
  sc_core::sc_event room_event_;
  std::uint64_t pushed_ = 0;
};

}  // namespace tactus::systemc
