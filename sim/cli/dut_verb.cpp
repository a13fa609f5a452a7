// SPDX-License-Identifier: Apache-2.0
// check --dut.
#include <fstream>
#include <iterator>

#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "dut/dut_check.hpp"
#include "numerics/errors.hpp"

namespace tactus {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw BadInput("--dut-config " + path + " cannot be read", path);
  return text;
}

DutOptions options_of(const CommandLine& line) {
  if (!line.backends.empty() || !line.rtl_library.empty() || line.stop_early ||
      line.backpressure != 0 || line.fault != 0) {
    throw BadInput(
        "--dut compares with the reference alone, it does not go with --backends, --rtl-lib, "
        "--stop-early, --backpressure and --fault");
  }
  if (!line.compare.empty() && line.compare != "cycles") {
    throw BadInput("--compare takes cycles, not " + line.compare);
  }
  if (line.dut_timeout < 0) throw BadInput("--dut-timeout is a number of seconds, 0 for any");
  DutOptions options;
  options.setup.library = line.dut;
  options.setup.config_json = line.dut_config.empty() ? "{}" : text_of(line.dut_config);
  options.setup.timeout_seconds = line.dut_timeout;
  options.chain = line.chain;
  options.compare_cycles = !line.compare.empty();
  options.need_all = line.dut_all;
  return options;
}

}  // namespace

int dut_check_verb(const CommandLine& line) {
  const DutOptions options = options_of(line);
  if (line.positional.size() != 1) {
    throw BadInput("tactus check takes one MODEL, got " + std::to_string(line.positional.size()));
  }
  DutReport report;
  {
    ConsoleProgress progress(line.quiet);
    const Progress show_line = progress.callback();
    Job job = make_job(line.positional[0], line.config, line.inputs, line.limit);
    job.accumulators = AccumulatorReport::off;
    report = check_dut(job.workload, run_job(job, "fast", show_line), options, show_line);
  }
  show(line.json, to_text(report), to_json(report));
  return report.equal() ? 0 : 1;
}

}  // namespace tactus
