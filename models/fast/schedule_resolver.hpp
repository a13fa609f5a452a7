// SPDX-License-Identifier: Apache-2.0
// Schedule::resolve(): one pass over the ops of all blocks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "dataflow/output_stationary.hpp"
#include "dataflow/weight_stationary.hpp"
#include "fast/schedule.hpp"

namespace tactus::fast {

template <class Sums>
class ScheduleResolver {
 public:
  ScheduleResolver(const Schedule& schedule, std::int64_t latency, std::int64_t interval, bool skip,
                   ScheduleTimes& times)
      : schedule_(schedule),
        start_(times.start.data()),
        retire_(times.retire.data()),
        latency_(static_cast<Cycle>(latency)),
        interval_(static_cast<Cycle>(interval)),
        skip_(skip),
        times_(times) {
    state_.queues.resize(queue_count * schedule.queue_depth_);
    boundary_ = 0;
    begin_program();
  }

  template <class EndBlock>
  void run(EndBlock&& end_block) {
    for (const PlacedBlock& block : schedule_.blocks_) {
      enter(block);
      if (skip_) {
        for (const ScheduleBlock::Region& region : block.block->regions()) run_region(region);
      }
      run_to(block.block->ops().size());
      times_.block_ends.push_back(state_.latest + 1);
      end_block(block, state_.sums);
    }
    times_.cycles = state_.latest + 1;
    times_.longest_wait = longest_wait_;
  }

 private:
  /// All that later ops can see, cycles of single ops apart.
  struct State {
    Cycle dispatch = 0;       ///< of the last op
    Cycle latest = 0;         ///< last retire
    Cycle free = 0;           ///< first cycle after all compute ops
    Cycle segment_ready = 0;  ///< retire of the load of the next segment
    ArrayState array;
    std::array<Cycle, queue_count> last{};         ///< retire of the last op of each queue
    std::array<std::size_t, queue_count> count{};  ///< ops of each queue
    std::vector<Cycle> queues;                     ///< start of op c of queue q, see slot()
    Sums sums;
  };
  struct Snapshot {
    std::size_t at = 0;  ///< number of the next op
    State state;
  };

  static constexpr std::size_t most_periods = 4;     ///< multiples of a period that are looked at
  static constexpr std::size_t most_segments = 256;  ///< segments that are looked back
  static constexpr std::size_t most_checks = 64;     ///< of a region between segments

  void begin_program() {
    state_.dispatch = latency_ + beats_of(size_of_segment(0)) * interval_ + 1;
    if (schedule_.ops_ != 0) pass_boundary();
  }

  [[nodiscard]] std::size_t size_of_segment(std::size_t segment) const {
    const SegmentSizes& sizes = schedule_.segments_;
    return segment + 1 < sizes.count ? sizes.step + 1 : sizes.last;
  }
  [[nodiscard]] Cycle beats_of(std::size_t ops) const {
    return static_cast<Cycle>(
        ceil_div(static_cast<std::int64_t>(ops) * op_bytes, schedule_.beat_bytes_));
  }

  void enter(const PlacedBlock& block) {
    place_ = &block;
    ops_ = block.block->ops().data();
    token_ = 0;
    state_.sums = Sums();
  }

  /// Begins the segment at boundary_: its first op waits for the segment, then comes the load of
  /// the next one.
  void pass_boundary() {
    const SegmentSizes& sizes = schedule_.segments_;
    first_of_segment_ = segment_ != 0;
    boundary_ = segment_ + 1 < sizes.count ? boundary_ + sizes.step : none;
    if (segment_ + 1 < sizes.count) load_segment();
    ++segment_;
  }

  void load_segment() {
    const Cycle dispatch = next_dispatch(Queue::load);
    state_.dispatch = dispatch;
    Cycle ready = dispatch + 1;
    constexpr auto q = static_cast<std::size_t>(Queue::load);
    if (state_.count[q] != 0) ready = std::max(ready, state_.last[q] + 1);
    const Cycle retire = ready + latency_ + beats_of(size_of_segment(segment_ + 1)) * interval_;
    note(Queue::load, ready, retire);
    state_.segment_ready = retire;
  }

  /// Where State::queues has the start of an op of queue q; depths are powers of two.
  [[nodiscard]] std::size_t slot(std::size_t q, std::size_t op) const {
    return q * schedule_.queue_depth_ + (op & (schedule_.queue_depth_ - 1));
  }

