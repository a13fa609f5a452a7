// SPDX-License-Identifier: Apache-2.0
#include "lower/program_source.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lower/config_key.hpp"
#include "lower/lower_parts.hpp"
#include "lower/split_layers.hpp"
#include "numerics/errors.hpp"

namespace tactus {

namespace {

using lower::append;
using lower::append_values;

/// Keys that no program depends on, and those that only choose among cuts. The accumulator's width
/// is one of them once the network is pruned; it may be refused, though.
constexpr bool leaves_cuts(std::string_view key) {
  for (const char* other :
       {"mem.ideal", "mem.latency_cycles", "mem.cycles_per_beat", "mem.burst_beats", "hw.clock_mhz",
        "hw.queue_depth", "hw.acc_overflow", "hw.zero_gating", "hw.acc_bits"}) {
    if (key == other) return true;
  }
  return false;
}

constexpr bool makes_cuts(std::string_view key) { return !leaves_cuts(key); }
constexpr bool makes_ops(std::string_view key) {
  return makes_cuts(key) && key.substr(0, 4) != "buf.";
}

/// Values of all keys that the possible cuts depend on; with `wanted` makes_ops, that the ops of
/// weighted layers depend on once the cuts are chosen.
template <bool (*wanted)(std::string_view)>
std::string key_of(const ArchConfig& config) {
  std::string key;
  key.reserve(512);
  append_values<wanted>(key, config);
  for (const LayerOverride& entry : config.layer_overrides) {
    append(key, entry.key());
    append(key, entry.value);
  }
  return key;
}

/// A network after pruning, for all configurations that prune alike.
struct Pruned {
  std::uint64_t number = 0;
  std::optional<lower::PrunedNetwork> result;  ///< absent: the network itself
  lower::WeightsMemory weights;
  TensorChannels channels;
  lower::PartMemory parts;
  /// Widths of the accumulator that a program was made with, by the keys without buffers.
  std::map<std::string, std::set<std::int64_t>> accepted;
};

/// Ops of layers without weights depend on the sizes of the ofmap and parameter buffers only.
bool few_buffers(const Network& network) {
  return std::none_of(network.layers.begin(), network.layers.end(),
                      [](const Layer& layer) { return layer.op == LayerOp::matmul; });
}

void note_channels(const Network& network, Pruned& pruned) {
  const Network& left = pruned.result ? pruned.result->network : network;
  for (const NetworkInput& input : left.inputs) pruned.channels.count[input.name] = input.shape.c;
  for (const Layer& layer : left.layers) pruned.channels.count[layer.id] = layer.out_shape.c;
  if (!pruned.result) return;
  for (const auto& [id, tensor] : pruned.result->tensors) {
    append(pruned.channels.chosen, id);
    for (const int channel : tensor.channels) append(pruned.channels.chosen, channel);
  }
}

/// All cuts for one configuration, and what was chosen for each timing of the memory.
class CutSet {
 public:
  CutSet(const Network& network, std::shared_ptr<Pruned> pruned, const ArchConfig& config,
         std::uint64_t number, PartMaker& maker)
      : original_(network),
        pruned_(std::move(pruned)),
        config_(config),
        accepted_(pruned_->accepted[key_of<makes_ops>(config)]) {
    std::string text = key_of<makes_ops>(config);
    kinds_.weighted = pruned_->parts.number_of(text);
    append(text, config.buf_ofmap_kib);
    append(text, config.buf_param_kib);
    // Numbers of sets are below 0: they are no texts'.
    kinds_.own = -1 - static_cast<std::int32_t>(number);
    kinds_.others = few_buffers(network) ? pruned_->parts.number_of(text) : kinds_.own;
    try {
      context_.emplace(this->network(), config_, false);
      planner_.emplace(*context_, lower::conv_units(this->network(), config_), pruned_->weights);
      parts_.emplace(this->network(), config_, *planner_, maker, pruned_->parts, kinds_);
    } catch (const BadInput& e) {
      problem_ = e;
    }
  }
  CutSet(const CutSet&) = delete;
  CutSet& operator=(const CutSet&) = delete;

