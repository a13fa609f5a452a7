// SPDX-License-Identifier: Apache-2.0
// What a user reads of a run, computed from RunResults without knowing which back end ran. For
// reports only: floating point is allowed here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "energy/energy.hpp"
#include "events/events.hpp"
#include "program/program.hpp"
#include "report/finding.hpp"
#include "report/layer_cost.hpp"
#include "report/stalls.hpp"

#ifndef TACTUS_VERSION
#define TACTUS_VERSION "0.1.0"
#endif

namespace tactus {

/// Name and version as written in the field `tool`.
inline constexpr const char* tool_text = "tactus " TACTUS_VERSION;

/// What ran, besides program and architecture.
struct RunIdentity {
  std::string backend;
  std::string model_name, model_sha256;
};

/// One layer, summed over all inferences.
struct LayerRow {
  std::string id, source_name, op;
  std::string fused_into;  ///< not empty: its work is part of that layer's row
  Cycle cycles = 0;        ///< last retire minus the last retire of all layers before
  Cycle compute_cycles = 0;
  Stalls stalls;
  std::int64_t macs = 0, macs_executed = 0;
  double utilization = 0;  ///< 0..1; work that overlapped the layer before can only reach 1
  Energy energy;
  EventCounts events;
};

struct OutputComparison {
  std::int64_t compared = 0, mismatches = 0;
  std::string first_mismatch;  ///< one sentence, empty without mismatches
};

struct Accuracy {
  std::int64_t correct = 0, count = 0;
  [[nodiscard]] double top1() const {
    return count == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(count);
  }
};

/// How wide a layer's accumulators have to be, partial sums and bias included.
struct AccumulatorNeed {
  int worst_case_bits = 0;       ///< enough for any input of the declared formats
  std::optional<int> data_bits;  ///< enough for the inputs that were looked at
  std::int64_t data_min = 0, data_max = 0;
};
using AccumulatorNeeds = std::map<std::string, AccumulatorNeed>;  ///< by layer id

/// One line: the widest needs and the layers that have them; empty without layers.
[[nodiscard]] std::string accumulator_line(const AccumulatorNeeds& needs);

struct RunReport {
  RunIdentity identity;
  std::string config_hash;
  std::vector<std::pair<std::string, std::string>> config_values;
  std::string energy_table;

  // Totals over all inferences.
  Cycle cycles = 0;
  Cycle cycles_first = 0, cycles_steady = 0;  ///< of the first and of the last inference
  std::int64_t inferences = 0;
  std::int64_t macs = 0, macs_executed = 0;
  double utilization = 0;
  Energy energy;
  EventCounts events;
  std::uint64_t bytes_read = 0, bytes_written = 0;  ///< off-chip
  double seconds_at_clock = 0;

  std::vector<LayerRow> layers;
  std::optional<OutputComparison> outputs;  ///< with golden tensors
  std::optional<Accuracy> accuracy;         ///< with labels
  AccumulatorNeeds accumulators;
  double wall_seconds = 0;  ///< host time of the runs
};

/// Collects runs of one program one after the other, so that a test set needs no more memory than
/// one run.
class ReportBuilder {
 public:
  /// Keeps references to program, config and table until finish(). A back end without timing
  /// (ref) gives a program with layers and no ops.
  ReportBuilder(const Program& program, const ArchConfig& config, const EnergyTable& table,
                RunIdentity identity);
  /// One inference. Throws InternalError when the retire stream is not that of the program.
  void add(const RunResult& result);
  [[nodiscard]] RunReport finish();

 private:
  const Program& program_;
  const ArchConfig& config_;
  const EnergyTable& table_;
  RunReport report_;
};

[[nodiscard]] RunReport make_report(const Program& program, const ArchConfig& config,
                                    const EnergyTable& table, RunIdentity identity,
                                    const std::vector<RunResult>& results);

/// Executed MACs per lane of the PEs in these lane cycles (cycles x lanes of the layer), 0..1.
[[nodiscard]] double utilization_of(std::int64_t macs, Cycle lane_cycles, const ArchConfig& config);

/// A table per layer and the totals, no line longer than `columns` (80 or more) except names; from
/// 120 columns on with the stalls by cause.
[[nodiscard]] std::string to_text(const RunReport& report, int columns);
/// schema/run.schema.json
[[nodiscard]] std::string to_json(const RunReport& report);

/// Two back ends compared.
struct PairResult {
  std::string a, b;
  bool outputs_equal = false;
  std::optional<bool> cycles_equal, events_equal;  ///< absent when one of them has no timing
  std::string first_difference;                    ///< names layer and tile op; empty when equal
  std::optional<Finding> finding = {};             ///< what triage made of it
  [[nodiscard]] bool equal() const {
    return outputs_equal && cycles_equal.value_or(true) && events_equal.value_or(true);
  }
};

struct CheckReport {
  RunReport run;  ///< of the first back end with timing
  std::vector<PairResult> pairs;
  [[nodiscard]] bool equal() const;
};
[[nodiscard]] std::string to_text(const CheckReport& report, int columns);
/// schema/check.schema.json
[[nodiscard]] std::string to_json(const CheckReport& report);

/// schema/error.schema.json; `code` is the exit code.
[[nodiscard]] std::string error_to_json(int code, const std::string& file, const std::string& layer,
                                        const std::string& message);
/// schema/config.schema.json: every key with value, default, range, unit, binding and doc.
[[nodiscard]] std::string config_to_json(const ArchConfig& config);
/// schema/inspect.schema.json: layers with their mapping, tensors with their place.
[[nodiscard]] std::string inspect_to_json(const Program& program, const ArchConfig& config,
                                          const std::string& model_name,
                                          const std::string& model_sha256,
                                          const AccumulatorNeeds& accumulators,
                                          const LayerCosts& costs = {});

}  // namespace tactus
