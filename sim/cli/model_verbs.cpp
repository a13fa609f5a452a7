// SPDX-License-Identifier: Apache-2.0
// run, check, inspect, disasm, compare.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <thread>

#include "cli/console.hpp"
#include "cli/trace_files.hpp"
#include "cli/verbs.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "report/compare.hpp"
#include "report/text_table.hpp"
#include "run/backends.hpp"
#include "run/feed.hpp"
#include "run/layer_costs.hpp"

namespace tactus {

namespace {

const std::string& model_of(const CommandLine& line) {
  if (line.positional.size() != 1) {
    throw BadInput("tactus " + line.verb + " takes one MODEL, got " +
                   std::to_string(line.positional.size()));
  }
  return line.positional[0];
}

WaveRequest wave_request(const CommandLine& line) {
  const std::size_t colon = line.trace.find(':');
  const std::string format = line.trace.substr(0, colon);
  WaveRequest request;
  if (colon == std::string::npos || colon + 1 == line.trace.size() ||
      (format != "fst" && format != "vcd")) {
    throw BadInput("--trace takes FORMAT FILE with FORMAT fst or vcd, not " + line.trace);
  }
  request.format = format == "fst" ? WaveFormat::fst : WaveFormat::vcd;
  request.file = line.trace.substr(colon + 1);
  request.window = line.trace_window;
  return request;
}

Job job_of(const CommandLine& line) {
  Job job = make_job(model_of(line), line.config, line.inputs, line.limit);
  job.backpressure_seed = line.backpressure;
  job.fault = line.fault;
  job.fault_backend = line.fault_backend;
  job.rtl_library = line.rtl_library;
  job.stop_early = line.stop_early;
  job.coverage_file = line.coverage;
  if (!line.trace.empty()) job.waves = wave_request(line);
  if (line.trace.empty() && !line.trace_window.empty()) {
    throw BadInput("--trace-window needs --trace FORMAT FILE");
  }
  if (line.accumulators == "on") {
    job.accumulators = AccumulatorReport::on;
  } else if (line.accumulators == "off") {
    job.accumulators = AccumulatorReport::off;
  } else if (line.accumulators != "auto") {
    throw BadInput("--accumulators takes auto, on or off, not " + line.accumulators);
  }
  constexpr int most_threads = 256;
  if (line.threads < 0 || line.threads > most_threads) {
    throw BadInput("--threads takes 0 to " + std::to_string(most_threads) + ", not " +
                   std::to_string(line.threads));
  }
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  job.threads = line.threads > 0 ? line.threads : std::clamp(processors, 1, most_threads);
  return job;
}

void need_rtl(const CommandLine& line, bool runs_rtl) {
  if (runs_rtl || line.rtl_library.empty()) return;
  throw BadInput("--rtl-lib " + line.rtl_library + " is for the back end rtl, which does not run");
}

/// Says on stderr which files of waves and coverage were written.
void name_files(const CommandLine& line, bool waves_written) {
  if (line.quiet) return;
  const std::string file = line.trace.substr(line.trace.find(':') + 1);
  if (!line.trace.empty()) {
    std::cerr << (waves_written ? "waves in " + file + ", signals for GTKWave beside it\n"
                                : "no waves: there is no difference to look at\n");
  }
  if (!line.coverage.empty()) std::cerr << "coverage in " << line.coverage << "\n";
}

struct Lowered {
  Network network;
  Program program;
};

Lowered lower_model(const CommandLine& line) {
  validate(line.config);
  Lowered out;
  out.network = ModelFile::read_network(model_of(line));
  out.program = lower_network(out.network, line.config);
  validate_program(out.program, line.config);
  return out;
}

std::string format_text(const Format& f) {
  if (f.bipolar) return "bipolar";
  return std::string(f.is_signed ? "s" : "u") + std::to_string(f.bits) +
         (f.zero_point == 0 ? "" : " zp " + std::to_string(f.zero_point));
}

std::string need_text(const AccumulatorNeed& need) {
  std::string text = "accumulator safe from " + std::to_string(need.worst_case_bits) + " bits on";
  if (need.data_bits) {
    text += ", by data from " + std::to_string(*need.data_bits) + " (" +
            std::to_string(need.data_min) + ".." + std::to_string(need.data_max) + ")";
  }
  return text;
}

void add_cost(const LayerCost& cost, LayerCost& total) {
  total.macs += cost.macs;
  total.bops += cost.bops;
  total.weights += cost.weights;
  total.zero_weights += cost.zero_weights;
  total.weight_bytes += cost.weight_bytes;
  total.constant_bytes += cost.constant_bytes;
  total.output_bytes += cost.output_bytes;
}

std::string cost_text(const LayerCost& cost) {
  std::string text;
  if (cost.bops > 0) text += std::to_string(cost.bops) + " BOPs, ";
  if (cost.weights > 0) {
    const double share = static_cast<double>(cost.zero_weights) / static_cast<double>(cost.weights);
    text += std::to_string(cost.weights) + " weights in " + std::to_string(cost.weight_bytes) +
            " bytes, " + fixed(100 * share, 1) + " % zero, ";
  }
  return text + "constants " + std::to_string(cost.constant_bytes) + " bytes, output " +
         std::to_string(cost.output_bytes) + " bytes";
}

std::string inspect_text(const Job& model, const AccumulatorNeeds& accumulators) {
  std::ostringstream out;
  const Network& net = model.workload.network;
  out << net.name << " (" << net.producer << "), " << net.layers.size() << " layers, "
      << model.program.ops.size() << " tile ops, " << model.program.image.size()
      << " bytes of off-chip memory\n"
      << "sha256 " << net.sha256 << "\n\n";
  for (const auto& input : net.inputs) {
    out << "input " << input.name << "  " << input.shape.c << "x" << input.shape.h << "x"
        << input.shape.w << "  " << format_text(input.format) << "\n";
  }
  const LayerCosts costs = layer_costs(net);
  LayerCost total;
  for (const auto& [id, cost] : costs) add_cost(cost, total);
  out << "total  " << total.macs << " MACs, " << cost_text(total) << "\n";
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const Layer& layer = net.layers[i];
    const LayerInfo& info = model.program.layers[i];
    out << "\n" << layer.id << "  " << info.op;
    if (!layer.weight.empty()) {
      out << " " << layer.kernel_h << "x" << layer.kernel_w << " stride " << layer.stride_h << "x"
          << layer.stride_w << " groups " << layer.groups << "  weights "
          << format_text(layer.weight_format) << " " << layer.sparsity;
    }
    out << "  -> " << layer.out_shape.c << "x" << layer.out_shape.h << "x" << layer.out_shape.w
        << " " << format_text(layer.out_format);
    if (info.macs > 0) out << "  " << info.macs << " MACs";
    out << "\n    " << cost_text(costs.at(layer.id)) << "\n    " << info.mapping << "\n";
    const auto need = accumulators.find(layer.id);
    if (need != accumulators.end()) out << "    " << need_text(need->second) << "\n";
  }
  return out.str();
}

int feed_run(const CommandLine& line, const Job& job) {
  if (line.feed != "golden") throw BadInput("--feed takes golden, not " + line.feed);
  FeedReport report;
  {
    ConsoleProgress progress(line.quiet);
    report = run_fed(job, line.backend, progress.callback());
  }
  show(line.json, to_text(report, console_columns()), to_json(report));
  return report.outputs().moved == 0 && report.accumulators().moved == 0 ? 0 : 1;
}

}  // namespace

