// SPDX-License-Identifier: Apache-2.0
#include "dut/dut_check.hpp"

#include <chrono>
#include <map>

#include "dut/dut_layer.hpp"
#include "numerics/errors.hpp"
#include "ref/reference.hpp"

namespace tactus {
namespace {

using Tensors = std::map<std::string, QTensor>;

/// Values are defined by exact sums; narrower accumulators belong to one architecture.
RefOptions exact() {
  RefOptions options;
  options.acc_bits = 62;
  return options;
}

/// The reference's result of one layer for given inputs.
QTensor reference_of(const Network& network, const Layer& layer, const Tensors& tensors) {
  Network alone;
  alone.name = network.name;
  alone.file = network.file;
  Tensors inputs;
  for (const std::string& name : layer.inputs) {
    NetworkInput input;
    input.name = name;
    input.shape = network.shape_of(name);
    input.format = network.format_of(name);
    if (inputs.emplace(name, tensors.at(name)).second) alone.inputs.push_back(std::move(input));
  }
  alone.layers.push_back(layer);
  return run_reference(alone, inputs, exact()).at(layer.id);
}

class Checker {
 public:
  Checker(const Workload& workload, const RunReport& ours, const DutOptions& options,
          const std::function<void(const std::string&)>& progress)
      : network_(workload.network), progress_(progress) {
    report_.library = options.setup.library;
    report_.model_name = network_.name;
    report_.model_sha256 = network_.sha256;
    report_.config_hash = ours.config_hash;
    report_.options = options;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer& layer = network_.layers[i];
      DutLayerRow row;
      row.id = layer.id;
      row.source_name = layer.source_name;
      row.op = name_of(layer.op);
      row.fused_into = ours.layers.at(i).fused_into;
      // Cycles do not depend on values: all inferences take the same.
      row.cycles_tactus = ours.layers.at(i).cycles / static_cast<Cycle>(ours.inferences);
      report_.layers.push_back(std::move(row));
    }
  }

  void ask(DutProcess& dut) {
    for (std::size_t i = 0; i < report_.layers.size(); ++i) {
      DutLayerRow& row = report_.layers[i];
      const std::string beyond =
          not_described(network_, network_.layers[i], TACTUS_DUT_ABI_VERSION);
      row.unsupported = beyond.empty()
                            ? dut.refusal(i).value_or("")
                            : "tactus_dut.h version " + std::to_string(TACTUS_DUT_ABI_VERSION) +
                                  " does not describe " + beyond;
      if (!row.unsupported.empty() && report_.options.need_all) {
        differ("layer " + row.id + " is not supported: " + row.unsupported);
      }
    }
    if (report_.checked() > 0) return;
    throw BadInput(report_.library + " supports no layer of " + network_.name + ", the first (" +
                       report_.layers.at(0).id + ") because: " + report_.layers.at(0).unsupported,
                   report_.library, report_.layers.at(0).id);
  }

  void run(DutProcess& dut, const Inference& inference) {
    progress_("reference: " + inference.name);
    Tensors expected = run_reference(network_, inference.inputs, exact());
    for (const auto& [name, tensor] : inference.inputs) expected.emplace(name, tensor);
    compare_golden(inference, expected);
    Tensors tensors = report_.options.chain ? inference.inputs : expected;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer& layer = network_.layers[i];
      DutLayerRow& row = report_.layers[i];
      QTensor output{layer.out_shape, layer.out_format, {}};
      if (row.unsupported.empty()) {
        progress_("dut: " + inference.name + ", layer " + layer.id);
        output.data = run_layer(dut, i, tensors);
        compare(inference.name, row, expected.at(layer.id), output);
      } else if (report_.options.chain) {
        output = reference_of(network_, layer, tensors);
      }
      if (report_.options.chain) {
        require_format(layer, output);
        tensors.insert_or_assign(layer.id, std::move(output));
      }
    }
    ++report_.inferences;
  }

  DutReport finish() {
    for (DutLayerRow& row : report_.layers) {
      row.cycles_tactus *= static_cast<Cycle>(report_.inferences);
    }
    if (report_.options.compare_cycles) compare_cycles();
    return std::move(report_);
  }

  [[nodiscard]] bool good() const { return report_.equal(); }

 private:
  void differ(const std::string& text) {
    if (report_.first_difference.empty()) report_.first_difference = text;
  }

  std::vector<std::int32_t> run_layer(DutProcess& dut, std::size_t index, const Tensors& tensors) {
    std::vector<const QTensor*> inputs;
    for (const std::string& name : network_.layers[index].inputs) {
      inputs.push_back(&tensors.at(name));
    }
    DutRun result = dut.run(index, inputs);
    std::optional<Cycle>& cycles = report_.layers[index].cycles_dut;
    if (result.cycles) cycles = cycles.value_or(0) + *result.cycles;
    return std::move(result.output);
  }

