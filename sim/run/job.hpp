// SPDX-License-Identifier: Apache-2.0
// Runs a workload on one or several back ends and collects what the reports need.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "energy/energy.hpp"
#include "program/program.hpp"
#include "report/report.hpp"
#include "run/workload.hpp"

namespace tactus {

/// One line of progress, to be shown or not.
using Progress = std::function<void(const std::string&)>;

/// Whether runs also say how wide accumulators have to be by data, which takes a second pass over
/// all multiplications: automatic means up to 1e9 of them.
enum class AccumulatorReport { automatic, on, off };

/// Waves that a user asks for, of the first input.
struct WaveRequest {
  std::string file;
  WaveFormat format = WaveFormat::fst;
  /// "A:B": cycles A to B - 1; a layer id: from the first start to the last retirement of its ops;
  /// empty: the whole run, in check a window around the first difference.
  std::string window;
};

struct Job {
  Workload workload;
  ArchConfig config;
  Program program;  ///< validated
  EnergyTable energy;
  std::uint64_t backpressure_seed = 0;  ///< rtl only
  int fault = 0;                        ///< test builds only
  std::string fault_backend;            ///< where the fault is seeded
  std::string rtl_library;              ///< build that rtl uses, empty: the one that fits
  bool stop_early = false;              ///< check: end an rtl run at its first difference
  AccumulatorReport accumulators = AccumulatorReport::automatic;
  int threads = 1;  ///< that share the values of an op, fast only
  std::optional<WaveRequest> waves;
  std::string coverage_file;  ///< of the RTL, empty: none
  [[nodiscard]] bool observed() const { return waves || !coverage_file.empty(); }
  double triage_seconds = 30;  ///< check: host time for looking into a difference
  /// Called by run_job() with each inference's name and result, back ends with timing only.
  std::function<void(const std::string&, const RunResult&)> observer;
  /// Called by run_job() with each inference and its tensors by layer id, on every back end.
  std::function<void(const Inference&, const std::map<std::string, QTensor>&)> tensors;
};

/// Loads, lowers and validates.
[[nodiscard]] Job make_job(const std::string& model, const ArchConfig& config,
                           const std::string& inputs, std::size_t limit);

/// Worst case from the weights, and by data from the job's inferences if its setting allows.
[[nodiscard]] AccumulatorNeeds accumulator_needs(const Job& job, const Progress& progress);

/// Runs all inferences on one back end (`ref` too).
[[nodiscard]] RunReport run_job(const Job& job, const std::string& backend,
                                const Progress& progress);

/// Runs all inferences on all back ends and compares; stops at the first inference with a
/// difference. The first back end with timing is the one that is reported and compared with.
[[nodiscard]] CheckReport check_job(const Job& job, const std::vector<std::string>& backends,
                                    const Progress& progress);

}  // namespace tactus
