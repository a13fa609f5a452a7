// SPDX-License-Identifier: Apache-2.0
// Design points and runs of the fast back end as texts that can be compared.
#pragma once

#include <sstream>
#include <string>

#include "../property/case.hpp"
#include "explore/design_point.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "run/job.hpp"

namespace tactus::explore_test {

using tactus::property::Random;

inline constexpr auto quiet = [](const std::string&) {};

inline std::string json_of(RunReport report) {
  report.outputs.reset();
  report.accuracy.reset();
  report.accumulators.clear();
  report.wall_seconds = 0;
  return to_json(report);
}

/// What `tactus run --backend fast` says: its JSON or its error.
inline std::string run(const Workload& work, const ArchConfig& config) {
  try {
    validate(config);
    Job job;
    job.workload = work;
    job.config = config;
    job.program = lower_network(work.network, config);
    validate_program(job.program, config);
    job.energy = default_energy_table();
    job.accumulators = AccumulatorReport::off;
    return json_of(run_job(job, "fast", quiet));
  } catch (const BadInput& e) {
    return e.what();
  }
}

inline std::string timed(PointTimer& timer, const ArchConfig& config) {
  try {
    return json_of(timer.report(config));
  } catch (const BadInput& e) {
    return e.what();
  }
}

inline Inference random_inference(const Network& network) {
  Inference inference;
  inference.name = "random";
  Random random(3);
  for (const auto& input : network.inputs) {
    QTensor t;
    t.shape = input.shape;
    t.format = input.format;
    for (std::int64_t i = 0; i < t.shape.count(); ++i) {
      t.data.push_back(static_cast<std::int32_t>(random.value(t.format, false)));
    }
    inference.inputs.emplace(input.name, t);
  }
  return inference;
}

/// The first line that differs, with the one before it; empty when all are equal.
inline std::string first_difference(const std::string& a, const std::string& b) {
  if (a == b) return {};
  std::istringstream lines_a(a), lines_b(b);
  std::string before, line_a, line_b;
  while (std::getline(lines_a, line_a)) {
    if (!std::getline(lines_b, line_b)) line_b = "(end)";
    if (line_a != line_b) break;
    before = line_a;
  }
  return before + "\n point: " + line_a + "\n run:   " + line_b;
}

}  // namespace tactus::explore_test
