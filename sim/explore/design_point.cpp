// SPDX-License-Identifier: Apache-2.0
#include "explore/design_point.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "explore/compiled_program.hpp"
#include "explore/numeric_variant.hpp"
#include "lower/lower.hpp"
#include "lower/program_source.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "run/job.hpp"

namespace tactus {
namespace {

/// Events of a layer that depend on values, summed over all inferences.
struct ValueEvents {
  std::uint64_t act_zero = 0, mac_gated = 0, acc_overflow = 0;
};
using LayerValueEvents = std::vector<ValueEvents>;

/// Programs of tens of megabytes come and go with the points: freed memory is kept for the next
/// one, whose first touch of new pages would take longer than its lowering.
void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int large = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_TRIM_THRESHOLD, large);
#endif
}

std::uint64_t onchip_bits_of(const ArchConfig& c) {
  const std::int64_t row = c.hw_array_cols * c.hw_operand_bits;
  const std::int64_t half =
      c.hw_array_rows * c.ifmap_bank_bytes() * 8 + c.hw_array_cols * c.ofmap_bank_bytes() * 8 +
      c.weight_rows() * row + (c.hw_nm_patterns == "dense" ? 0 : c.index_rows() * row) +
      c.param_records() * 256 + c.psum_entries() * c.hw_array_cols * c.hw_acc_bits +
      c.hw_segment_ops * op_bytes * 8;
  return 2 * static_cast<std::uint64_t>(half);
}

}  // namespace

class PointTimer::Impl {
 public:
  Impl(const Workload& work, const EnergyTable& table, PointOptions options)
      : work_(work),
        table_(table),
        options_(options),
        source_(work.network, maker_),
        numeric_(work.network) {
    if (work.inferences.empty()) throw BadInput("there is nothing to time: no inputs");
    for (const Layer& layer : work.network.layers) {
      names.push_back({layer.id, layer.source_name, name_of(layer.op)});
      const bool whole = layer.groups == 1 && !layer.inputs.empty();
      inputs_.push_back(whole ? source_of(layer.inputs[0]) : std::string());
    }
  }

  const DesignPoint& time(const ArchConfig& config) {
    validate(config);
    Entry& entry = entry_of(config);
    const ProgramCycles& cycles = cycles_of(entry, config);
    const std::vector<std::uint64_t>& requests = requests_of(entry, config);
    const LayerValueEvents* values = options_.value_events ? &values_of(entry, config) : nullptr;
    fill(config, *entry.program, cycles, requests, values);
    ++counts.points;
    return point_;
  }

