// SPDX-License-Identifier: Apache-2.0
// Exit codes: 0 ok, 1 mismatch, 2 bad input, 3 internal error.
#include <array>
#include <cstring>
#include <exception>
#include <iostream>

#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "numerics/errors.hpp"
#include "report/report.hpp"

namespace {

struct VerbEntry {
  const char* name;
  int (*function)(const tactus::CommandLine&);
};

constexpr std::array<VerbEntry, 13> table{{
    {"run", tactus::run_verb},
    {"check", tactus::check_verb},
    {"golden", tactus::golden_verb},
    {"inspect", tactus::inspect_verb},
    {"explain", tactus::explain_verb},
    {"disasm", tactus::disasm_verb},
    {"config", tactus::config_verb},
    {"sweep", tactus::sweep_verb},
    {"synth", tactus::synth_verb},
    {"import", tactus::import_verb},
    {"rtl-build", tactus::rtl_build_verb},
    {"compare", tactus::compare_verb},
    {"report", tactus::report_verb},
}};

int dispatch(const tactus::CommandLine& line) {
  if (line.help) {
    tactus::write_result("-", tactus::help_text(line.verb));
    return 0;
  }
  if (line.version) {
    tactus::write_result("-", tactus::version_text());
    return 0;
  }
  for (const auto& entry : table) {
    if (line.verb == entry.name) return entry.function(line);
  }
  throw tactus::InternalError("verb " + line.verb + " has no function");
}

/// The --json target, found without parsing so that parse errors are reported there too.
std::string json_target(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--json=", 7) == 0) return argv[i] + 7;
    if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) return argv[i + 1];
  }
  return {};
}

int fail(int code, const std::string& json, const std::string& file, const std::string& layer,
         const std::string& message) {
  std::cerr << "tactus: " << (code == 3 ? "internal error: " : "") << message << "\n";
  if (json.empty()) return code;
  try {
    tactus::write_result(json, tactus::error_to_json(code, file, layer, message));
  } catch (const std::exception& e) {
    std::cerr << "tactus: " << e.what() << "\n";
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string json = json_target(argc, argv);
  try {
    return dispatch(tactus::parse_command_line(argc, argv));
  } catch (const tactus::BadInput& e) {
    return fail(2, json, e.file(), e.layer(), e.what());
  } catch (const std::exception& e) {
    return fail(3, json, {}, {}, e.what());
  }
}
