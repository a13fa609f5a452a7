// SPDX-License-Identifier: Apache-2.0
// Compares somebody else's accelerator with the reference, layer by layer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dut/dut_process.hpp"
#include "report/report.hpp"
#include "run/workload.hpp"

namespace tactus {

struct DutOptions {
  DutSetup setup;
  bool chain = false;           ///< layers read what the accelerator gave, not the reference
  bool compare_cycles = false;  ///< other cycles than ours are a difference
  bool need_all = false;        ///< a layer that is not supported is a difference
};

/// The first value of a layer that differs.
struct DutMismatch {
  std::string inference;
  int c = 0, y = 0, x = 0;
  std::int64_t expected = 0, actual = 0;
  bool written = true;  ///< false: the library left the element as it was
};

struct DutLayerRow {
  std::string id, source_name, op;
  std::string fused_into;   ///< not empty: tactus' accelerator does it within that layer
  std::string unsupported;  ///< reason, empty when the accelerator ran the layer
  Cycle cycles_tactus = 0;  ///< of the fast model, over the inferences that ran
  std::optional<Cycle> cycles_dut;
  std::optional<bool> cycles_equal;  ///< with compare_cycles, where both have some
  std::int64_t compared = 0, mismatches = 0;
  std::optional<DutMismatch> first_mismatch;
};

struct DutReport {
  std::string library;
  std::string model_name, model_sha256, config_hash;
  DutOptions options;
  std::int64_t inferences = 0;
  std::vector<DutLayerRow> layers;
  std::optional<OutputComparison> golden;  ///< the reference with the model's golden tensors
  std::string first_difference;            ///< one sentence, empty without
  double wall_seconds = 0;

  [[nodiscard]] std::int64_t checked() const;  ///< layers that ran
  [[nodiscard]] std::int64_t compared() const;
  [[nodiscard]] std::int64_t mismatches() const;
  [[nodiscard]] bool equal() const {
    return first_difference.empty() && (!golden || golden->mismatches == 0);
  }
};

/// Runs every inference through the accelerator, with exact accumulators in the reference, and
/// stops behind the first inference with a difference. `ours` is a run of the same inferences with
/// timing. Throws BadInput when the library cannot be used (DutProcess) or supports no layer.
[[nodiscard]] DutReport check_dut(const Workload& workload, const RunReport& ours,
                                  const DutOptions& options,
                                  const std::function<void(const std::string&)>& progress);

[[nodiscard]] std::string to_text(const DutReport& report);
/// schema/dut_check.schema.json
[[nodiscard]] std::string to_json(const DutReport& report);

}  // namespace tactus