  struct Chosen {
    lower::UnitPlanner::Choices choices;
    std::string identity;
    std::optional<BadInput> problem;
    std::map<std::int64_t, BadInput> refused;  ///< widths of the accumulator, with the reason
  };
  /// Throws BadInput where the configuration's program cannot be made.
  const Chosen& choose(const ArchConfig& config, std::uint64_t& plans) {
    if (problem_) throw BadInput(*problem_);
    const lower::MemoryTiming memory = lower::memory_timing(config);
    const auto [it, is_new] = chosen_.try_emplace({memory.latency, memory.interval});
    Chosen& out = it->second;
    if (is_new) {
      ++plans;
      try {
        out.choices = planner_->choose(memory);
        name(out);
      } catch (const BadInput& e) {
        out.problem = e;
      }
    }
    if (out.problem) throw BadInput(*out.problem);
    accept_width(config.hw_acc_bits, out);
    return out;
  }

  [[nodiscard]] ProgramOutline outline(const Chosen& chosen) {
    if (made_for_ != &chosen) return make(chosen);
    made_for_ = nullptr;
    return std::move(made_);
  }
  [[nodiscard]] const TensorChannels& channels() const { return pruned_->channels; }

  std::uint64_t last_use = 0;

 private:
  /// Equal names: the same ops. Cuts of tables that nobody else has count for this set alone.
  void name(Chosen& chosen) const {
    const lower::UnitPlanner::Choices& choices = chosen.choices;
    append(chosen.identity, static_cast<std::int64_t>(pruned_->number));
    append(chosen.identity, std::int64_t{kinds_.weighted});
    append(chosen.identity, std::int64_t{kinds_.others});
    for (const std::int32_t layout : choices.layouts) append(chosen.identity, layout);
    bool own = false;
    for (std::size_t u = 0; u < choices.plans.size(); ++u) {
      const std::uint64_t table = planner_->table_of(u, choices);
      append(chosen.identity, static_cast<std::int64_t>(table));
      append(chosen.identity, choices.plans[u].cut.cut);
      own = own || table == 0;
    }
    append(chosen.identity, own ? std::int64_t{kinds_.own} : 0);
  }

  [[nodiscard]] ProgramOutline make(const Chosen& chosen) {
    config_.hw_acc_bits = *accepted_.begin();
    ProgramOutline out = parts_->lower(chosen.choices);
    if (config_.map_skip_zero) {
      for (std::size_t i = 0; i < out.layers.size(); ++i) {
        out.layers[i].macs = macs_of(original_.layers[i]);
      }
    }
    return out;
  }

  /// The width decides about refusals only, and those do not depend on the cuts: it is accepted
  /// once a program was made with it.
  void accept_width(std::int64_t acc_bits, Chosen& chosen) {
    if (accepted_.count(acc_bits) != 0) return;
    const auto refused = chosen.refused.find(acc_bits);
    if (refused != chosen.refused.end()) throw BadInput(refused->second);
    const bool first = accepted_.empty();
    try {
      if (first) {
        // Parts are kept only if they were made with a width that is accepted.
        accepted_.insert(acc_bits);
        made_ = make(chosen);
        made_for_ = &chosen;
      } else {
        ArchConfig config = config_;
        config.hw_acc_bits = acc_bits;
        (void)lower::emit_program(network(), config, *planner_, chosen.choices, false);
      }
    } catch (const BadInput& e) {
      if (first) {
        accepted_.clear();
        pruned_->parts.limit(0);
      }
      chosen.refused.emplace(acc_bits, e);
      throw;
    }
    accepted_.insert(acc_bits);
  }

  [[nodiscard]] const Network& network() const {
    return pruned_->result ? pruned_->result->network : original_;
  }

  const Network& original_;
  std::shared_ptr<Pruned> pruned_;
  ArchConfig config_;
  lower::PartedLowering::Kinds kinds_;
  std::set<std::int64_t>& accepted_;  ///< widths of the accumulator
  std::optional<lower::Context> context_;
  std::optional<lower::UnitPlanner> planner_;
  std::map<std::pair<std::int64_t, std::int64_t>, Chosen> chosen_;
  std::optional<lower::PartedLowering> parts_;
  ProgramOutline made_;  ///< by accept_width, for whom
  const Chosen* made_for_ = nullptr;
  std::optional<BadInput> problem_;
};

}  // namespace

class ProgramSource::Impl {
 public:
  Impl(const Network& network, PartMaker& maker)
      : original_(network),
        maker_(maker),
        split_(lower::split_layers(network)),
        network_(split_ ? split_->network : original_) {
    lower::check_layer_count(network_);
    whole_ = std::make_shared<Pruned>();
    note_channels(network_, *whole_);
  }