  RunReport report(const ArchConfig& config) {
    const DesignPoint& point = time(config);
    const std::vector<CompiledLayer>& layers = entry_of(config).program->layers();
    RunReport out;
    out.identity = {"fast", work_.network.name, work_.network.sha256};
    out.config_hash = config_hash(config);
    out.config_values = effective(config);
    out.energy_table = table_.name;
    out.cycles = point.cycles;
    out.cycles_first = point.cycles_first;
    out.cycles_steady = point.cycles_steady;
    out.inferences = point.inferences;
    out.macs = point.macs;
    out.macs_executed = point.macs_executed;
    out.utilization = point.utilization;
    out.energy = point.energy;
    out.events = point.events;
    out.bytes_read = point.bytes_read;
    out.bytes_written = point.bytes_written;
    out.seconds_at_clock = point.seconds_at_clock;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const PointLayer& from = point.layers[i];
      out.layers.push_back({names[i].id, names[i].source_name, names[i].op, layers[i].fused_into,
                            from.cycles, from.compute_cycles, from.stalls, from.macs,
                            from.macs_executed, from.utilization, from.energy, from.events});
    }
    return out;
  }

  std::string numeric_key(const ArchConfig& config) {
    validate(config);
    const NumericVariants::Short key = numeric_.short_key(config);
    // A point that cannot be lowered has no values at all.
    const Entry& entry = entry_of(config);
    std::string text = key.text;
    if (!key.needs_order) return text;
    const std::vector<CompiledLayer>& layers = entry.program->layers();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      text += numeric_.order_of(i, layers[i].k_mapping, config.hw_acc_bits);
    }
    return text;
  }

  NumericResult evaluate(const ArchConfig& config, const std::vector<Inference>& inferences) {
    validate(config);
    const RunReport report = run_values(config, inferences);
    return {report.outputs, report.accuracy, report.events[Event::acc_overflow]};
  }

  std::vector<PointLayerName> names;
  PointCounts counts;
  [[nodiscard]] std::uint64_t plans() const { return source_.plans(); }
  [[nodiscard]] std::uint64_t layers_lowered() const { return maker_.made(); }

 private:
  /// The tensor itself that flatten layers rename.
  [[nodiscard]] std::string source_of(const std::string& id) const {
    const Layer* layer = work_.network.find_layer(id);
    if (layer == nullptr || layer->op != LayerOp::flatten) return id;
    return source_of(layer->inputs.at(0));
  }

  /// One program with what was computed for it.
  struct Entry {
    std::optional<CompiledProgram> program;
    std::optional<BadInput> problem;  ///< why there is no program
    std::map<std::pair<std::int64_t, std::int64_t>, ProgramCycles> cycles;
    std::map<std::int64_t, std::vector<std::uint64_t>> requests;  ///< by burst length
    struct Values {
      LayerValueEvents events;
      std::optional<BadInput> problem;  ///< accumulators overflow and may not
    };
    std::map<std::string, Values> values;  ///< by what they depend on besides the program
    std::uint64_t last_use = 0;
    std::size_t bytes = 0;
  };

  Entry& entry_of(const ArchConfig& config) {
    std::string key = source_.identity(config);
    key += ' ';
    key += std::to_string(config.hw_queue_depth);
    auto it = entries_.find(key);
    if (it == entries_.end()) {
      drop_old();
      it = entries_.try_emplace(std::move(key)).first;
      Entry& made = it->second;
      try {
        const ProgramOutline outline = source_.outline(config);
        ++counts.lowerings;
        made.program.emplace(outline, config);
        if (options_.value_events) {
          made.program->find_value_keys(config, inputs_, source_.channels(config),
                                        source_.identity(config));
        }
        add_bytes(made, made.program->bytes());
      } catch (const BadInput& e) {
        made.problem = e;
      }
      add_bytes(made, sizeof(Entry));
    }
    it->second.last_use = ++uses_;
    if (it->second.problem) throw BadInput(*it->second.problem);
    return it->second;
  }

  void add_bytes(Entry& entry, std::size_t bytes) {
    entry.bytes += bytes;
    bytes_ += bytes;
  }

  /// Drops the half of the programs that was not used for the longest time.
  void drop_old() {
    if (bytes_ + maker_.live_bytes() <= options_.program_bytes) return;
    std::vector<std::uint64_t> uses;
    for (const auto& [key, entry] : entries_) uses.push_back(entry.last_use);
    const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 2);
    std::nth_element(uses.begin(), middle, uses.end());
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (it->second.last_use <= *middle) {
        bytes_ -= it->second.bytes;
        it = entries_.erase(it);
      } else {
        ++it;
      }
    }
  }

  const ProgramCycles& cycles_of(Entry& entry, const ArchConfig& config) {
    const auto [it, is_new] = entry.cycles.try_emplace({config.latency(), config.beat_interval()});
    if (is_new) {
      try {
        it->second = entry.program->cycles(config.latency(), config.beat_interval(),
                                           RunOptions{}.watchdog_cycles, times_);
      } catch (...) {
        entry.cycles.erase(it);
        throw;
      }
      ++counts.schedules;
      add_bytes(entry, it->second.layers.size() * sizeof(LayerCycles) + 64);
    }
    return it->second;
  }

  const std::vector<std::uint64_t>& requests_of(Entry& entry, const ArchConfig& config) {
    auto& known = entry.requests[config.mem_burst_beats];
    if (known.empty()) known = entry.program->read_requests(config.mem_burst_beats);
    return known;
  }

  const LayerValueEvents& values_of(Entry& entry, const ArchConfig& config) {
    const bool exact = numeric_.exact(config.hw_acc_bits);
    std::string key = config.hw_zero_gating ? "gated" : "plain";
    if (!exact) key += config.hw_acc_overflow + std::to_string(config.hw_acc_bits);
    const auto [it, is_new] = entry.values.try_emplace(key);
    if (is_new) {
      try {
        it->second.events = exact ? exact_values(*entry.program, config) : all_values(config);
      } catch (const BadInput& e) {
        it->second.problem = e;
      } catch (...) {
        entry.values.erase(it);
        throw;
      }
      add_bytes(entry, it->second.events.size() * sizeof(ValueEvents));
    }
    if (it->second.problem) throw BadInput(*it->second.problem);
    return it->second.events;
  }

  /// Accumulators cannot overflow: a layer's counts are known as soon as any program that cuts its
  /// K elements alike was run.
  LayerValueEvents exact_values(const CompiledProgram& program, const ArchConfig& config) {
    const std::vector<CompiledLayer>& layers = program.layers();
    const auto key_of = [&](std::size_t i) {
      return std::to_string(i) + (config.hw_zero_gating ? "g" : "p") + layers[i].value_key;
    };
    LayerValueEvents out(layers.size());
    const auto look = [&] {
      for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].value_key.empty()) continue;
        const auto known = layer_values_.find(key_of(i));
        if (known == layer_values_.end()) return false;
        out[i] = known->second;
      }
      return true;
    };
    if (look()) return out;
    const LayerValueEvents run = all_values(config);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!layers[i].value_key.empty()) layer_values_[key_of(i)] = run[i];
    }
    return run;
  }

  LayerValueEvents all_values(const ArchConfig& config) {
    const RunReport report = run_values(config, work_.inferences);
    LayerValueEvents out;
    for (const LayerRow& row : report.layers) {
      out.push_back({row.events[Event::act_zero], row.events[Event::mac_gated],
                     row.events[Event::acc_overflow]});
    }
    return out;
  }

  RunReport run_values(const ArchConfig& config, const std::vector<Inference>& inferences) {
    ++counts.value_runs;
    Job job;
    job.workload = {work_.network, inferences};
    job.config = config;
    job.program = lower_network(job.workload.network, job.config);
    validate_program(job.program, job.config);
    job.energy = table_;
    job.accumulators = AccumulatorReport::off;
    return run_job(job, "fast", [](const std::string&) {});
  }

  void fill(const ArchConfig& config, const CompiledProgram& program, const ProgramCycles& cycles,
            const std::vector<std::uint64_t>& requests, const LayerValueEvents* values) {
    DesignPoint& p = point_;
    const auto n = static_cast<std::uint64_t>(work_.inferences.size());
    const std::vector<CompiledLayer>& layers = program.layers();
    p.layers.resize(layers.size());
    p.cycles_first = p.cycles_steady = cycles.total;
    p.cycles = n * cycles.total;
    p.inferences = static_cast<std::int64_t>(n);
    p.macs = p.macs_executed = 0;
    p.energy = {};
    p.events = {};
    Cycle lane_cycles = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const CompiledLayer& from = layers[i];
      const LayerCycles& layer = cycles.layers[i];
      PointLayer& to = p.layers[i];
      to.cycles = n * layer.cycles;
      to.compute_cycles = n * layer.compute_cycles;
      to.stalls = layer.stalls;
      for (const auto field : {&Stalls::ifmap, &Stalls::weight, &Stalls::param, &Stalls::psum,
                               &Stalls::store, &Stalls::token}) {
        to.stalls.*field *= n;
      }
      to.macs = p.inferences * from.macs;
      to.macs_executed = p.inferences * from.macs_executed;
      to.events = from.events;
      to.events[Event::mem_rd_req] = requests[i];
      for (std::uint64_t& count : to.events.count) count *= n;
      if (values != nullptr) {
        to.events[Event::act_zero] = (*values)[i].act_zero;
        to.events[Event::mac_gated] = (*values)[i].mac_gated;
        to.events[Event::acc_overflow] = (*values)[i].acc_overflow;
      }
      // As ReportBuilder::finish() does it.
      const Cycle lanes_used = to.cycles * static_cast<Cycle>(from.k_mapping.lanes);
      lane_cycles += lanes_used;
      to.utilization = utilization_of(to.macs_executed, lanes_used, config);
      to.energy = estimate(to.events, config, table_);
      p.macs += to.macs;
      p.macs_executed += to.macs_executed;
      p.events += to.events;
      p.energy += to.energy;
    }
    p.utilization = utilization_of(p.macs_executed, lane_cycles, config);
    const auto beat = static_cast<std::uint64_t>(config.beat_bytes());
    p.bytes_read = p.events[Event::mem_rd_beat] * beat;
    p.bytes_written = p.events[Event::mem_wr_beat] * beat;
    p.seconds_at_clock =
        static_cast<double>(p.cycles) / (static_cast<double>(config.hw_clock_mhz) * 1e6);
    p.onchip_bits = onchip_bits_of(config);
    p.offchip_bytes = program.image_bytes();
    p.tile_ops = static_cast<std::int64_t>(program.ops());
    p.value_events = values != nullptr;
  }

  const Workload& work_;
  const EnergyTable& table_;
  PointOptions options_;
  CompiledPartMaker maker_;
  ProgramSource source_;
  std::vector<std::string> inputs_;  ///< as CompiledProgram takes them
  NumericVariants numeric_;
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<std::string, ValueEvents> layer_values_;  ///< of exact sums
  std::size_t bytes_ = 0;
  std::uint64_t uses_ = 0;
  fast::ScheduleTimes times_;
  DesignPoint point_;
};

PointTimer::PointTimer(const Workload& work, const EnergyTable& table, PointOptions options)
    : impl_(std::make_unique<Impl>(work, table, options)) {
  keep_freed_memory();
}
PointTimer::~PointTimer() = default;
PointTimer::PointTimer(PointTimer&&) noexcept = default;

const DesignPoint& PointTimer::time(const ArchConfig& config) { return impl_->time(config); }
RunReport PointTimer::report(const ArchConfig& config) { return impl_->report(config); }
const std::vector<PointLayerName>& PointTimer::layers() const { return impl_->names; }
std::string PointTimer::numeric_key(const ArchConfig& config) { return impl_->numeric_key(config); }
NumericResult PointTimer::evaluate(const ArchConfig& config,
                                   const std::vector<Inference>& inferences) {
  return impl_->evaluate(config, inferences);
}
const PointCounts& PointTimer::counts() const {
  impl_->counts.plans = impl_->plans();
  impl_->counts.layers_lowered = impl_->layers_lowered();
  return impl_->counts;
}

}  // namespace tactus
