// SPDX-License-Identifier: Apache-2.0
#include "fast/schedule.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "dataflow/output_stationary.hpp"
#include "dataflow/weight_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

/// Most multiples of a period after which cycles may repeat.
constexpr std::size_t most_periods = 4;
/// Ops that have to be equal before a repetition is looked at.
constexpr std::size_t context = 8;

bool is_instruction_load(const TileOp& op) {
  const auto* load = std::get_if<LoadOp>(&op.body);
  return load != nullptr && load->dest == static_cast<std::int64_t>(Dest::inst);
}

}  // namespace

ScheduleOp schedule_op(const TileOp& op, const ArchNumbers& arch) {
  ArchNumbers free_memory = arch;  // durations without the off-chip memory
  free_memory.latency = free_memory.interval = 0;
  ScheduleOp out;
  out.layer = op.layer;
  out.queue = queue_of(op);
  if (const auto* compute = std::get_if<ComputeOp>(&op.body)) {
    const bool os = compute->dataflow == output_stationary::code;
    out.kind = os ? ScheduleOp::Kind::output_stationary : ScheduleOp::Kind::weight_stationary;
    out.base = static_cast<Cycle>(os ? compute->k_rows : pixels(*compute));
    out.beats = static_cast<Cycle>(compute->folds);
  } else if (const auto* load = std::get_if<LoadOp>(&op.body)) {
    out.kind = ScheduleOp::Kind::memory;
    out.base = duration(*load, free_memory);
    out.beats = static_cast<Cycle>(beats(*load, arch));
  } else if (const auto* store = std::get_if<StoreOp>(&op.body)) {
    out.kind = ScheduleOp::Kind::memory;
    out.base = duration(*store, free_memory);
    out.beats = static_cast<Cycle>(beats(*store, arch));
  } else if (const auto* fill = std::get_if<FillOp>(&op.body)) {
    out.base = duration(*fill, arch);
  } else {
    out.base = duration(std::get<PostOp>(op.body), arch);
  }
  return out;
}

Schedule::Schedule(std::int64_t boot_ops, const ArchNumbers& arch)
    : rows_(static_cast<Cycle>(arch.rows)),
      cols_(static_cast<Cycle>(arch.cols)),
      overlap_(arch.overlap),
      boot_beats_(ceil_div(boot_ops * op_bytes, arch.beat_bytes)) {}

Schedule::Schedule(const Program& program, const ArchNumbers& arch) : Schedule(0, arch) {
  Builder builder(program.ops.size(), std::int64_t{program.prog_ops}, arch);
  std::array<std::array<std::vector<std::int32_t>, queue_count>, queue_count> pushes;
  std::array<std::array<std::size_t, queue_count>, queue_count> taken{};
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    const TileOp& op = program.ops[i];
    const auto q = static_cast<std::size_t>(queue_of(op));
    Builder::Sources sources;
    sources.fill(-1);
    for (std::size_t from = 0; from < queue_count; ++from) {
      if ((op.wait >> from & 1) == 0) continue;
      const std::size_t number = taken[from][q]++;
      if (number >= pushes[from][q].size()) {
        throw InternalError("op " + std::to_string(i) +
                            " waits for a token that no earlier op pushes");
      }
      sources[from] = pushes[from][q][number];
    }
    for (std::size_t to = 0; to < queue_count; ++to) {
      if ((op.push >> to & 1) != 0) pushes[q][to].push_back(static_cast<std::int32_t>(i));
    }
    builder.add(schedule_op(op, arch), sources, is_instruction_load(op), op.seg_end);
  }
  *this = builder.finish();
}

Schedule::Builder::Builder(std::size_t ops, std::int64_t boot_ops, const ArchNumbers& arch)
    : made_(boot_ops, arch), depth_(static_cast<std::size_t>(arch.queue_depth)) {
  made_.steps_.reserve(ops);
  for (std::vector<std::uint32_t>& queue : queues_) queue.reserve(ops);
}

