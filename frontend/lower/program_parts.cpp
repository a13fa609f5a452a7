// SPDX-License-Identifier: Apache-2.0
#include "lower/program_parts.hpp"

#include <algorithm>
#include <utility>

#include "lower/config_key.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

/// The half of the ifmap buffer as if no half of it had been handed out yet, and back.
[[nodiscard]] int ifmap_half(int half, std::uint16_t turns) { return half ^ (turns & 1); }

}  // namespace

std::int32_t PartMemory::number_of(const std::string& text) {
  const auto number = static_cast<std::int32_t>(numbers_.size());
  return numbers_.try_emplace(text, number).first->second;
}

const PartMemory::Part* PartMemory::find(const std::string& key) const {
  const auto it = parts_.find(key);
  return it == parts_.end() ? nullptr : &it->second;
}

const PartMemory::Part& PartMemory::add(std::string key, Part part) {
  bytes_ += sizeof(Part) + (part.ops ? part.ops->bytes() : 0);
  return parts_.emplace(std::move(key), std::move(part)).first->second;
}

void PartMemory::limit(std::size_t bytes) {
  if (bytes_ <= bytes) return;
  parts_.clear();
  bytes_ = 0;
}

PartedLowering::PartedLowering(const Network& network, const ArchConfig& config,
                               UnitPlanner& planner, PartMaker& maker, PartMemory& memory,
                               const Kinds& kinds)
    : planner_(planner),
      maker_(maker),
      memory_(memory),
      kinds_(kinds),
      lowering_(network, config, false) {
  infos_ = lowering_.context().infos;
}

PartedLowering::Place PartedLowering::place_of(const TensorPlace& tensor) {
  return {tensor.in_memory, tensor.address, tensor.plane_stride, tensor.line_stride};
}

void PartedLowering::reset(const UnitPlanner::Choices& choices) {
  Context& ctx = lowering_.context();
  planner_.apply(choices, ctx, has_plans_ ? &applied_ : nullptr);
  ctx.builder.restart();
  ctx.resident.clear();
  ctx.views.clear();
  ctx.last_store.clear();
  if (!has_plans_ || applied_.layouts != choices.layouts) {
    std::string layouts;
    append(layouts, kinds_.weighted);
    for (const std::int32_t layout : choices.layouts) append(layouts, layout);
    layouts_ = memory_.number_of(layouts);
    // All tensors have their numbers from the beginning.
    ctx.forget_tensors();
    for (const auto& input : ctx.network.inputs) (void)ctx.place(input.name);
    for (const Layer& layer : ctx.network.layers) (void)ctx.place(layer.id);
  }
  for (TensorPlace& tensor : ctx.tensors) {
    tensor.in_memory = false;
    tensor.address = tensor.plane_stride = tensor.line_stride = 0;
  }
  made_.assign(infos_.size(), {});
  applied_ = choices;
  has_plans_ = true;
}

void PartedLowering::append_cut(std::string& key, std::size_t unit,
                                const UnitPlanner::Choices& choices) const {
  const std::uint64_t table = planner_.table_of(unit, choices);
  append(key, static_cast<std::int64_t>(table));
  append(key, table == 0 ? kinds_.own : 0);
  append(key, choices.plans[unit].cut.cut);
}

void PartedLowering::set_key(std::string& key, int layer,
                             const UnitPlanner::Choices& choices) const {
  key.clear();
  append(key, layer);
  append(key, layouts_);
  const ConvUnit* unit = lowering_.unit_of(layer);
  if (unit == nullptr) {
    append(key, kinds_.others);
    return;
  }
  const std::size_t number = lowering_.number_of(*unit);
  append_cut(key, number, choices);
  const Context& ctx = lowering_.context();
  const auto in = ctx.resident.find(unit->input);
  append(key, in == ctx.resident.end() ? -1 : ifmap_half(in->second.half, ctx.builder.turns()));
  // What stays on chip lies there as the next unit reads it.
  if (ctx.resident.count(unit->output) != 0) append_cut(key, number + 1, choices);
}

std::int32_t PartedLowering::part_number(std::int32_t op, int first, const std::string& own,
                                         Part& part, PlacedPart& placed) const {
  if (op < 0) return -1;
  if (op >= first) return op - first;
  for (const auto& [id, number] : lowering_.context().last_store) {
    if (number != op || id == own) continue;
    const auto it = std::find(part.before.begin(), part.before.end(), id);
    const auto k = static_cast<std::int32_t>(it - part.before.begin());
    if (it == part.before.end()) {
      part.before.push_back(id);
      placed.before.push_back(op);
    }
    return -2 - k;
  }
  throw InternalError("an op waits for one of an earlier layer that completes no tensor");
}