  [[nodiscard]] Cycle next_dispatch(Queue queue) {
    Cycle dispatch = state_.dispatch + 1;
    if (first_of_segment_) {
      dispatch = std::max({dispatch, state_.dispatch + 2, state_.segment_ready + 2});
      first_of_segment_ = false;
    }
    const auto q = static_cast<std::size_t>(queue);
    const std::size_t depth = schedule_.queue_depth_;
    if (state_.count[q] >= depth) {
      dispatch = std::max(dispatch, state_.queues[slot(q, state_.count[q])] + 1);
    }
    return dispatch;
  }

  void note(Queue queue, Cycle start, Cycle retire) {
    const auto q = static_cast<std::size_t>(queue);
    state_.queues[slot(q, state_.count[q])] = start;
    ++state_.count[q];
    state_.last[q] = retire;
    if (retire > state_.latest) {
      longest_wait_ = std::max(longest_wait_, retire - state_.latest);
      state_.latest = retire;
    }
  }

  /// Computes the ops up to op `end` of the block.
  void run_to(std::size_t end) {
    end += place_->first;
    for (; next_ < end; ++next_) {
      if (next_ == boundary_) pass_boundary();
      const ScheduleOp& op = ops_[next_ - place_->first];
      const Cycle dispatch = next_dispatch(op.queue);
      state_.dispatch = dispatch;
      Cycle ready = dispatch + 1;
      for (const std::uint32_t back : op.tokens) {
        if (back != 0) ready = std::max(ready, retire_[next_ - back] + 1);
      }
      const std::size_t tokens_before = token_;
      for (; token_ < place_->tokens.size() && place_->tokens[token_].op == next_ - place_->first;
           ++token_) {
        ready = std::max(ready, retire_[place_->tokens[token_].source] + 1);
      }
      if (op.kind <= ScheduleOp::Kind::memory) {
        const auto q = static_cast<std::size_t>(op.queue);
        if (state_.count[q] != 0) ready = std::max(ready, state_.last[q] + 1);
        start_[next_] = ready;
        retire_[next_] =
            ready + op.base +
            (op.kind == ScheduleOp::Kind::memory ? latency_ + op.beats * interval_ : 0);
      } else {
        const Occupancy times = op.kind == ScheduleOp::Kind::output_stationary
                                    ? output_stationary::occupy(state_.array, op.base, op.beats,
                                                                ready, schedule_.shape_)
                                    : weight_stationary::occupy(state_.array, op.base, op.beats,
                                                                ready, schedule_.shape_);
        start_[next_] = times.start;
        retire_[next_] = times.retire;
        note_compute(op, tokens_before);
      }
      note(op.queue, start_[next_], retire_[next_]);
    }
  }

  void note_compute(const ScheduleOp& op, std::size_t tokens_before) {
    const Cycle start = start_[next_];
    if (start > state_.free) {
      std::size_t source = next_;  // of the token that arrived last
      Queue queue = Queue::load;
      const auto look = [&](Queue from, std::size_t at) {
        if (source != next_ && retire_[at] <= retire_[source]) return;
        source = at;
        queue = from;
      };
      std::size_t token = tokens_before;
      for (std::size_t q = 0; q < queue_count; ++q) {
        const auto from = static_cast<Queue>(q);
        if (op.tokens[q] != 0) look(from, next_ - op.tokens[q]);
        for (std::size_t t = token; t < token_; ++t) {
          if (place_->tokens[t].queue == from) look(from, place_->tokens[t].source);
        }
      }
      if (source == next_) {
        state_.sums.idle(nullptr, state_.free, start);
      } else {
        const LastSource last = last_source(source, queue);
        state_.sums.idle(&last, state_.free, start);
      }
    }
    const Cycle from = std::max(start, state_.free), next = retire_[next_] + 1;
    if (next > from) state_.sums.busy(next - from);
    state_.free = std::max(state_.free, next);
  }

  [[nodiscard]] LastSource last_source(std::size_t source, Queue queue) const {
    const PlacedBlock* place = place_;
    while (source < place->first) --place;
    const auto op = static_cast<std::uint32_t>(source - place->first);
    const ScheduleOp& from = place->block->ops()[op];
    LastSource last;
    last.arrival = retire_[source] + 1;
    last.tag = from.tag;
    if (queue != Queue::load) return last;
    constexpr auto store = static_cast<std::size_t>(Queue::store);
    if (from.tokens[store] != 0) {
      last.held = true;
      last.held_until = retire_[source - from.tokens[store]] + 1;
    }
    for (const PlacedBlock::Token& token : place->tokens) {
      if (token.op != op || token.queue != Queue::store) continue;
      last.held = true;
      last.held_until = retire_[token.source] + 1;
    }
    return last;
  }