void Schedule::Builder::add(const ScheduleOp& op, const Sources& sources, bool loads_segment,
                            bool ends_segment) {
  const std::size_t i = made_.steps_.size();
  Step& step = made_.steps_.emplace_back();
  const auto distance = [i](std::size_t earlier) {
    return static_cast<std::uint32_t>(i - earlier);
  };
  step.base = op.base;
  step.beats = op.beats;
  step.layer = op.layer;
  step.kind = op.kind;
  step.tag = op.tag;
  for (std::size_t from = 0; from < queue_count; ++from) {
    if (sources[from] >= 0) step.tokens[from] = distance(static_cast<std::size_t>(sources[from]));
  }
  std::vector<std::uint32_t>& queue = queues_[static_cast<std::size_t>(op.queue)];
  if (queue.size() >= depth_) step.room = distance(queue[queue.size() - depth_]);
  if (!queue.empty() && op.queue != Queue::compute) step.before = distance(queue.back());
  queue.push_back(static_cast<std::uint32_t>(i));
  if (first_of_segment_) {
    if (segment_loads_.size() < segment_) {
      throw InternalError("segment " + std::to_string(segment_) + " is loaded by no earlier op");
    }
    step.segment = distance(segment_loads_[segment_ - 1]);
  }
  if (loads_segment) segment_loads_.push_back(i);
  first_of_segment_ = ends_segment;
  if (ends_segment) ++segment_;
  made_.last_of_queue_[static_cast<std::size_t>(op.queue)] = i;
}

Schedule Schedule::Builder::finish() {
  made_.find_regions();
  made_.find_fills();
  return std::move(made_);
}

std::size_t Schedule::own_reach(std::size_t i) const {
  const Step& s = steps_[i];
  return std::max({std::uint32_t{1}, s.tokens[0], s.tokens[1], s.tokens[2], s.tokens[3], s.before,
                   s.room, s.segment});
}

std::size_t Schedule::reach(std::size_t i) const {
  std::size_t most = own_reach(i);
  for (const std::uint32_t back : steps_[i].tokens) {
    if (back != 0) most = std::max(most, back + own_reach(i - back));
  }
  return most;
}

namespace {

/// Where a text of `context` steps was seen last.
class LastSeen {
 public:
  explicit LastSeen(std::size_t count) {
    std::size_t size = 16;
    while (size < 2 * count) size *= 2;
    slots_.resize(size);
  }
  static constexpr std::size_t never = ~std::size_t{0};
  /// Notes that it is at `place` now and returns where it was before.
  std::size_t exchange(std::uint64_t text, std::size_t place) {
    std::size_t i = text & (slots_.size() - 1);
    while (slots_[i].place != never && slots_[i].text != text) i = (i + 1) & (slots_.size() - 1);
    slots_[i].text = text;
    return std::exchange(slots_[i].place, place);
  }

 private:
  struct Slot {
    std::uint64_t text = 0;
    std::size_t place = never;
  };
  std::vector<Slot> slots_;
};

}  // namespace

void Schedule::find_regions() {
  const std::size_t n = steps_.size();
  if (n < context) return;
  std::vector<std::uint64_t> hash(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::array<std::uint64_t, sizeof(Step) / 8> words;
    std::memcpy(words.data(), &steps_[i], sizeof(Step));
    std::uint64_t h = 0;
    for (const std::uint64_t word : words) {
      h = (h ^ word) * 0x9E3779B97F4A7C15U;
      h ^= h >> 29;
    }
    hash[i] = h;
  }
  const auto equal = [&](std::size_t a, std::size_t b) {
    return hash[a] == hash[b] && std::memcmp(&steps_[a], &steps_[b], sizeof(Step)) == 0;
  };
  const auto text_at = [&](std::size_t i) {
    std::uint64_t text = 0;
    for (std::size_t k = 0; k < context; ++k) text = text * 0x9E3779B97F4A7C15U + hash[i + k];
    return text ^ text >> 32;
  };
  LastSeen seen(n);
  for (std::size_t i = 0; i + context <= n;) {
    const std::size_t earlier = seen.exchange(text_at(i), i);
    if (earlier == LastSeen::never) {
      ++i;
      continue;
    }
    Region region;
    region.begin = i;
    region.period = i - earlier;
    for (region.end = i; region.end < n && equal(region.end, region.end - region.period);) {
      ++region.end;
    }
    const std::size_t length = region.end - region.begin;
    region.window = region.period;
    // Worth it only if something is left to skip once the cycles may have settled.
    if (length > 4 * region.period) {
      for (std::size_t k = i; k < i + 2 * region.period; ++k) {
        region.window = std::max(region.window, reach(k));
      }
      if (length > region.window + 3 * region.period) {
        regions_.push_back(region);
        i = region.end;
        continue;
      }
    }
    // The next ones of the same repetition are no better.
    const std::size_t last = std::min(region.end, n);
    for (++i; i + context <= last; ++i) seen.exchange(text_at(i), i);
  }
}