PartedLowering::Part PartedLowering::record(int layer, PlacedPart& placed) {
  Context& ctx = lowering_.context();
  ProgramBuilder& builder = ctx.builder;
  const int first = builder.op_count();
  const std::uint64_t bytes = builder.image_bytes();
  const std::uint16_t turns = builder.turns();
  const std::map<std::string, std::string> views = ctx.views;
  std::vector<Place> places;
  places.reserve(ctx.tensors.size());
  for (const TensorPlace& tensor : ctx.tensors) places.push_back(place_of(tensor));
  const auto index = static_cast<std::size_t>(layer);
  ctx.infos[index] = infos_[index];
  const std::string& own = ctx.layer(layer).id;
  const int own_store = ctx.store_of(own);

  lowering_.emit(layer);

  Part part;
  part.count = builder.op_count() - first;
  part.bytes = builder.image_bytes() - bytes;
  part.turns = static_cast<std::uint16_t>(builder.turns() ^ turns);
  for (const auto& [id, number] : ctx.last_store) {
    // What lies before the layer can only be handed on, to the layer's own tensor.
    if (number < first && (id != own || number == own_store)) continue;
    part.stores.emplace_back(id, part_number(number, first, own, part, placed));
  }
  for (const auto& [id, whole] : ctx.views) {
    if (views.count(id) == 0) part.views.emplace_back(id, whole);
  }
  if (ctx.tensors.size() != places.size()) throw InternalError("a layer adds a tensor");
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Place now = place_of(ctx.tensors[i]);
    if (!(now == places[i])) part.places.emplace_back(i, now);
  }
  const LayerInfo& info = ctx.infos[index];
  part.layer = {info.fused_into, info.macs, info.macs_executed, info.k_mapping};
  if (const ConvUnit* unit = lowering_.unit_of(layer)) {
    part.folded = unit->add;
    const auto kept = ctx.resident.find(unit->output);
    part.keeps = kept != ctx.resident.end();
    if (part.keeps) part.kept_half = ifmap_half(kept->second.half, turns);
  }
  if (part.count != 0) {
    std::vector<OpLink> links = builder.links();
    for (OpLink& link : links) {
      link.after = part_number(link.after, first, own, part, placed);
      link.halves = swap_halves(link.halves, turns);
    }
    for (const TileOp& op : builder.ops()) {
      if (op.layer != layer) throw InternalError("a layer emits ops of another one");
    }
    std::vector<std::uint32_t> completing;
    for (const auto& [id, number] : part.stores) {
      if (number >= 0) completing.push_back(static_cast<std::uint32_t>(number));
    }
    part.ops = maker_.make({builder.ops(), links, completing}, ctx.config);
  }
  builder.leave_out_ops();
  return part;
}

void PartedLowering::replay(int layer, const Part& part, PlacedPart& placed) {
  Context& ctx = lowering_.context();
  const int first = ctx.builder.op_count();
  const std::uint16_t turns = ctx.builder.turns();
  if (part.keeps) {
    const ConvUnit* unit = lowering_.unit_of(layer);
    ctx.resident.at(unit->output).half = ifmap_half(part.kept_half, turns);
  }
  for (const std::string& id : part.before) placed.before.push_back(ctx.store_of(id));
  for (const auto& [id, number] : part.stores) {
    ctx.last_store[id] = number >= 0    ? first + number
                         : number == -1 ? -1
                                        : placed.before[static_cast<std::size_t>(-2 - number)];
  }
  for (const auto& [id, whole] : part.views) ctx.views.emplace(id, whole);
  for (const auto& [index, place] : part.places) {
    TensorPlace& tensor = ctx.tensors[index];
    tensor.in_memory = place.in_memory;
    tensor.address = place.address;
    tensor.plane_stride = place.plane_stride;
    tensor.line_stride = place.line_stride;
  }
  ctx.builder.skip(part.count, part.bytes);
  ctx.builder.set_turns(static_cast<std::uint16_t>(turns ^ part.turns));
}

ProgramOutline PartedLowering::lower(const UnitPlanner::Choices& choices) {
  constexpr std::size_t most_bytes = std::size_t{128} << 20;
  memory_.limit(most_bytes);
  reset(choices);
  lowering_.begin();
  Context& ctx = lowering_.context();
  ProgramOutline out;
  out.parts.reserve(infos_.size());
  for (int layer = 0; layer < lowering_.layers(); ++layer) {
    PlacedPart placed;
    placed.layer = layer;
    placed.swapped = ctx.builder.turns();
    set_key(key_, layer, choices);
    const Part* known = memory_.find(key_);
    if (known != nullptr) {
      replay(layer, *known, placed);
    } else {
      known = &memory_.add(key_, record(layer, placed));
    }
    const Part& part = *known;
    placed.part = part.ops;
    placed.ops = part.count;
    // A layer that was folded into an earlier one has nothing of its own.
    OutlineLayer& made = made_[static_cast<std::size_t>(layer)];
    if (made.fused_into.empty()) made = part.layer;
    if (part.folded >= 0) {
      made_[static_cast<std::size_t>(part.folded)].fused_into = ctx.layer(layer).id;
    }
    if (placed.part) out.parts.push_back(std::move(placed));
  }
  const auto ops = static_cast<std::size_t>(ctx.builder.op_count());
  check_op_count(ops);
  const SegmentCuts cuts(ops, static_cast<std::size_t>(ctx.config.hw_segment_ops));
  for (std::size_t s = 0; s < cuts.count(); ++s) {
    (void)ctx.builder.allocate(cuts.size(s) * op_bytes);
  }
  out.image_bytes = ctx.builder.image_bytes();
  out.layers = std::move(made_);
  return out;
}

}  // namespace tactus::lower
