// SPDX-License-Identifier: Apache-2.0
#include "explore/compiled_program.hpp"

#include <algorithm>
#include <utility>

#include "fast/occupancy.hpp"
#include "fast/shape_events.hpp"
#include "fast/timing.hpp"

namespace tactus {
namespace {

void append(std::string& key, std::int64_t value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// How a layer's K elements are cut, without what changes no count of zeros: chunks of the fold
/// order.
void append(std::string& key, const KMapping& map) {
  for (const std::int64_t value :
       {map.rows, map.group, map.slots, map.bundle, map.lanes, map.candidates, map.kept,
        map.windows, map.line_phases, map.column_channels, std::int64_t{map.output_stationary}}) {
    append(key, value);
  }
}

/// Sums over the layers of a program while its ops are walked in order.
class LayerSums {
 public:
  explicit LayerSums(std::size_t layers) : end_(layers), out_(layers) {}

  void note_retire(std::size_t layer, Cycle next) { end_[layer] = std::max(end_[layer], next); }
  void note_compute(std::size_t layer, Cycle start, Cycle retire) {
    const Cycle from = std::max(start, free_), next = retire + 1;
    if (next > from) out_[layer].compute_cycles += next - from;
    free_ = std::max(free_, next);
  }
  [[nodiscard]] Cycle free() const { return free_; }
  [[nodiscard]] LayerCycles& operator[](std::size_t layer) { return out_[layer]; }

  /// Adds `repeats` times what a layer got since `before`; the array is free `delay` later.
  void repeat(std::size_t layer, const LayerCycles& before, Cycle repeats, Cycle delay) {
    LayerCycles& now = out_[layer];
    const auto add = [&](Cycle LayerCycles::*field) {
      now.*field += repeats * (now.*field - before.*field);
    };
    const auto add_stall = [&](Cycle Stalls::*field) {
      now.stalls.*field += repeats * (now.stalls.*field - before.stalls.*field);
    };
    add(&LayerCycles::compute_cycles);
    for (const auto field : {&Stalls::ifmap, &Stalls::weight, &Stalls::param, &Stalls::psum,
                             &Stalls::store, &Stalls::token}) {
      add_stall(field);
    }
    free_ += delay;
  }

  std::vector<LayerCycles> finish() {
    Cycle before = 0;
    for (std::size_t i = 0; i < out_.size(); ++i) {
      out_[i].cycles = std::max(end_[i], before) - before;
      before = std::max(end_[i], before);
    }
    return std::move(out_);
  }

 private:
  std::vector<Cycle> end_;  ///< last retire + 1
  std::vector<LayerCycles> out_;
  Cycle free_ = 0;  ///< first cycle after all earlier compute ops
};

}  // namespace

CompiledProgram::CompiledProgram(const ProgramOutline& outline, const ArchConfig& config,
                                 const std::vector<std::string>& inputs,
                                 const TensorChannels& channels, const std::string& identity)
    : image_bytes_(outline.image_bytes), schedule_(join(outline, config)) {
  find_value_keys(outline, config, inputs, channels, identity);
}

void CompiledProgram::note_op(std::uint32_t op, std::uint16_t layer) {
  if (runs_.empty() || runs_.back().layer != layer) runs_.push_back({op, op, layer});
  runs_.back().last = op + 1;
}

fast::Schedule CompiledProgram::join(const ProgramOutline& outline, const ArchConfig& config) {
  const fast::ArchNumbers arch = fast::numbers_of(config);
  for (const LayerInfo& info : outline.layers) {
    CompiledLayer& layer = layers_.emplace_back();
    layer.fused_into = info.fused_into;
    layer.macs = info.macs;
    layer.macs_executed = info.macs_executed;
    layer.k_mapping = info.k_mapping;
  }
  std::size_t ops = 0;
  for (const PlacedPart& placed : outline.parts) ops += static_cast<std::size_t>(placed.ops);
  const lower::SegmentCuts cuts(ops, static_cast<std::size_t>(config.hw_segment_ops));
  fast::Schedule::Builder builder(ops + cuts.count() - 1, static_cast<std::int64_t>(cuts.size(0)),
                                  arch);
  lower::TokenOrder order;
  std::vector<std::int32_t> numbers;  // of the ops with the loads of segments in between
  numbers.reserve(ops);
  std::uint32_t next = 0;
  std::size_t segment = 0, segment_end = 0;
  const auto load_segment = [&](std::uint16_t layer) {
    TileOp op;
    op.layer = layer;
    op.body = cuts.load_of_next(segment, 0);
    builder.add(fast::schedule_op(op, arch), {-1, -1, -1, -1}, true, false);
    EventCounts events = fast::shape_events(op, arch);
    events[Event::mem_rd_req] = 0;
    layers_[layer].events += events;
    reads_.push_back({layer, 1, fast::line_beats(std::get<LoadOp>(op.body), arch)});
    note_op(next++, layer);
  };
  for (const PlacedPart& placed : outline.parts) {
    const auto& part = static_cast<const CompiledPart&>(*placed.part);
    const auto layer = static_cast<std::uint16_t>(placed.layer);
    layers_[layer].events += part.events;
    for (const CompiledPart::Reads& reads : part.reads) {
      reads_.push_back({layer, reads.lines, reads.line_beats});
    }
    const auto first = static_cast<std::int32_t>(numbers.size());
    for (const CompiledPart::Op& op : part.ops) {
      if (numbers.size() == segment_end) {
        if (segment_end != 0) ++segment;
        segment_end = cuts.first(segment + 1);
        if (segment + 1 < cuts.count()) load_segment(layer);
      }
      const std::int32_t after = op.after >= 0 ? first + op.after
                                 : op.after == -1
                                     ? -1
                                     : placed.before[static_cast<std::size_t>(-2 - op.after)];
      lower::TokenOrder::Sources sources =
          order.next({after, lower::swap_halves(op.halves, placed.swapped), op.timing.queue});
      for (std::int32_t& source : sources) {
        if (source >= 0) source = numbers[static_cast<std::size_t>(source)];
      }
      fast::ScheduleOp timing = op.timing;
      timing.layer = layer;
      numbers.push_back(static_cast<std::int32_t>(next));
      builder.add(timing, sources, false,
                  numbers.size() == segment_end && segment + 1 < cuts.count());
      if (timing.queue == Queue::compute) computes_.push_back(next);
      note_op(next++, layer);
    }
  }
  return builder.finish();
}

void CompiledProgram::find_value_keys(const ProgramOutline& outline, const ArchConfig& config,
                                      const std::vector<std::string>& inputs,
                                      const TensorChannels& channels, const std::string& identity) {
  struct Work {
    std::int64_t windows = 0, products = 0;
  };
  std::vector<Work> work(layers_.size());
  for (const PlacedPart& placed : outline.parts) {
    const auto& part = static_cast<const CompiledPart&>(*placed.part);
    work[static_cast<std::size_t>(placed.layer)].windows += part.windows;
    work[static_cast<std::size_t>(placed.layer)].products += part.products;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (work[i].windows == 0) continue;
    const KMapping& map = layers_[i].k_mapping;
    std::string& key = layers_[i].value_key;
    append(key, map);
    append(key, work[i].windows);
    append(key, work[i].products);
    append(key, config.hw_array_cols);
    append(key, config.map_skip_zero);
    append(key, config.hw_zero_gating);
    // Channels that are left out, and their order, decide what a column tile sees.
    key += channels.chosen;
    // Slots that no plane fills, and lines behind the last one of an image, hold what was there
    // before: their operands (the weights are 0) depend on the whole program.
    const auto input = channels.count.find(inputs[i]);
    const bool filled = input != channels.count.end() && map.line_phases == 1 &&
                        fast::ceil_div(input->second, map.bundle) == map.group * map.slots;
    if (!filled) key += identity;
  }
}

std::vector<std::uint64_t> CompiledProgram::read_requests(std::int64_t burst_beats) const {
  std::vector<std::uint64_t> out(layers_.size());
  for (const Reads& reads : reads_) {
    out[reads.layer] +=
        static_cast<std::uint64_t>(reads.lines * fast::ceil_div(reads.line_beats, burst_beats));
  }
  return out;
}

ProgramCycles CompiledProgram::cycles(std::int64_t latency, std::int64_t interval,
                                      Cycle watchdog_cycles, fast::ScheduleTimes& times) const {
  schedule_.resolve(latency, interval, true, times);
  LayerSums sums(layers_.size());

  // Retire cycles by layer; of skipped ops the last shift retires last. No two retires that follow
  // each other are further apart than some op's is from the last one of the ops before it; skipped
  // ops are as far apart as those that they repeat.
  Cycle latest = 0, widest = 0;
  auto skipped = times.skipped.begin();
  for (const LayerRun& run : runs_) {
    Cycle last = 0;
    for (std::size_t i = run.first; i < run.last;) {
      if (skipped != times.skipped.end() && i == skipped->first) {
        const Cycle delay = skipped->repeats() * skipped->delay;
        for (std::size_t j = i - skipped->shift; j < i; ++j) {
          last = std::max(last, times.retire[j] + delay);
        }
        latest = std::max(latest, last);
        i = skipped->last;
        ++skipped;
        continue;
      }
      last = std::max(last, times.retire[i]);
      if (last > latest) {
        widest = std::max(widest, last - latest);
        latest = last;
      }
      ++i;
    }
    sums.note_retire(run.layer, last + 1);
  }
  if (widest > watchdog_cycles) {
    // Perhaps later ops retire in between.
    fast::ScheduleTimes all;
    schedule_.resolve(latency, interval, false, all);
    fast::check_watchdog(std::move(all.retire), watchdog_cycles);
  }

  skipped = times.skipped.begin();
  LayerCycles before;  // of the layer whose ops are skipped, one shift before
  bool marked = false;
  for (auto it = computes_.begin(); it != computes_.end();) {
    const std::uint16_t layer = schedule_.layer(*it);
    if (skipped != times.skipped.end()) {
      if (!marked && *it >= skipped->first - skipped->shift) {
        before = sums[layer];
        marked = true;
      }
      if (*it >= skipped->first) {
        // Skipped ops belong to one layer, like those that they repeat.
        if (*it < skipped->last) {
          sums.repeat(layer, before, skipped->repeats(), skipped->repeats() * skipped->delay);
          it = std::lower_bound(it, computes_.end(), skipped->last);
        }
        ++skipped;
        marked = false;
        continue;
      }
    }
    const Cycle start = times.start[*it];
    if (start > sums.free()) {
      add_stalls(*it, sums.free(), start, times, sums[layer].stalls);
    }
    sums.note_compute(layer, start, times.retire[*it]);
    ++it;
  }
  ProgramCycles out;
  out.total = times.cycles;
  out.layers = sums.finish();
  return out;
}

void CompiledProgram::add_stalls(std::size_t op, Cycle from, Cycle start,
                                 const fast::ScheduleTimes& times, Stalls& stalls) const {
  std::size_t source = op;  // of the token that arrived last
  Queue queue = Queue::load;
  for (std::size_t q = 0; q < queue_count; ++q) {
    const std::size_t back = schedule_.back(op, static_cast<Queue>(q));
    if (back == 0 || (source != op && times.retire[op - back] <= times.retire[source])) continue;
    source = op - back;
    queue = static_cast<Queue>(q);
  }
  LastToken last;
  if (source != op) {
    last.arrival = times.retire[source] + 1;
    last.cause = static_cast<StallCause>(schedule_.tag(source));
    const std::size_t store = queue == Queue::load ? schedule_.back(source, Queue::store) : 0;
    last.held = store != 0;
    if (last.held) last.held_until = times.retire[source - store] + 1;
  }
  split_stall(source == op ? nullptr : &last, from, start,
              [&](StallCause cause, Cycle begin, Cycle end) {
                if (end > begin) count_of(cause, stalls) += end - begin;
              });
}

std::size_t CompiledProgram::bytes() const {
  std::size_t keys = 0;
  for (const CompiledLayer& layer : layers_) keys += sizeof layer + layer.value_key.capacity();
  return schedule_.bytes() + keys + computes_.capacity() * sizeof computes_[0] +
         reads_.capacity() * sizeof(Reads) + runs_.capacity() * sizeof(LayerRun);
}

}  // namespace tactus
