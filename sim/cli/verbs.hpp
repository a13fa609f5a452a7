// SPDX-License-Identifier: Apache-2.0
// One function per verb; each returns the exit code and throws BadInput or InternalError.
#pragma once

#include "cli/command_line.hpp"

namespace tactus {

[[nodiscard]] int run_verb(const CommandLine& line);
[[nodiscard]] int check_verb(const CommandLine& line);
/// check --dut.
[[nodiscard]] int dut_check_verb(const CommandLine& line);
[[nodiscard]] int golden_verb(const CommandLine& line);
[[nodiscard]] int inspect_verb(const CommandLine& line);
[[nodiscard]] int disasm_verb(const CommandLine& line);
[[nodiscard]] int config_verb(const CommandLine& line);
[[nodiscard]] int sweep_verb(const CommandLine& line);
[[nodiscard]] int synth_verb(const CommandLine& line);
/// The network that the arguments of synth describe.
[[nodiscard]] Network synth_network(const CommandLine& line);
[[nodiscard]] int import_verb(const CommandLine& line);
[[nodiscard]] int rtl_build_verb(const CommandLine& line);
[[nodiscard]] int compare_verb(const CommandLine& line);
[[nodiscard]] int report_verb(const CommandLine& line);
[[nodiscard]] int explain_verb(const CommandLine& line);
/// Text of --version: tool, back ends, RTL builds.
[[nodiscard]] std::string version_text();

}  // namespace tactus
