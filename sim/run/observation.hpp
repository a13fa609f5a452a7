// SPDX-License-Identifier: Apache-2.0
// Waves and coverage of a job's runs: which cycles, which build, which files.
#pragma once

#include <optional>
#include <string>

#include "backend/backend.hpp"
#include "run/job.hpp"
#include "waves/coverage_file.hpp"

namespace tactus {

/// Reads "A:B" or looks a layer up in a run of the fast back end. Throws BadInput.
[[nodiscard]] std::pair<Cycle, Cycle> wave_window(const Job& job, const std::string& window);

/// Observes the runs of one back end of a job. The first input is traced, all are covered.
class Observation {
 public:
  /// Makes the RTL build that is needed, unless the job names one. `wait_for_difference`: nothing
  /// is traced until around() says what. Throws BadInput for a back end that cannot be observed.
  Observation(const Job& job, const std::string& backend, const Progress& progress,
              bool wait_for_difference);

  [[nodiscard]] bool wants_window() const { return waiting_; }
  /// The window around a difference; the next run is traced.
  void around(std::pair<Cycle, Cycle> window);

  void before(RunOptions& options);
  void after(RunOptions& options);
  /// Writes what belongs to all runs.
  void finish();

 private:
  void build(const Progress& progress) const;

  const Job& job_;
  std::string backend_;
  bool waiting_ = false;
  std::optional<WaveWindow> window_;
  CoverageCounts coverage_;
};

}  // namespace tactus
