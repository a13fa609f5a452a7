// SPDX-License-Identifier: Apache-2.0
#include "explore/compiled_program.hpp"

#include <algorithm>

#include "dataflow/unit_order.hpp"
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

CompiledProgram::CompiledProgram(const Program& program, std::uint64_t image_bytes,
                                 const ArchConfig& config, const std::vector<std::string>& inputs,
                                 const std::string& identity)
    : schedule_(program, fast::numbers_of(config)), image_bytes_(image_bytes) {
  const fast::ArchNumbers arch = fast::numbers_of(config);
  for (const LayerInfo& info : program.layers) {
    CompiledLayer layer;
    layer.fused_into = info.fused_into;
    layer.macs = info.macs;
    layer.macs_executed = info.macs_executed;
    layer.k_mapping = info.k_mapping;
    layers_.push_back(std::move(layer));
  }
  for (std::uint32_t i = 0; i < program.ops.size(); ++i) {
    const TileOp& op = program.ops[i];
    EventCounts events = fast::shape_events(op, arch);
    events[Event::mem_rd_req] = 0;
    layers_.at(op.layer).events += events;
    if (const auto* load = std::get_if<LoadOp>(&op.body)) {
      reads_.push_back({op.layer, load->planes * load->lines, fast::line_beats(*load, arch)});
    }
    if (queue_of(op) == Queue::compute) add_compute(program, i);
    if (runs_.empty() || runs_.back().layer != op.layer) runs_.push_back({i, i, op.layer});
    runs_.back().last = i + 1;
  }
  find_value_keys(program, config, inputs, identity);
}

void CompiledProgram::add_compute(const Program& program, std::uint32_t op) {
  ComputeStep step;
  step.op = op;
  step.layer = program.ops[op].layer;
  for (std::size_t q = 0; q < queue_count; ++q) {
    Token& token = step.tokens[q];
    token.back = static_cast<std::uint32_t>(schedule_.back(op, static_cast<Queue>(q)));
    if (token.back == 0) continue;
    token.cause = cause_of(program.ops[op - token.back]);
    if (static_cast<Queue>(q) != Queue::load) continue;
    const std::size_t store = schedule_.back(op - token.back, Queue::store);
    if (store != 0) token.store = token.back + static_cast<std::uint32_t>(store);
  }
  computes_.push_back(step);
}

void CompiledProgram::find_value_keys(const Program& program, const ArchConfig& config,
                                      const std::vector<std::string>& inputs,
                                      const std::string& identity) {
  struct Work {
    std::int64_t windows = 0, products = 0;
  };
  std::vector<Work> work(layers_.size());
  for (const TileOp& op : program.ops) {
    const auto* compute = std::get_if<ComputeOp>(&op.body);
    if (compute == nullptr) continue;
    const std::int64_t reads = pixels(*compute) * compute->k_rows;
    work[op.layer].windows += reads;
    work[op.layer].products += reads * compute->cols;
  }
  // Channels that are left out, and their order, decide what a column tile sees.
  std::string channels;
  for (const TensorPlace& place : program.tensors) {
    if (place.channels.empty()) continue;
    channels += place.name;
    for (const int channel : place.channels) append(channels, channel);
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (work[i].windows == 0) continue;
    std::string& key = layers_[i].value_key;
    append(key, program.layers[i].k_mapping);
    append(key, work[i].windows);
    append(key, work[i].products);
    append(key, config.hw_array_cols);
    append(key, config.map_skip_zero);
    append(key, config.hw_zero_gating);
    key += channels;
    // Slots that no plane fills, and lines behind the last one of an image, hold what was there
    // before: their operands (the weights are 0) depend on the whole program.
    const KMapping& map = program.layers[i].k_mapping;
    const TensorPlace* input = program.find_tensor(inputs[i]);
    const bool filled = input != nullptr && map.line_phases == 1 &&
                        fast::ceil_div(input->c, map.bundle) == map.group * map.slots;
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
  if (times.cycles > watchdog_cycles) {
    schedule_.resolve(latency, interval, false, times);
    fast::check_watchdog(times.retire, watchdog_cycles);
  }
  LayerSums sums(layers_.size());

  // Retire cycles by layer; of skipped ops the last shift retires last.
  auto skipped = times.skipped.begin();
  for (const LayerRun& run : runs_) {
    Cycle last = 0;
    for (std::size_t i = run.first; i < run.last;) {
      if (skipped != times.skipped.end() && i == skipped->first) {
        const Cycle delay = skipped->repeats() * skipped->delay;
        for (std::size_t j = i - skipped->shift; j < i; ++j) {
          last = std::max(last, times.retire[j] + delay);
        }
        i = skipped->last;
        ++skipped;
        continue;
      }
      last = std::max(last, times.retire[i]);
      ++i;
    }
    sums.note_retire(run.layer, last + 1);
  }

  skipped = times.skipped.begin();
  LayerCycles before;  // of the layer whose ops are skipped, one shift before
  bool marked = false;
  for (auto it = computes_.begin(); it != computes_.end();) {
    if (skipped != times.skipped.end()) {
      if (!marked && it->op >= skipped->first - skipped->shift) {
        before = sums[it->layer];
        marked = true;
      }
      if (it->op >= skipped->first) {
        // Skipped ops belong to one layer, like those that they repeat.
        const std::uint16_t layer = it->layer;
        if (it->op < skipped->last) {
          sums.repeat(layer, before, skipped->repeats(), skipped->repeats() * skipped->delay);
          it = std::lower_bound(
              it, computes_.end(), skipped->last,
              [](const ComputeStep& step, std::size_t op) { return step.op < op; });
        }
        ++skipped;
        marked = false;
        continue;
      }
    }
    const Cycle start = times.start[it->op];
    if (start > sums.free()) {
      const Token* latest = nullptr;
      for (const Token& token : it->tokens) {
        if (token.back != 0 && (latest == nullptr || times.retire[it->op - token.back] >
                                                         times.retire[it->op - latest->back])) {
          latest = &token;
        }
      }
      LastToken last;
      if (latest != nullptr) {
        last.arrival = times.retire[it->op - latest->back] + 1;
        last.cause = latest->cause;
        last.held = latest->store != 0;
        if (last.held) last.held_until = times.retire[it->op - latest->store] + 1;
      }
      Stalls& stalls = sums[it->layer].stalls;
      split_stall(latest == nullptr ? nullptr : &last, sums.free(), start,
                  [&](StallCause cause, Cycle from, Cycle to) {
                    if (to > from) count_of(cause, stalls) += to - from;
                  });
    }
    sums.note_compute(it->layer, start, times.retire[it->op]);
    ++it;
  }
  ProgramCycles out;
  out.total = times.cycles;
  out.layers = sums.finish();
  return out;
}

std::size_t CompiledProgram::bytes() const {
  std::size_t keys = 0;
  for (const CompiledLayer& layer : layers_) keys += sizeof layer + layer.value_key.capacity();
  return schedule_.bytes() + keys + computes_.capacity() * sizeof(ComputeStep) +
         reads_.capacity() * sizeof(Reads) + runs_.capacity() * sizeof(LayerRun);
}

}  // namespace tactus