  ProgramOutline outline(const ArchConfig& config) {
    CutSet& cuts = cuts_of(config);
    ProgramOutline out = cuts.outline(cuts.choose(config, plans));
    if (split_) {
      for (PlacedPart& placed : out.parts) {
        placed.layer = static_cast<int>(split_->origin[static_cast<std::size_t>(placed.layer)]);
      }
      out.layers = join(std::move(out.layers));
    }
    return out;
  }

  CutSet& cuts_of(const ArchConfig& config) {
    std::shared_ptr<Pruned> pruned = pruned_for(config);
    std::string key = key_of<makes_cuts>(config);
    append(key, static_cast<std::int64_t>(pruned->number));
    auto it = sets_.find(key);
    if (it == sets_.end()) {
      if (sets_.size() >= most_sets) drop_old();
      auto made = std::make_unique<CutSet>(network_, std::move(pruned), config, next_++, maker_);
      it = sets_.emplace(std::move(key), std::move(made)).first;
    }
    it->second->last_use = ++uses_;
    return *it->second;
  }

  std::uint64_t plans = 0;

 private:
  static constexpr std::size_t most_sets = 512;

  std::shared_ptr<Pruned> pruned_for(const ArchConfig& config) {
    if (!config.map_skip_zero) return whole_;
    auto& known = pruned_[{config.hw_acc_bits, config.hw_array_rows, config.hw_array_cols}];
    if (auto shared = known.lock()) return shared;
    lower::PrunedNetwork result = lower::prune_channels(network_, config);
    std::shared_ptr<Pruned> made = whole_;
    if (!result.tensors.empty()) {
      made = std::make_shared<Pruned>();
      made->number = ++pruned_count_;
      made->result = std::move(result);
      note_channels(network_, *made);
    }
    known = made;
    return made;
  }

  /// Layers of the network from those of the split one, as lower::join_layers() does it.
  [[nodiscard]] std::vector<OutlineLayer> join(std::vector<OutlineLayer> parts) const {
    std::vector<OutlineLayer> joined(original_.layers.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const Layer& whole = original_.layers[split_->origin[i]];
      const bool is_part = whole.op == LayerOp::conv_transpose2d;
      if (is_part && split_->rearranges(i)) continue;
      OutlineLayer& layer = joined[split_->origin[i]];
      layer = std::move(parts[i]);
      if (is_part) layer.macs = macs_of(whole);
    }
    return joined;
  }

  /// Drops the half that was not used for the longest time.
  void drop_old() {
    std::vector<std::uint64_t> uses;
    for (const auto& [key, set] : sets_) uses.push_back(set->last_use);
    const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 2);
    std::nth_element(uses.begin(), middle, uses.end());
    for (auto it = sets_.begin(); it != sets_.end();) {
      it = it->second->last_use < *middle ? sets_.erase(it) : std::next(it);
    }
  }

  const Network& original_;
  PartMaker& maker_;
  std::optional<lower::SplitNetwork> split_;
  const Network& network_;  ///< what is lowered
  std::shared_ptr<Pruned> whole_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::weak_ptr<Pruned>> pruned_;
  std::unordered_map<std::string, std::unique_ptr<CutSet>> sets_;
  std::uint64_t next_ = 0, uses_ = 0, pruned_count_ = 0;
};

ProgramSource::ProgramSource(const Network& network, PartMaker& maker)
    : impl_(std::make_unique<Impl>(network, maker)) {}
ProgramSource::~ProgramSource() = default;
ProgramSource::ProgramSource(ProgramSource&&) noexcept = default;

const std::string& ProgramSource::identity(const ArchConfig& config) {
  return impl_->cuts_of(config).choose(config, impl_->plans).identity;
}

ProgramOutline ProgramSource::outline(const ArchConfig& config) { return impl_->outline(config); }

const TensorChannels& ProgramSource::channels(const ArchConfig& config) {
  return impl_->cuts_of(config).channels();
}

std::uint64_t ProgramSource::plans() const { return impl_->plans; }

}  // namespace tactus