int run_verb(const CommandLine& line) {
  need_rtl(line, line.backend == "rtl");
  Job job = job_of(line);
  if (!line.feed.empty()) return feed_run(line, job);
  TraceFiles traces(job, line.backend, line.timeline, line.memory_trace);
  job.observer = [&](const std::string& inference, const RunResult& result) {
    traces.add(inference, result);
  };
  RunReport report;
  {
    ConsoleProgress progress(line.quiet);
    report = run_job(job, line.backend, progress.callback());
  }
  traces.finish();
  name_files(line, true);
  show(line.json, to_text(report, console_columns()), to_json(report));
  return report.outputs && report.outputs->mismatches > 0 ? 1 : 0;
}

int check_verb(const CommandLine& line) {
  if (!line.dut.empty()) return dut_check_verb(line);
  if (!line.dut_config.empty() || line.dut_timeout != 0 || line.dut_all || line.chain ||
      !line.compare.empty()) {
    throw BadInput("--dut-config, --dut-timeout, --dut-all, --chain and --compare need --dut LIB");
  }
  const auto& names = line.backends.empty() ? backend_names() : line.backends;
  need_rtl(line, std::count(names.begin(), names.end(), "rtl") > 0);
  const Job job = job_of(line);
  CheckReport report;
  {
    ConsoleProgress progress(line.quiet);
    report = check_job(job, names, progress.callback());
  }
  name_files(line, !report.equal() || !line.trace_window.empty());
  show(line.json, to_text(report, console_columns()), to_json(report));
  const bool golden = !report.run.outputs || report.run.outputs->mismatches == 0;
  return report.equal() && golden ? 0 : 1;
}

int inspect_verb(const CommandLine& line) {
  const Job model = job_of(line);
  AccumulatorNeeds accumulators;
  {
    ConsoleProgress progress(line.quiet);
    accumulators = accumulator_needs(model, progress.callback());
  }
  const Network& network = model.workload.network;
  show(line.json, inspect_text(model, accumulators),
       inspect_to_json(model.program, line.config, network.name, network.sha256, accumulators,
                       layer_costs(network)));
  return 0;
}

int disasm_verb(const CommandLine& line) {
  const Lowered model = lower_model(line);
  std::ostringstream text, json;
  json << "{\"schema\":\"tactus.disasm/1\",\"ops\":[";
  for (std::size_t i = 0; i < model.program.ops.size(); ++i) {
    const std::string op = disassemble(model.program.ops[i]);
    text << std::setw(6) << i << "  " << op << "\n";
    json << (i == 0 ? "\"" : ",\"") << op << "\"";
  }
  json << "]}\n";
  show(line.json, text.str(), json.str());
  return 0;
}

int compare_verb(const CommandLine& line) {
  if (line.positional.size() != 2) throw BadInput("tactus compare takes two result files");
  const RunComparison result =
      compare_runs(read_run_json(line.positional[0]), read_run_json(line.positional[1]));
  show(line.json, to_text(result, console_columns()), to_json(result));
  return 0;
}

}  // namespace tactus
