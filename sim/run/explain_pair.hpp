// SPDX-License-Identifier: Apache-2.0
// Triage of a difference that check_job() met (triage/triage.hpp).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "backend/backend.hpp"
#include "report/finding.hpp"
#include "run/job.hpp"
#include "triage/probe.hpp"

namespace tactus {

/// What the reference makes of an inference on the job's architecture: outputs of all layers.
[[nodiscard]] std::map<std::string, QTensor> reference_tensors(const Job& job,
                                                               const Inference& inference);

struct DifferingRuns {
  std::size_t inference = 0;  ///< number in the workload
  const RunResult& expected;
  const RunResult& actual;
  std::string stands_still;  ///< not empty: the actual run ended so
  triage::Runner run_expected, run_actual;
};
[[nodiscard]] Finding explain_runs(const Job& job, const DifferingRuns& runs);

/// Tensors of two back ends of which at least one has no timing; nothing when they agree.
[[nodiscard]] std::optional<Finding> explain_outputs(const Job& job, std::size_t inference,
                                                     const std::map<std::string, QTensor>& expected,
                                                     const std::map<std::string, QTensor>& actual);

}  // namespace tactus