void Schedule::find_fills() {
  for (Region& region : regions_) {
    region.fill = std::max(region.window, region.period);
    const auto note = [&region](std::size_t at) {
      if (at >= region.begin && at < region.end) {
        region.fill = std::max(region.fill, region.end - at);
      }
    };
    for (const std::size_t last : last_of_queue_) note(last);
  }
  if (regions_.empty()) return;
  // Later ops that look into a region, and what the ops look at that they look at.
  const auto note = [this](std::size_t user, std::size_t at) {
    auto it = std::upper_bound(regions_.begin(), regions_.end(), at,
                               [](std::size_t x, const Region& r) { return x < r.begin; });
    if (it == regions_.begin()) return;
    --it;
    if (at < it->end && user >= it->end) it->fill = std::max(it->fill, it->end - at);
  };
  std::size_t before = 0;  // regions that end at op i or earlier
  for (std::size_t i = regions_.front().end; i < steps_.size(); ++i) {
    while (before < regions_.size() && regions_[before].end <= i) ++before;
    if (i - reach(i) >= regions_[before - 1].end) continue;
    const auto look = [&](std::size_t from) {
      const Step& s = steps_[from];
      for (const std::uint32_t back : s.tokens) note(i, from - back);
      for (const std::uint32_t back : {s.before, s.room, s.segment}) note(i, from - back);
    };
    look(i);
    for (const std::uint32_t back : steps_[i].tokens) {
      if (back != 0) look(i - back);
    }
  }
}

/// One pass over the steps.
class Schedule::Resolver {
 public:
  Resolver(const Schedule& schedule, std::int64_t latency, std::int64_t interval,
           ScheduleTimes& times)
      : steps_(schedule.steps_.data()),
        dispatch_(times.dispatch.data()),
        start_(times.start.data()),
        retire_(times.retire.data()),
        latency_(static_cast<Cycle>(latency)),
        interval_(static_cast<Cycle>(interval)),
        boot_(static_cast<Cycle>(latency + schedule.boot_beats_ * interval) + 2),
        shape_{schedule.rows_, schedule.cols_, schedule.overlap_},
        times_(times) {}

  void run(std::size_t end) {
    for (; i_ < end; ++i_) {
      const Step& step = steps_[i_];
      Cycle dispatch = i_ == 0 ? boot_ : dispatch_[i_ - 1] + 1;
      if (step.segment != 0) {
        dispatch = std::max({dispatch, dispatch_[i_ - 1] + 2, retire_[i_ - step.segment] + 2});
      }
      if (step.room != 0) dispatch = std::max(dispatch, start_[i_ - step.room] + 1);
      dispatch_[i_] = dispatch;
      Cycle ready = dispatch + 1;
      for (const std::uint32_t back : step.tokens) {
        if (back != 0) ready = std::max(ready, retire_[i_ - back] + 1);
      }
      if (step.kind <= Kind::memory) {
        if (step.before != 0) ready = std::max(ready, retire_[i_ - step.before] + 1);
        start_[i_] = ready;
        retire_[i_] =
            ready + step.base + (step.kind == Kind::memory ? latency_ + step.beats * interval_ : 0);
      } else {
        const Occupancy times =
            step.kind == Kind::output_stationary
                ? output_stationary::occupy(array_, step.base, step.beats, ready, shape_)
                : weight_stationary::occupy(array_, step.base, step.beats, ready, shape_);
        start_[i_] = times.start;
        retire_[i_] = times.retire;
      }
    }
  }

