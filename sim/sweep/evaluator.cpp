// SPDX-License-Identifier: Apache-2.0
#include "sweep/evaluator.hpp"

#include <algorithm>
#include <chrono>

#include "energy/energy.hpp"
#include "numerics/errors.hpp"

namespace tactus::sweep {
namespace {

Value whole(std::uint64_t number) { return static_cast<std::int64_t>(number); }

void add_stalls(const Stalls& s, std::vector<Value>& cells) {
  for (const Cycle cycles : {s.ifmap, s.weight, s.param, s.psum, s.store, s.token}) {
    cells.push_back(whole(cycles));
  }
}

}  // namespace

std::string variant_hash(const LoadedModel& model, const std::string& numeric_key) {
  return sha256_of(model.sha256 + "\n" + numeric_key).substr(0, 32);
}

Evaluator::Evaluator(const Spec& spec, const PointList& points,
                     const std::vector<LoadedModel>& models, bool layers, AuditShare audit)
    : spec_(spec),
      points_(points),
      models_(models),
      layers_(layers),
      audit_(audit),
      columns_(columns_of(Table::points, spec).size()) {
  PointOptions options;
  options.value_events = spec.value_events;
  // One budget a process, whatever the number of models.
  options.program_bytes = std::max(options.program_bytes / models.size(), std::size_t{32} << 20);
  timers_.reserve(models.size());
  for (const auto& model : models) {
    timers_.emplace_back(model.work, default_energy_table(), options);
  }
}

std::vector<Value> Evaluator::head(std::uint64_t point, const ArchConfig& config) const {
  const LoadedModel& model = models_[points_.model(point)];
  std::vector<Value> cells = {config_hash(config) + "-" + model.sha256.substr(0, 12), whole(point),
                              std::string("ok"), std::monostate{}, model.label};
  for (const auto& axis : spec_.axes) {
    for (const auto& key : axis.keys) {
      const std::string text = get(config, key);
      const auto number = whole_number(text);
      cells.push_back(number ? Value(*number) : Value(text));
    }
  }
  return cells;
}

void Evaluator::add_figures(const DesignPoint& p, const ArchConfig& config,
                            std::vector<Value>& cells) const {
  for (const std::uint64_t n : {p.cycles, p.cycles_first, p.cycles_steady}) {
    cells.push_back(whole(n));
  }
  for (const std::int64_t n : {p.inferences, p.macs, p.macs_executed}) cells.emplace_back(n);
  for (const double x : {p.utilization, p.energy.value, p.energy.lo, p.energy.hi}) {
    cells.emplace_back(x);
  }
  for (const std::uint64_t n : {p.bytes_read, p.bytes_written, p.bytes_read + p.bytes_written}) {
    cells.push_back(whole(n));
  }
  cells.emplace_back(p.seconds_at_clock);
  Cycle compute = 0;
  Stalls stalls;
  for (const auto& layer : p.layers) {
    compute += layer.compute_cycles;
    stalls += layer.stalls;
  }
  cells.push_back(whole((p.onchip_bits + 7) / 8));
  cells.push_back(whole(p.offchip_bytes));
  cells.emplace_back(p.tile_ops);
  cells.emplace_back(config.hw_array_rows * config.hw_array_cols);
  cells.push_back(whole(compute));
  add_stalls(stalls, cells);
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    const bool known = p.value_events || !depends_on_values(event);
    cells.push_back(known ? whole(p.events[event]) : Value());
  }
}

void Evaluator::add_layers(std::uint64_t point, const PointTimer& timer, const DesignPoint& figures,
                           std::vector<TableRow>& rows) const {
  for (std::size_t i = 0; i < figures.layers.size(); ++i) {
    const PointLayer& layer = figures.layers[i];
    const PointLayerName& name = timer.layers().at(i);
    TableRow row{Table::layers,
                 {whole(point), whole(i), name.id, name.op, whole(layer.cycles),
                  whole(layer.compute_cycles)}};
    add_stalls(layer.stalls, row.cells);
    row.cells.emplace_back(layer.macs);
    row.cells.emplace_back(layer.macs_executed);
    row.cells.emplace_back(layer.utilization);
    row.cells.emplace_back(layer.energy.value);
    rows.push_back(std::move(row));
  }
}

std::vector<TableRow> Evaluator::evaluate(std::uint64_t point) {
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t number = points_.model(point);
  const LoadedModel& model = models_[number];
  PointTimer& timer = timers_[number];
  const ArchConfig config = points_.config(point);
  std::vector<TableRow> rows(1);
  std::vector<Value> cells = head(point, config);
  const std::vector<Value> bare = cells;
  const auto refuse = [&](const char* status, const std::string& reason) {
    rows.resize(1);
    cells = bare;
    cells[point_status] = std::string(status);
    cells[point_reason] = reason;
    cells.resize(columns_);
  };
  if (const Constraint* constraint = points_.excluded_by(point, config)) {
    refuse("excluded", constraint->name + ": " + constraint->condition.text());
  } else {
    try {
      validate(config);
      const DesignPoint& figures = timer.time(config);
      add_figures(figures, config, cells);
      if (layers_) add_layers(point, timer, figures, rows);
      cells.push_back(
          model.test_set.empty() ? Value() : Value(variant_hash(model, timer.numeric_key(config))));
    } catch (const BadInput& e) {
      refuse("invalid", e.what());
    } catch (const std::exception& e) {
      refuse("failed", e.what());
    }
  }
  const bool ok = cells[point_reason].index() == 0;
  rows[0].cells = std::move(cells);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  rows.push_back({Table::host_times, {whole(point), seconds.count()}});
  if (!ok || !audit_.takes(point)) return rows;
  const DesignPoint figures = timer.time(config);
  for (auto& row : audit_point(point, model, config, figures, default_energy_table())) {
    rows.push_back(std::move(row));
  }
  return rows;
}

TableRow Evaluator::evaluate_variant(std::uint64_t point) {
  const std::size_t number = points_.model(point);
  const LoadedModel& model = models_[number];
  const ArchConfig config = points_.config(point);
  const std::string key = timers_[number].numeric_key(config);
  TableRow row{Table::variants,
               {variant_hash(model, key), model.label, key, std::string("ok"), {}}};
  try {
    const NumericResult result = timers_[number].evaluate(config, model.test_set);
    if (!result.accuracy) throw InternalError("a test set with labels gave no accuracy");
    row.cells.emplace_back(result.accuracy->correct);
    row.cells.emplace_back(result.accuracy->count);
    row.cells.emplace_back(result.accuracy->top1());
  } catch (const BadInput& e) {
    row.cells[3] = std::string("overflow");
    row.cells[4] = std::string(e.what());
    row.cells.resize(8);
  }
  return row;
}

}  // namespace tactus::sweep
