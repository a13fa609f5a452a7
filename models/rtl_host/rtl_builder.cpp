// SPDX-License-Identifier: Apache-2.0
#include "rtl_host/rtl_builder.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "numerics/errors.hpp"

extern char** environ;

namespace tactus {
namespace {

namespace fs = std::filesystem;

/// TACTUS_RTL_SOURCE overrides the source tree that this tool was built from.
fs::path source_directory() {
  const char* named = std::getenv("TACTUS_RTL_SOURCE");
  return named != nullptr ? fs::path(named) : fs::path(TACTUS_RTL_SOURCE_DIR);
}

bool newer_than_sources(const fs::path& build, const fs::path& rtl) {
  std::error_code error;
  const auto built = fs::last_write_time(build, error);
  if (error) return false;
  const fs::path harness = rtl.parent_path() / "models" / "rtl_host";
  for (const auto& directory : {rtl / "src", rtl / "include", harness}) {
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      const auto ext = entry.path().extension();
      const bool input = ext == ".sv" || entry.path().filename() == "dut_harness.cpp" ||
                         entry.path().filename() == "rtl_abi.h";
      if (input && entry.last_write_time() > built) return false;
    }
  }
  return true;
}

/// Runs a program with its output in `log`; returns the exit status, -1 when it cannot start.
int run_program(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  if (failed != 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string first_lines(const std::string& path) {
  std::ifstream in(path);
  std::string text;
  std::string line;
  for (int i = 0; i < 5 && std::getline(in, line); ++i) text += (i > 0 ? " | " : "") + line;
  return text;
}

}  // namespace

bool has_rtl_build(const ArchConfig& config, const RtlBuildKind& kind) {
  const std::string name = rtl_library_name(config, kind);
  for (const std::string& directory : rtl_directories()) {
    const fs::path path = fs::path(directory) / name;
    if (fs::exists(path)) return newer_than_sources(path, source_directory());
  }
  return false;
}

std::string build_rtl(const ArchConfig& config, const std::string& optimise,
                      const std::function<void(const std::string&)>& progress,
                      const RtlBuildKind& kind) {
  validate(config);
  if (optimise != "-O1" && optimise != "-O3") {
    throw BadInput("--optimise=" + optimise + " is not accepted, it must be -O1 or -O3");
  }
  const fs::path rtl = source_directory();
  const fs::path script = rtl / "build_rtl.sh";
  if (!fs::exists(script)) {
    throw BadInput("the RTL sources are not at " + rtl.string() +
                   "; set TACTUS_RTL_SOURCE to the rtl folder of the tactus sources");
  }
  std::error_code error;
  const fs::path directory = rtl_cache_directory();
  fs::create_directories(directory, error);
  if (error) throw BadInput("the RTL cache directory cannot be made", directory.string());
  const fs::path out = directory / rtl_library_name(config, kind);
  if (newer_than_sources(out, rtl)) return out.string();

  if (progress) progress("verilating the RTL (minutes for a large array)");
  std::vector<std::string> words = {"/bin/sh", script.string(), out.string(), optimise};
  if (kind.faults) words.emplace_back("FAULT");
  if (kind.waves) words.emplace_back(*kind.waves == WaveFormat::fst ? "FST" : "VCD");
  if (kind.coverage) words.emplace_back("COVERAGE");
  for (auto& word : rtl_parameters(config)) words.push_back(std::move(word));
  const std::string log = out.string() + ".log";
  const int status = run_program(words, log);
  if (status == 127) throw BadInput("verilator or a C++ compiler is missing: " + first_lines(log));
  if (status != 0) {
    throw InternalError("the RTL build failed (" + log + "): " + first_lines(log));
  }
  fs::remove(log, error);
  return out.string();
}

}  // namespace tactus