  void run_region(const Region& region) {
    run(region.begin);
    std::array<ArrayState, most_periods + 1> states;  // at the last period boundaries
    states[0] = array_;
    for (std::size_t k = 1; i_ + region.period <= region.end; ++k) {
      run(i_ + region.period);
      states[k % states.size()] = array_;
      for (std::size_t periods = 1; periods <= std::min(k, most_periods); ++periods) {
        const std::size_t shift = periods * region.period;
        if (i_ < region.begin + region.window + shift) break;
        if (region.end - i_ < shift) break;
        if (repeats(region, shift, states[(k - periods) % states.size()])) {
          skip(region, shift);
          run(region.end);
          return;
        }
      }
    }
    run(region.end);
  }

 private:
  /// All cycles that later ops of the region see are those of `shift` ops before plus one delta.
  [[nodiscard]] bool repeats(const Region& region, std::size_t shift,
                             const ArrayState& before) const {
    const Cycle delay = retire_[i_ - 1] - retire_[i_ - 1 - shift];
    for (std::size_t j = i_; j-- > i_ - region.window;) {
      if (retire_[j] - retire_[j - shift] != delay) return false;
      if (start_[j] - start_[j - shift] != delay) return false;
    }
    if (dispatch_[i_ - 1] - dispatch_[i_ - 1 - shift] != delay) return false;
    if (!array_.used) return true;
    return before.used && array_.dataflow == before.dataflow && array_.length == before.length &&
           array_.prepare - before.prepare == delay && array_.stream - before.stream == delay &&
           array_.end - before.end == delay && array_.retire - before.retire == delay;
  }

  void skip(const Region& region, std::size_t shift) {
    SkippedOps skipped;
    skipped.first = i_;
    skipped.shift = shift;
    skipped.delay = retire_[i_ - 1] - retire_[i_ - 1 - shift];
    skipped.last = i_ + (region.end - i_) / shift * shift;
    const std::size_t filled = std::min(skipped.last - skipped.first, region.fill);
    for (std::size_t j = skipped.last - filled; j < skipped.last; ++j) {
      const std::size_t past = j - skipped.first;
      const std::size_t from = skipped.first - shift + past % shift;
      const Cycle delay = (past / shift + 1) * skipped.delay;
      dispatch_[j] = dispatch_[from] + delay;
      start_[j] = start_[from] + delay;
      retire_[j] = retire_[from] + delay;
    }
    const Cycle delay = skipped.repeats() * skipped.delay;
    array_.prepare += delay;
    array_.stream += delay;
    array_.end += delay;
    array_.retire += delay;
    i_ = skipped.last;
    times_.skipped.push_back(skipped);
  }

  const Step* steps_;
  Cycle *dispatch_, *start_, *retire_;
  Cycle latency_, interval_, boot_;
  ArrayShape shape_;
  ScheduleTimes& times_;
  ArrayState array_;
  std::size_t i_ = 0;
};

void Schedule::resolve(std::int64_t latency, std::int64_t interval, bool skip,
                       ScheduleTimes& times) const {
  for (std::vector<Cycle>* list : {&times.dispatch, &times.start, &times.retire}) {
    if (list->size() < steps_.size()) list->resize(steps_.size());
  }
  times.skipped.clear();
  Resolver resolver(*this, latency, interval, times);
  if (skip) {
    for (const Region& region : regions_) resolver.run_region(region);
  }
  resolver.run(steps_.size());
  times.cycles = 0;
  for (const std::size_t last : last_of_queue_) {
    if (last < steps_.size()) times.cycles = std::max(times.cycles, times.retire[last] + 1);
  }
}

}  // namespace tactus::fast
