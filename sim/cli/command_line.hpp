// SPDX-License-Identifier: Apache-2.0
// The command line as data, after boost has read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "cli/golden_options.hpp"
#include "cli/sweep_options.hpp"
#include "synth/synth.hpp"

namespace tactus {

struct CommandLine {
  std::string verb;
  std::vector<std::string> positional;
  bool help = false, version = false, quiet = false;
  ArchConfig config;          ///< preset, file and overrides applied, not yet validated
  bool config_given = false;  ///< a preset, file or override was named
  std::string json;           ///< --json: file, "-" or empty
  std::string inputs, backend = "systemc", accumulators = "auto";
  std::vector<std::string> backends;
  std::size_t limit = 0;
  int threads = 1;  ///< 0: as many as the machine has
  std::uint64_t backpressure = 0;
  int fault = 0;
  std::string fault_backend = "rtl";
  std::string rtl_library;  ///< --rtl-lib
  bool stop_early = false;
  std::string dut, dut_config, compare;  ///< check --dut
  int dut_timeout = 0;
  bool dut_all = false, chain = false;
  std::string output;                         ///< -o
  std::string feed;                           ///< "golden" or empty
  std::vector<std::string> import_arguments;  ///< options that the importer reads itself
  std::string trace, trace_window, coverage;  ///< trace: FORMAT:FILE
  std::string layer, element;                 ///< explain
  std::string timeline, memory_trace;         ///< files of a run
  std::string html;                           ///< page of a result
  std::string topology, gemm, conv, optimise = "-O3";
  SynthOptions synth;
  GoldenOptions golden;
  SweepLine sweep;
  std::string config_arguments;  ///< as typed, for messages that give a command
};

/// Throws BadInput for anything that is not understood.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);
/// Help of a verb, or the overview for an empty verb.
[[nodiscard]] std::string help_text(const std::string& verb);

}  // namespace tactus
