// SPDX-License-Identifier: Apache-2.0
// Two result files side by side, per layer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "program/program.hpp"

namespace tactus {

struct ComparedLayer {
  Cycle cycles = 0, stalls = 0;
  double energy_pj = 0;
};

/// What compare needs of a tactus.run/1 (or tactus.check/1) file.
struct ComparedRun {
  std::string file, backend, model_name, config_hash;
  ComparedLayer total;
  std::vector<std::pair<std::string, ComparedLayer>> layers;  ///< in file order
};

struct LayerDelta {
  std::string id;
  std::optional<ComparedLayer> a, b;  ///< absent: the layer is in one file only
};

struct RunComparison {
  ComparedRun a, b;
  std::vector<LayerDelta> layers;  ///< those of a, then those that only b has
};

/// Throws BadInput naming the file when it cannot be read, is no JSON, misses a field or carries a
/// schema of another kind or version.
[[nodiscard]] ComparedRun read_run_json(const std::string& path);
[[nodiscard]] ComparedRun parse_run_json(const std::string& text, const std::string& path);
[[nodiscard]] RunComparison compare_runs(ComparedRun a, ComparedRun b);
[[nodiscard]] std::string to_text(const RunComparison& comparison, int columns);
/// schema/compare.schema.json
[[nodiscard]] std::string to_json(const RunComparison& comparison);

}  // namespace tactus