  void run_region(const ScheduleBlock::Region& region) {
    // Ops that take tokens from other blocks do not repeat.
    std::size_t begin = region.begin;
    if (!place_->tokens.empty()) {
      begin = std::max<std::size_t>(begin, place_->tokens.back().op + 1);
    }
    if (begin + 2 * region.period >= region.end) return;
    run_to(begin);
    const std::size_t first = place_->first + begin, end = place_->first + region.end;
    const std::size_t step = schedule_.segments_.step;
    // Segments after which period and segments begin together again.
    const std::size_t together = step == 0 ? 0 : region.period / std::gcd(region.period, step);
    std::vector<Snapshot> segments;
    periods_ = 0;
    std::size_t checks = 0, period_end = next_;
    while (next_ < end) {
      if (next_ == boundary_) {
        if (together != 0 && together * most_periods <= most_segments &&
            segments.size() < most_segments) {
          if (skip_segments(region, first, end, together, segments)) {
            segments.clear();
            continue;
          }
          segments.push_back({next_, state_});
        }
        pass_boundary();
        // Of the last segment the first op waits for its load.
        if (first_of_segment_) run_to(next_ + 1 - place_->first);
        periods_ = 0;
        period_end = next_;
        if (next_ == end) break;
      }
      if (next_ == period_end) {
        if (checks < most_checks) {
          ++checks;
          if (skip_periods(region, first, end)) {
            period_end = next_;
            checks = 0;
            continue;
          }
          period_states_[periods_++ % period_states_.size()] = {next_, state_};
        }
        period_end += region.period;
      }
      run_to(std::min({period_end, boundary_, end}) - place_->first);
    }
  }

  /// In the middle of a segment: looks whether the last periods repeat, and skips up to its end.
  bool skip_periods(const ScheduleBlock::Region& region, std::size_t first, std::size_t end) {
    const std::size_t most = std::min(boundary_, end);
    for (std::size_t n = 1; n <= std::min(periods_, most_periods); ++n) {
      const Snapshot& before = period_states_[(periods_ - n) % period_states_.size()];
      const std::size_t shift = next_ - before.at;
      if (shift != n * region.period || next_ + shift > most) break;
      if (!repeats(before, region.window, first, false)) continue;
      skip(before, (most - next_) / shift, region, false);
      return true;
    }
    return false;
  }

  /// At the end of a segment: the same for whole segments. The last one, and the load of it,
  /// differ.
  bool skip_segments(const ScheduleBlock::Region& region, std::size_t first, std::size_t end,
                     std::size_t together, const std::vector<Snapshot>& segments) {
    const SegmentSizes& sizes = schedule_.segments_;
    if (sizes.count < 3) return false;
    const std::size_t most = std::min(end, (sizes.count - 2) * sizes.step);
    for (std::size_t n = 1; n <= most_periods && n * together <= segments.size(); ++n) {
      const Snapshot& before = segments[segments.size() - n * together];
      const std::size_t shift = next_ - before.at;
      if (shift != n * together * sizes.step || next_ + shift > most) break;
      if (!repeats(before, region.window, first, true)) continue;
      skip(before, (most - next_) / shift, region, true);
      return true;
    }
    return false;
  }

  /// All cycles that later ops see are those of `before` plus one delta.
  [[nodiscard]] bool repeats(const Snapshot& before, std::size_t window, std::size_t first,
                             bool segments) const {
    const std::size_t shift = next_ - before.at;
    if (before.at < first + window) return false;
    const State &now = state_, &then = before.state;
    const Cycle delay = now.dispatch - then.dispatch;
    if (now.latest - then.latest != delay) return false;
    if (segments && now.segment_ready - then.segment_ready != delay) return false;
    const std::size_t depth = schedule_.queue_depth_;
    for (std::size_t q = 0; q < queue_count; ++q) {
      if (now.count[q] == then.count[q]) continue;  // not used: as it was
      if (then.count[q] == 0 || now.last[q] - then.last[q] != delay) return false;
      if (then.count[q] < depth) return false;
      for (std::size_t i = 1; i <= depth; ++i) {
        if (now.queues[slot(q, now.count[q] - i)] - then.queues[slot(q, then.count[q] - i)] !=
            delay) {
          return false;
        }
      }
    }
    constexpr auto compute = static_cast<std::size_t>(Queue::compute);
    if (now.count[compute] != then.count[compute]) {
      const ArrayState &a = now.array, &b = then.array;
      if (now.free - then.free != delay || a.dataflow != b.dataflow || a.length != b.length ||
          a.prepare - b.prepare != delay || a.stream - b.stream != delay ||
          a.end - b.end != delay || a.retire - b.retire != delay) {
        return false;
      }
    }
    for (std::size_t i = next_ - window; i < next_; ++i) {
      if (retire_[i] - retire_[i - shift] != delay) return false;
    }
    return true;
  }

