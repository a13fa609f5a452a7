// SPDX-License-Identifier: Apache-2.0
#include "report/stalls.hpp"

#include <algorithm>
#include <array>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

/// An op with its record and, per source queue, the op whose token it consumed.
struct QueuedOp {
  const TileOp* op = nullptr;
  const RetireRecord* record = nullptr;
  std::array<const QueuedOp*, queue_count> token_from{};
};

using Queues = std::array<std::vector<QueuedOp>, queue_count>;

Queues join(const Program& program, const std::vector<RetireRecord>& retired) {
  Queues queues;
  for (const TileOp& op : program.ops) {
    QueuedOp e;
    e.op = &op;
    queues[static_cast<std::size_t>(queue_of(op))].push_back(e);
  }
  for (const RetireRecord& record : retired) {
    auto& queue = queues.at(static_cast<std::size_t>(record.queue));
    if (record.seq >= queue.size() || queue[record.seq].record != nullptr) {
      throw InternalError("The retire stream has an op that the program does not have: queue " +
                          std::string(name_of(record.queue)) + ", number " +
                          std::to_string(record.seq) + ".");
    }
    queue[record.seq].record = &record;
  }
  for (const auto& queue : queues) {
    for (const QueuedOp& e : queue) {
      if (e.record == nullptr) {
        throw InternalError("The retire stream lacks an op of the program: " + disassemble(*e.op) +
                            ".");
      }
    }
  }
  return queues;
}

/// The n-th wait of a queue for another consumes the n-th token of that pair.
void match_tokens(Queues& queues) {
  for (std::size_t from = 0; from < queue_count; ++from) {
    for (std::size_t to = 0; to < queue_count; ++to) {
      std::size_t next = 0;
      const auto& sources = queues[from];
      for (QueuedOp& e : queues[to]) {
        if ((e.op->wait >> from & 1U) == 0) continue;
        while (next < sources.size() && (sources[next].op->push >> to & 1U) == 0) ++next;
        if (next == sources.size()) {
          throw InternalError("An op waits for a token that no op pushes: " + disassemble(*e.op) +
                              ".");
        }
        e.token_from[from] = &sources[next++];
      }
    }
  }
}

const QueuedOp* last_arrival(const QueuedOp& e) {
  const QueuedOp* last = nullptr;
  for (const QueuedOp* source : e.token_from) {
    if (source != nullptr && (last == nullptr || source->record->cycle > last->record->cycle)) {
      last = source;
    }
  }
  return last;
}

/// Appends the idle cycles [from, to) in front of a compute op, cut by cause.
void attribute(const QueuedOp& e, Cycle from, Cycle to, std::vector<StallGap>& gaps) {
  const auto add = [&](StallCause cause, Cycle begin, Cycle end) {
    if (end > begin) gaps.push_back({e.record->seq, e.op->layer, cause, begin, end});
  };
  const QueuedOp* source = last_arrival(e);
  if (source == nullptr) return split_stall(nullptr, from, to, add);
  LastToken last{source->record->cycle + 1, cause_of(*source->op), false, 0};
  if (source->record->queue == Queue::load) {
    const QueuedOp* store = source->token_from[static_cast<std::size_t>(Queue::store)];
    last.held = store != nullptr;
    if (last.held) last.held_until = store->record->cycle + 1;
  }
  split_stall(&last, from, to, add);
}

std::vector<StallGap> gaps_of(const Queues& queues) {
  std::vector<StallGap> gaps;
  Cycle free = 0;  // first cycle after all earlier compute ops
  for (const QueuedOp& e : queues[static_cast<std::size_t>(Queue::compute)]) {
    if (e.record->start > free) attribute(e, free, e.record->start, gaps);
    free = std::max(free, e.record->cycle + 1);
  }
  return gaps;
}

}  // namespace

StallCause cause_of(const TileOp& source) {
  if (queue_of(source) == Queue::post) return StallCause::psum;
  if (queue_of(source) == Queue::store) return StallCause::store;
  if (const auto* load = std::get_if<LoadOp>(&source.body)) {
    switch (static_cast<Dest>(load->dest)) {
      case Dest::ifmap:
      case Dest::ofmap:
        return StallCause::ifmap;
      case Dest::weight:
      case Dest::index:
        return StallCause::weight;
      case Dest::param:
        return StallCause::param;
      case Dest::inst:
        return StallCause::token;
    }
  }
  if (std::holds_alternative<FillOp>(source.body)) return StallCause::ifmap;
  return StallCause::token;
}

Cycle& count_of(StallCause cause, Stalls& stalls) {
  switch (cause) {
    case StallCause::ifmap:
      return stalls.ifmap;
    case StallCause::weight:
      return stalls.weight;
    case StallCause::param:
      return stalls.param;
    case StallCause::psum:
      return stalls.psum;
    case StallCause::store:
      return stalls.store;
    case StallCause::token:
      break;
  }
  return stalls.token;
}

const char* name_of(StallCause cause) {
  constexpr std::array<const char*, 6> names{"ifmap", "weight", "param", "psum", "store", "token"};
  return names.at(static_cast<std::size_t>(cause));
}

std::vector<StallGap> stall_gaps(const Program& program, const std::vector<RetireRecord>& retired) {
  Queues queues = join(program, retired);
  match_tokens(queues);
  return gaps_of(queues);
}

std::vector<LayerTiming> layer_timings(const Program& program,
                                       const std::vector<RetireRecord>& retired) {
  Queues queues = join(program, retired);
  match_tokens(queues);
  std::vector<LayerTiming> layers(program.layers.size());
  std::vector<Cycle> end(layers.size(), 0);  // last retire + 1
  for (const auto& queue : queues) {
    for (const QueuedOp& e : queue) {
      LayerTiming& layer = layers.at(e.op->layer);
      layer.has_ops = true;
      layer.events += e.record->events;
      end[e.op->layer] = std::max(end[e.op->layer], e.record->cycle + 1);
    }
  }
  Cycle before = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].cycles = std::max(end[i], before) - before;
    before = std::max(end[i], before);
  }
  for (const StallGap& gap : gaps_of(queues)) {
    count_of(gap.cause, layers[gap.layer].stalls) += gap.to - gap.from;
  }
  Cycle free = 0;  // first cycle after all earlier compute ops
  for (const QueuedOp& e : queues[static_cast<std::size_t>(Queue::compute)]) {
    LayerTiming& layer = layers[e.op->layer];
    const Cycle busy_from = std::max(e.record->start, free);
    const Cycle next = e.record->cycle + 1;
    if (next > busy_from) layer.compute_cycles += next - busy_from;
    free = std::max(free, next);
  }
  return layers;
}

}  // namespace tactus
