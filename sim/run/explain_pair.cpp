// SPDX-License-Identifier: Apache-2.0
#include "run/explain_pair.hpp"

#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "ref/reference.hpp"
#include "triage/triage.hpp"

namespace tactus {
namespace {

Overflow policy_of(const ArchConfig& config) {
  for (const Overflow o : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (config.hw_acc_overflow == name_of(o)) return o;
  }
  throw InternalError("hw.acc_overflow " + config.hw_acc_overflow + " has no policy");
}

}  // namespace

std::map<std::string, QTensor> reference_tensors(const Job& job, const Inference& inference) {
  RefOptions options;
  options.acc_bits = static_cast<int>(job.config.hw_acc_bits);
  options.overflow = policy_of(job.config);
  for (const auto& layer : job.program.layers) options.k_mapping[layer.id] = layer.k_mapping;
  return run_reference(job.workload.network, inference.inputs, options);
}

Finding explain_runs(const Job& job, const DifferingRuns& runs) {
  const Inference& inference = job.workload.inferences.at(runs.inference);
  std::map<std::string, QTensor> tensors = reference_tensors(job, inference);
  tensors.insert(inference.inputs.begin(), inference.inputs.end());
  std::vector<std::uint8_t> memory = job.program.image;
  place_inputs(job.program, inference.inputs, memory);
  return triage::explain_difference(
      {job.workload.network, job.config, job.program, static_cast<int>(runs.inference), tensors,
       memory, runs.expected, runs.actual, runs.stands_still, job.backpressure_seed == 0,
       runs.run_expected, runs.run_actual, job.triage_seconds});
}

std::optional<Finding> explain_outputs(const Job& job, std::size_t inference,
                                       const std::map<std::string, QTensor>& expected,
                                       const std::map<std::string, QTensor>& actual) {
  return triage::explain_tensors(job.workload.network, static_cast<int>(inference), expected,
                                 actual);
}

}  // namespace tactus
