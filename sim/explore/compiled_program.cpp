// SPDX-License-Identifier: Apache-2.0
#include "explore/compiled_program.hpp"

#include <algorithm>
#include <utility>

#include "fast/occupancy.hpp"
#include "fast/schedule_resolver.hpp"
#include "fast/shape_events.hpp"
#include "fast/timing.hpp"
#include "lower/config_key.hpp"

namespace tactus {
namespace {

using lower::append;

/// How a layer's K elements are cut, without what changes no count of zeros: chunks of the fold
/// order.
void append(std::string& key, const KMapping& map) {
  for (const std::int64_t value :
       {map.rows, map.group, map.slots, map.bundle, map.lanes, map.candidates, map.kept,
        map.windows, map.line_phases, map.column_channels, std::int64_t{map.output_stationary}}) {
    append(key, value);
  }
}

/// Cycles of one part of a layer; what fast::Schedule::resolve() asks for.
struct PartSums {
  Cycle compute_cycles = 0;
  Stalls stalls;

  void busy(Cycle cycles) { compute_cycles += cycles; }
  void idle(const fast::LastSource* source, Cycle from, Cycle to) {
    LastToken last;
    if (source != nullptr) {
      last = {source->arrival, static_cast<StallCause>(source->tag), source->held,
              source->held_until};
    }
    split_stall(source == nullptr ? nullptr : &last, from, to,
                [&](StallCause cause, Cycle begin, Cycle end) {
                  if (end > begin) count_of(cause, stalls) += end - begin;
                });
  }
  void repeat(const PartSums& before, Cycle times) {
    compute_cycles += times * (compute_cycles - before.compute_cycles);
    for (const auto field : {&Stalls::ifmap, &Stalls::weight, &Stalls::param, &Stalls::psum,
                             &Stalls::store, &Stalls::token}) {
      stalls.*field += times * (stalls.*field - before.stalls.*field);
    }
  }
};

/// Queue of an op of the program so far; -1 is none.
Queue queue_of_op(const std::vector<fast::PlacedBlock>& blocks, std::int32_t op) {
  if (op < 0) return Queue::store;
  const auto at = static_cast<std::size_t>(op);
  const auto behind =
      std::upper_bound(blocks.begin(), blocks.end(), at,
                       [](std::size_t x, const fast::PlacedBlock& b) { return x < b.first; });
  const fast::PlacedBlock& block = *(behind - 1);
  return block.block->ops()[at - block.first].queue;
}

}  // namespace

CompiledProgram::CompiledProgram(const ProgramOutline& outline, const ArchConfig& config)
    : image_bytes_(outline.image_bytes), schedule_(join(outline, config)) {}

fast::Schedule CompiledProgram::join(const ProgramOutline& outline, const ArchConfig& config) {
  const fast::ArchNumbers arch = fast::numbers_of(config);
  for (const OutlineLayer& info : outline.layers) {
    CompiledLayer& layer = layers_.emplace_back();
    layer.fused_into = info.fused_into;
    layer.macs = info.macs;
    layer.macs_executed = info.macs_executed;
    layer.k_mapping = info.k_mapping;
  }
  std::vector<fast::PlacedBlock> blocks;
  blocks.reserve(outline.parts.size());
  lower::ProgramOrder order;
  std::vector<lower::ProgramOrder::Before> before;
  std::size_t ops = 0;
  for (const PlacedPart& placed : outline.parts) {
    auto part = std::static_pointer_cast<const CompiledPart>(placed.part);
    const auto layer = static_cast<std::uint16_t>(placed.layer);
    layers_[layer].events += part->events;
    for (const CompiledPart::Reads& reads : part->reads) {
      reads_.push_back({layer, reads.lines, reads.line_beats});
    }
    before.clear();
    for (const std::int32_t op : placed.before) before.push_back({op, queue_of_op(blocks, op)});
    fast::PlacedBlock& block = blocks.emplace_back();
    block.block = &part->block;
    block.first = ops;
    for (const auto& token : order.next(part->order, placed.swapped, before)) {
      block.tokens.push_back({token.op, token.queue, token.source});
    }
    ops += static_cast<std::size_t>(placed.ops);
    layer_of_.push_back(layer);
    parts_.push_back(std::move(part));
  }
  const lower::SegmentCuts cuts(ops, static_cast<std::size_t>(config.hw_segment_ops));
  add_segment_loads(cuts, blocks, arch);
  return {std::move(blocks),
          {cuts.count(), cuts.count() > 1 ? cuts.first(1) : 0, cuts.size(cuts.count() - 1)},
          arch};
}

void CompiledProgram::add_segment_loads(const lower::SegmentCuts& cuts,
                                        const std::vector<fast::PlacedBlock>& blocks,
                                        const fast::ArchNumbers& arch) {
  std::size_t part = 0;
  for (std::size_t s = 0; s + 1 < cuts.count(); ++s) {
    // A load belongs to the layer of the op behind it.
    while (part + 1 < blocks.size() && blocks[part + 1].first <= cuts.first(s)) ++part;
    const std::uint16_t layer = layer_of_[part];
    const LoadOp load = cuts.load_of_next(s, 0);
    TileOp op;
    op.body = load;
    EventCounts events = fast::shape_events(op, arch);
    events[Event::mem_rd_req] = 0;
    layers_[layer].events += events;
    const std::int64_t beats = fast::line_beats(load, arch);
    if (!reads_.empty() && reads_.back().layer == layer && reads_.back().line_beats == beats) {
      ++reads_.back().lines;
    } else {
      reads_.push_back({layer, 1, beats});
    }
  }
}

void CompiledProgram::find_value_keys(const ArchConfig& config,
                                      const std::vector<std::string>& inputs,
                                      const TensorChannels& channels, const std::string& identity) {
  struct Work {
    std::int64_t windows = 0, products = 0;
  };
  std::vector<Work> work(layers_.size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    work[layer_of_[i]].windows += parts_[i]->windows;
    work[layer_of_[i]].products += parts_[i]->products;
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
  ProgramCycles out;
  out.layers.resize(layers_.size());
  std::size_t part = 0;
  schedule_.resolve<PartSums>(latency, interval, true, times,
                              [&](const fast::PlacedBlock&, const PartSums& sums) {
                                LayerCycles& layer = out.layers[layer_of_[part++]];
                                layer.compute_cycles += sums.compute_cycles;
                                layer.stalls += sums.stalls;
                              });
  Cycle before = 0;
  for (std::size_t i = 0; i < layer_of_.size(); ++i) {
    out.layers[layer_of_[i]].cycles += times.block_ends[i] - before;
    before = times.block_ends[i];
  }
  out.total = times.cycles;
  if (times.longest_wait > watchdog_cycles) {
    // Perhaps later ops retire in between.
    fast::ScheduleTimes all;
    schedule_.resolve<fast::NoSums>(latency, interval, false, all,
                                    [](const fast::PlacedBlock&, const fast::NoSums&) {});
    fast::check_watchdog(std::move(all.retire), watchdog_cycles);
  }
  return out;
}

std::size_t CompiledProgram::bytes() const {
  std::size_t keys = 0;
  for (const CompiledLayer& layer : layers_) keys += sizeof layer + layer.value_key.capacity();
  return schedule_.bytes() + keys + reads_.capacity() * sizeof(Reads) +
         parts_.capacity() * (sizeof parts_[0] + sizeof layer_of_[0]);
}

}  // namespace tactus
