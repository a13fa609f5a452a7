// SPDX-License-Identifier: Apache-2.0
#include "ref/reference.hpp"
#include "run/accumulators.hpp"
#include "run/job.hpp"

namespace tactus {
namespace {

/// Multiplications that a second pass may cost without being asked for.
constexpr std::int64_t automatic_limit = 1'000'000'000;

bool by_data(const Job& job) {
  if (job.accumulators != AccumulatorReport::automatic) {
    return job.accumulators == AccumulatorReport::on;
  }
  std::int64_t macs = 0;
  for (const auto& layer : job.program.layers) macs += layer.macs;
  return macs * static_cast<std::int64_t>(job.workload.inferences.size()) <= automatic_limit;
}

/// Ranges over all inferences, with accumulators wide enough not to change any value.
AccumulatorRanges observe(const Job& job, const Progress& progress) {
  RefOptions exact;
  exact.acc_bits = 62;
  std::map<std::string, KMapping> mappings;
  for (const auto& layer : job.program.layers) mappings[layer.id] = layer.k_mapping;
  AccumulatorRanges ranges;
  std::size_t done = 0;
  for (const auto& inference : job.workload.inferences) {
    progress("accumulators: inference " + std::to_string(++done) + " of " +
             std::to_string(job.workload.inferences.size()));
    auto tensors = run_reference(job.workload.network, inference.inputs, exact);
    tensors.insert(inference.inputs.begin(), inference.inputs.end());
    observe_accumulators(job.workload.network, tensors, mappings, ranges);
  }
  return ranges;
}

}  // namespace

AccumulatorNeeds accumulator_needs(const Job& job, const Progress& progress) {
  AccumulatorNeeds needs;
  for (const auto& [id, range] : worst_case_accumulators(job.workload.network)) {
    needs[id].worst_case_bits = range.bits();
  }
  if (!by_data(job)) return needs;
  for (const auto& [id, range] : observe(job, progress)) {
    AccumulatorNeed& need = needs.at(id);
    need.data_bits = range.bits();
    need.data_min = range.min;
    need.data_max = range.max;
  }
  return needs;
}

}  // namespace tactus