  void skip(const Snapshot& before, std::size_t repeats, const ScheduleBlock::Region& region,
            bool segments) {
    SkippedOps skipped;
    skipped.first = next_;
    skipped.shift = next_ - before.at;
    skipped.last = next_ + repeats * skipped.shift;
    skipped.delay = state_.dispatch - before.state.dispatch;
    const std::size_t fill = std::max(region.fill, region.window + most_periods * region.period);
    for (std::size_t i = skipped.last - std::min(skipped.last - next_, fill); i < skipped.last;
         ++i) {
      const std::size_t past = i - skipped.first;
      const std::size_t from = before.at + past % skipped.shift;
      const Cycle delay = (past / skipped.shift + 1) * skipped.delay;
      start_[i] = start_[from] + delay;
      retire_[i] = retire_[from] + delay;
    }
    move(before.state, repeats, repeats * skipped.delay, segments);
    if (segments) {
      const std::size_t count = repeats * skipped.shift / schedule_.segments_.step;
      segment_ += count;
      boundary_ += repeats * skipped.shift;
    }
    next_ = skipped.last;
    times_.skipped.push_back(skipped);
  }

  /// Makes state_ what it is `repeats` shifts and `delay` cycles later.
  void move(const State& before, std::size_t repeats, Cycle delay, bool segments) {
    State& now = state_;
    now.dispatch += delay;
    now.latest += delay;
    if (segments) now.segment_ready += delay;
    const std::size_t depth = schedule_.queue_depth_;
    for (std::size_t q = 0; q < queue_count; ++q) {
      const std::size_t more = now.count[q] - before.count[q];
      if (more == 0) continue;
      now.last[q] += delay;
      // The queue's starts change their places with its number of ops.
      std::vector<Cycle>& starts = moved_;
      starts.assign(now.queues.begin() + static_cast<std::ptrdiff_t>(q * depth),
                    now.queues.begin() + static_cast<std::ptrdiff_t>((q + 1) * depth));
      const std::size_t count = now.count[q] + repeats * more;
      for (std::size_t i = 1; i <= depth; ++i) {
        now.queues[slot(q, count - i)] = starts[slot(0, now.count[q] - i)] + delay;
      }
      now.count[q] = count;
    }
    if (before.count[static_cast<std::size_t>(Queue::compute)] !=
        now.count[static_cast<std::size_t>(Queue::compute)]) {
      now.free += delay;
      now.array.prepare += delay;
      now.array.stream += delay;
      now.array.end += delay;
      now.array.retire += delay;
    }
    now.sums.repeat(before.sums, static_cast<Cycle>(repeats));
  }

  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  const Schedule& schedule_;
  Cycle *start_, *retire_;
  Cycle latency_, interval_;
  bool skip_;
  ScheduleTimes& times_;
  State state_;
  const PlacedBlock* place_ = nullptr;
  const ScheduleOp* ops_ = nullptr;
  std::size_t next_ = 0;      ///< number of the next op
  std::size_t token_ = 0;     ///< next one of the block's tokens from earlier blocks
  std::size_t boundary_ = 0;  ///< op that the next segment begins with
  std::size_t segment_ = 0;   ///< segments begun
  bool first_of_segment_ = false;
  Cycle longest_wait_ = 0;
  std::array<Snapshot, most_periods + 1> period_states_;
  std::size_t periods_ = 0;  ///< states noted in this segment
  std::vector<Cycle> moved_;
};

template <class Sums, class EndBlock>
void Schedule::resolve(std::int64_t latency, std::int64_t interval, bool skip, ScheduleTimes& times,
                       EndBlock&& end_block) const {
  for (std::vector<Cycle>* list : {&times.start, &times.retire}) {
    if (list->size() < ops_) list->resize(ops_);
  }
  times.skipped.clear();
  times.block_ends.clear();
  ScheduleResolver<Sums>(*this, latency, interval, skip, times)
      .run(std::forward<EndBlock>(end_block));
}

}  // namespace tactus::fast
