// SPDX-License-Identifier: Apache-2.0
#include "run/feed.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"

namespace tactus {
namespace {

/// Name of the network input that stands for a layer's golden tensor.
std::string fed_name(const std::string& id) { return id + "@golden"; }

/// Whether the layer reads its operands from golden tensors.
bool multiplies(const Layer& layer) { return !layer.weight.empty() || layer.op == LayerOp::matmul; }

class Feeder {
 public:
  explicit Feeder(const Job& job) : job_(job), network_(job.workload.network) {
    for (const Layer& layer : network_.layers) {
      const bool everywhere =
          std::all_of(job.workload.inferences.begin(), job.workload.inferences.end(),
                      [&](const Inference& one) { return one.expected.count(layer.id) != 0; });
      if (everywhere) golden_.insert(layer.id);
    }
  }

  /// Whether an operand of the layer is known: a golden tensor or a network input.
  [[nodiscard]] bool fed(const Layer& layer) const {
    return multiplies(layer) &&
           std::any_of(layer.inputs.begin(), layer.inputs.end(), [&](const std::string& input) {
             return golden_.count(input) != 0 || network_.find_input(input) != nullptr;
           });
  }

  /// The network with golden operands; every golden tensor is an output.
  [[nodiscard]] Job with_operands() const {
    Network out = network_;
    for (Layer& layer : out.layers) redirect(layer, out);
    for (const std::string& id : golden_) {
      if (std::find(out.outputs.begin(), out.outputs.end(), id) == out.outputs.end()) {
        out.outputs.push_back(id);
      }
    }
    return lowered(std::move(out));
  }

  /// Only the layers with golden accumulators and known operands, giving raw accumulators; no
  /// layers if there are none.
  [[nodiscard]] Network accumulators() const {
    Network out = network_;
    out.layers.clear();
    out.outputs.clear();
    for (const Layer& layer : network_.layers) {
      const bool known =
          std::all_of(job_.workload.inferences.begin(), job_.workload.inferences.end(),
                      [&](const Inference& one) { return one.accumulators.count(layer.id) != 0; });
      if (!known || !fed(layer) || layer.weight.empty()) continue;
      Layer raw = layer;
      raw.out_format = Format{32, true, 0};
      raw.requant = Requant{};
      raw.requant.clamp_min = raw.out_format.min();
      raw.requant.clamp_max = raw.out_format.max();
      redirect(raw, out);
      out.outputs.push_back(raw.id);
      out.layers.push_back(std::move(raw));
    }
    drop_unread_inputs(out);
    return out;
  }

  /// A job for a changed network, with the golden tensors that it reads among the inputs.
  [[nodiscard]] Job lowered(Network network) const {
    check_network(network);
    Job job = job_;
    job.accumulators = AccumulatorReport::off;
    job.observer = nullptr;
    for (Inference& one : job.workload.inferences) {
      std::map<std::string, QTensor> inputs;
      for (const NetworkInput& input : network.inputs) {
        const auto plain = one.inputs.find(input.name);
        inputs.emplace(input.name, plain != one.inputs.end() ? plain->second
                                                             : one.expected.at(source(input.name)));
      }
      one.inputs = std::move(inputs);
    }
    job.workload.network = std::move(network);
    job.program = lower_network(job.workload.network, job.config);
    validate_program(job.program, job.config);
    return job;
  }

 private:
  static std::string source(const std::string& name) { return name.substr(0, name.find('@')); }

  void redirect(Layer& layer, Network& network) const {
    if (!multiplies(layer)) return;
    for (std::string& operand : layer.inputs) {
      if (golden_.count(operand) == 0) continue;
      NetworkInput input;
      input.name = fed_name(operand);
      input.shape = network_.shape_of(operand);
      input.format = network_.format_of(operand);
      operand = input.name;
      if (network.find_input(input.name) == nullptr) network.inputs.push_back(std::move(input));
    }
  }

  static void drop_unread_inputs(Network& network) {
    const auto unread = [&](const NetworkInput& input) {
      return std::none_of(network.layers.begin(), network.layers.end(), [&](const Layer& layer) {
        return std::find(layer.inputs.begin(), layer.inputs.end(), input.name) !=
               layer.inputs.end();
      });
    };
    network.inputs.erase(std::remove_if(network.inputs.begin(), network.inputs.end(), unread),
                         network.inputs.end());
  }

  const Job& job_;
  const Network& network_;
  std::set<std::string> golden_;
};

using Counts = std::map<std::string, FedCount>;

/// Runs a job and counts differences per layer; `wanted` gives an inference's expected tensors.
RunReport run_and_count(Job job, const std::string& backend, const Progress& progress,
                        std::map<std::string, QTensor> Inference::*wanted, const char* what,
                        Counts& counts, std::string& first) {
  job.tensors = [&](const Inference& one, const std::map<std::string, QTensor>& tensors) {
    for (const auto& [id, want] : one.*wanted) {
      const auto got = tensors.find(id);
      if (got == tensors.end()) continue;
      FedCount& count = counts[id];
      for (std::size_t i = 0; i < want.data.size(); ++i) {
        count.add(want.data[i], got->second.data[i]);
        if (!first.empty() || want.data[i] == got->second.data[i]) continue;
        first = one.name + ", layer " + id + ", " + what + " " + std::to_string(i) +
                ": the model file has " + std::to_string(want.data[i]) + ", " + backend + " has " +
                std::to_string(got->second.data[i]);
      }
    }
  };
  return run_job(job, backend, progress);
}

}  // namespace

FeedReport run_fed(const Job& job, const std::string& backend, const Progress& progress) {
  const Feeder feeder(job);
  const Network& network = job.workload.network;
  if (std::none_of(network.layers.begin(), network.layers.end(),
                   [&](const Layer& layer) { return feeder.fed(layer); })) {
    throw BadInput(network.file + ": --feed golden: no layer has a golden operand", network.file);
  }
  FeedReport report;
  Counts outputs, accumulators;
  Network raw = feeder.accumulators();
  if (!raw.layers.empty()) {
    static_cast<void>(run_and_count(feeder.lowered(std::move(raw)), backend, progress,
                                    &Inference::accumulators, "accumulator", accumulators,
                                    report.first_difference));
  }
  report.run = run_and_count(feeder.with_operands(), backend, progress, &Inference::expected,
                             "output", outputs, report.first_difference);
  for (const Layer& layer : network.layers) {
    FedLayer row{layer.id, layer.source_name, name_of(layer.op), feeder.fed(layer), {}, {}};
    const auto output = outputs.find(layer.id);
    if (output != outputs.end()) row.output = output->second;
    const auto sums = accumulators.find(layer.id);
    if (sums != accumulators.end()) row.accumulators = sums->second;
    report.layers.push_back(std::move(row));
  }
  return report;
}

}  // namespace tactus
