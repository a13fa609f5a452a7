// SPDX-License-Identifier: Apache-2.0
#include "issue.hpp"

#include <utility>

namespace tactus::systemc {

namespace {
[[nodiscard]] bool has_bit(unsigned mask, std::size_t bit) { return ((mask >> bit) & 1U) != 0; }
}  // namespace

Issue::Issue(const Context& context) : context_(context) {}

bool Issue::has_room(Queue q) {
  Lane& lane = lanes_[at(q)];
  const Cycle now = context_.clock.now();
  while (!lane.releases.empty() && lane.releases.front() <= now) {
    lane.releases.pop_front();
    --lane.used;
  }
  return lane.used < context_.size.queue_depth;
}

void Issue::push(const TileOp& op) {
  Lane& lane = lanes_[at(queue_of(op))];
  lane.entries.push_back({op, context_.clock.now() + 1});
  ++lane.used;
  ++watch.queue[at(queue_of(op))].waiting;
  lane.wake.notify(context_.clock.cycles(1));
}

void Issue::settle(Lane& lane) const {
  const Cycle now = context_.clock.now();
  for (Tokens& tokens : lane.from) {
    while (!tokens.arriving.empty() && tokens.arriving.front() <= now) {
      tokens.arriving.pop_front();
      ++tokens.count;
    }
  }
}

bool Issue::can_start(Queue q) {
  Lane& lane = lanes_[at(q)];
  if (lane.entries.empty() || lane.entries.front().visible > context_.clock.now()) return false;
  settle(lane);
  for (std::size_t source = 0; source < queue_count; ++source) {
    if (has_bit(lane.entries.front().op.wait, source) && lane.from[source].count == 0) return false;
  }
  return true;
}

StartedOp Issue::start(Queue q) {
  Lane& lane = lanes_[at(q)];
  const Cycle now = context_.clock.now();
  StartedOp started{std::move(lane.entries.front().op), now};
  lane.entries.pop_front();
  for (std::size_t source = 0; source < queue_count; ++source) {
    if (!has_bit(started.op.wait, source)) continue;
    --lane.from[source].count;
    --watch.queue[at(q)].tokens[source];
  }
  WatchedQueue& watched = watch.queue[at(q)];
  --watched.waiting;
  ++watched.running;
  ++watched.started;
  watched.layer = started.op.layer;
  const Cycle delay = context_.fault(116) ? 2 : 1;
  lane.releases.push_back(now + delay);
  room_event_.notify(context_.clock.cycles(delay));
  return started;
}

void Issue::retire(const TileOp& op) {
  const std::size_t source = at(queue_of(op));
  --watch.queue[source].running;
  ++watch.queue[source].retired;
  for (std::size_t sink = 0; sink < queue_count; ++sink) {
    if (!has_bit(op.push, sink)) continue;
    ++pushed_;
    if (context_.fault(105) && pushed_ % 5 == 0) continue;
    ++watch.queue[sink].tokens[source];
    lanes_[sink].from[source].arriving.push_back(context_.clock.now() + 1);
    lanes_[sink].wake.notify(context_.clock.cycles(1));
  }
}

std::string Issue::describe_blocked() const {
  std::string text;
  for (std::size_t q = 0; q < queue_count; ++q) {
    const Lane& lane = lanes_[q];
    if (lane.entries.empty()) continue;
    const TileOp& op = lane.entries.front().op;
    if (!text.empty()) text += "; ";
    text += "the head of queue " + std::string(name_of(static_cast<Queue>(q))) + " is `" +
            disassemble(op) + "`";
    for (std::size_t source = 0; source < queue_count; ++source) {
      const Tokens& tokens = lane.from[source];
      if (has_bit(op.wait, source) && tokens.count == 0 && tokens.arriving.empty()) {
        text +=
            ", which misses a token from queue " + std::string(name_of(static_cast<Queue>(source)));
      }
    }
  }
  return text;
}

}  // namespace tactus::systemc
