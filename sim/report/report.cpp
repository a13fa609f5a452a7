// SPDX-License-Identifier: Apache-2.0
#include "report/report.hpp"

#include <algorithm>

namespace tactus {
double utilization_of(std::int64_t macs, Cycle lane_cycles, const ArchConfig& config) {
  if (lane_cycles == 0) return 0;
  const auto pes = static_cast<double>(config.hw_array_rows * config.hw_array_cols);
  return std::min(1.0, static_cast<double>(macs) / (static_cast<double>(lane_cycles) * pes));
}

ReportBuilder::ReportBuilder(const Program& program, const ArchConfig& config,
                             const EnergyTable& table, RunIdentity identity)
    : program_(program), config_(config), table_(table) {
  report_.identity = std::move(identity);
  report_.config_hash = config_hash(config);
  report_.config_values = effective(config);
  report_.energy_table = table.name;
  for (const LayerInfo& info : program.layers) {
    LayerRow row;
    row.id = info.id;
    row.source_name = info.source_name;
    row.op = info.op;
    row.fused_into = info.fused_into;
    report_.layers.push_back(std::move(row));
  }
}

void ReportBuilder::add(const RunResult& result) {
  if (report_.inferences == 0) report_.cycles_first = result.cycles;
  report_.cycles_steady = result.cycles;
  report_.cycles += result.cycles;
  report_.wall_seconds += result.wall_seconds;
  ++report_.inferences;
  for (std::size_t i = 0; i < report_.layers.size(); ++i) {
    report_.layers[i].macs += program_.layers[i].macs;
    report_.layers[i].macs_executed += program_.layers[i].macs_executed;
  }
  if (program_.ops.empty()) return;
  const std::vector<LayerTiming> timings = layer_timings(program_, result.retired);
  for (std::size_t i = 0; i < timings.size(); ++i) {
    LayerRow& row = report_.layers[i];
    row.cycles += timings[i].cycles;
    row.compute_cycles += timings[i].compute_cycles;
    row.stalls += timings[i].stalls;
    row.events += timings[i].events;
  }
}

RunReport ReportBuilder::finish() {
  RunReport report = report_;
  Cycle lane_cycles = 0;
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    LayerRow& row = report.layers[i];
    const Cycle lanes_used = row.cycles * static_cast<Cycle>(program_.layers[i].k_mapping.lanes);
    lane_cycles += lanes_used;
    row.utilization = utilization_of(row.macs_executed, lanes_used, config_);
    row.energy = estimate(row.events, config_, table_);
    report.macs += row.macs;
    report.macs_executed += row.macs_executed;
    report.events += row.events;
    report.energy += row.energy;
  }
  report.utilization = utilization_of(report.macs_executed, lane_cycles, config_);
  const auto beat = static_cast<std::uint64_t>(config_.beat_bytes());
  report.bytes_read = report.events[Event::mem_rd_beat] * beat;
  report.bytes_written = report.events[Event::mem_wr_beat] * beat;
  report.seconds_at_clock =
      static_cast<double>(report.cycles) / (static_cast<double>(config_.hw_clock_mhz) * 1e6);
  return report;
}

RunReport make_report(const Program& program, const ArchConfig& config, const EnergyTable& table,
                      RunIdentity identity, const std::vector<RunResult>& results) {
  ReportBuilder builder(program, config, table, std::move(identity));
  for (const RunResult& result : results) builder.add(result);
  return builder.finish();
}

bool CheckReport::equal() const {
  return std::all_of(pairs.begin(), pairs.end(), [](const PairResult& p) { return p.equal(); });
}

}  // namespace tactus