  void compare(const std::string& inference, DutLayerRow& row, const QTensor& want,
               const QTensor& got) {
    const auto w = static_cast<std::size_t>(want.shape.w),
               h = static_cast<std::size_t>(want.shape.h);
    std::int64_t mismatches = 0;
    DutMismatch first;
    for (std::size_t i = 0; i < want.data.size(); ++i) {
      if (want.data[i] == got.data[i]) continue;
      if (mismatches++ > 0) continue;
      first = {inference,
               static_cast<int>(i / (w * h)),
               static_cast<int>(i / w % h),
               static_cast<int>(i % w),
               want.data[i],
               got.data[i],
               got.data[i] != dut_unwritten};
    }
    row.compared += static_cast<std::int64_t>(want.data.size());
    row.mismatches += mismatches;
    if (mismatches == 0 || row.first_mismatch) return;
    row.first_mismatch = first;
    differ(inference + ", layer " + row.id + " (" + row.op + "), element [" +
           std::to_string(first.c) + "," + std::to_string(first.y) + "," + std::to_string(first.x) +
           "]: the reference has " + std::to_string(first.expected) + ", the DUT " +
           (first.written ? "has " + std::to_string(first.actual) : "wrote nothing") + "; " +
           std::to_string(mismatches) + " of " + std::to_string(want.data.size()) +
           " values of the layer differ");
  }

  /// A later layer cannot be fed with values outside its declared input format.
  void require_format(const Layer& layer, const QTensor& tensor) const {
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
      if (tensor.format.holds(tensor.data[i])) continue;
      throw BadInput(report_.library + " gives the value " + std::to_string(tensor.data[i]) +
                         " in layer " + layer.id + ", whose output holds " +
                         std::to_string(tensor.format.min()) + " to " +
                         std::to_string(tensor.format.max()) + "; it cannot be chained",
                     report_.library, layer.id);
    }
  }

  void compare_golden(const Inference& inference, const Tensors& reference) {
    if (inference.expected.empty()) return;
    if (!report_.golden) report_.golden.emplace();
    OutputComparison& count = *report_.golden;
    for (const auto& [id, want] : inference.expected) {
      const auto& got = reference.at(id).data;
      for (std::size_t i = 0; i < want.data.size(); ++i) {
        ++count.compared;
        if (want.data[i] == got[i]) continue;
        if (count.mismatches++ > 0) continue;
        count.first_mismatch = inference.name + ", layer " + id + " value " + std::to_string(i) +
                               ": the model file has " + std::to_string(want.data[i]) +
                               ", the reference " + std::to_string(got[i]);
      }
    }
  }

  void compare_cycles() {
    for (DutLayerRow& row : report_.layers) {
      if (!row.fused_into.empty() || !row.cycles_dut) continue;
      row.cycles_equal = *row.cycles_dut == row.cycles_tactus;
      if (*row.cycles_equal) continue;
      differ("layer " + row.id + " (" + row.op + ") takes " + std::to_string(row.cycles_tactus) +
             " cycles on tactus' accelerator and " + std::to_string(*row.cycles_dut) +
             " on the DUT");
    }
  }

  const Network& network_;
  const std::function<void(const std::string&)>& progress_;
  DutReport report_;
};

}  // namespace

std::int64_t DutReport::checked() const {
  std::int64_t count = 0;
  for (const DutLayerRow& row : layers) count += row.unsupported.empty() ? 1 : 0;
  return count;
}

std::int64_t DutReport::compared() const {
  std::int64_t count = 0;
  for (const DutLayerRow& row : layers) count += row.compared;
  return count;
}

std::int64_t DutReport::mismatches() const {
  std::int64_t count = 0;
  for (const DutLayerRow& row : layers) count += row.mismatches;
  return count;
}

DutReport check_dut(const Workload& workload, const RunReport& ours, const DutOptions& options,
                    const std::function<void(const std::string&)>& progress) {
  const auto begin = std::chrono::steady_clock::now();
  Checker checker(workload, ours, options, progress);
  DutProcess dut(workload.network, options.setup);
  checker.ask(dut);
  for (const Inference& inference : workload.inferences) {
    checker.run(dut, inference);
    if (!checker.good()) break;
  }
  // A library that dies in destroy() does not hide a difference.
  if (checker.good()) dut.finish();
  DutReport report = checker.finish();
  report.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

}  // namespace tactus
