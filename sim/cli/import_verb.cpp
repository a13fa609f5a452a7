// SPDX-License-Identifier: Apache-2.0
// import: a thin front of the Python importers, which read, write and report by themselves.
#include "cli/import_verb.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "cli/verbs.hpp"
#include "numerics/errors.hpp"

#ifndef TACTUS_IMPORT_SOURCE
#define TACTUS_IMPORT_SOURCE ""
#endif

extern "C" char** environ;

namespace tactus {

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* script_name = "import_model.py";

/// The importers: TACTUS_IMPORT, else beside the installed tool, else in the source tree.
fs::path find_script() {
  std::vector<fs::path> folders;
  const char* named = std::getenv("TACTUS_IMPORT");
  if (named != nullptr) {
    folders.emplace_back(named);
  } else {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (!error) folders.push_back(self.parent_path().parent_path() / "share" / "tactus" / "import");
    folders.emplace_back(TACTUS_IMPORT_SOURCE);
  }
  std::string tried;
  for (const fs::path& folder : folders) {
    std::error_code error;
    if (fs::is_regular_file(folder / script_name, error)) return folder / script_name;
    tried += (tried.empty() ? "" : " nor ") + folder.string();
  }
  throw BadInput("the importers are not in " + tried + "; set TACTUS_IMPORT to the folder with " +
                 script_name);
}

int run_python(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failure = posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ);
  if (failure != 0) {
    throw BadInput("import needs Python: " + arguments[0] + " cannot be started (" +
                   std::strerror(failure) + "); TACTUS_PYTHON names another one");
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  throw BadInput("the importer was ended by signal " + std::to_string(WTERMSIG(status)) +
                 " while it read the source; the libraries that read damaged files can do that");
}

}  // namespace

void add_import_options(po::options_description& all) {
  const auto text = [] { return po::value<std::string>(); };
  all.add_options()("output,o", text(), "model file to write")(
      "name", text(), "name of the model (default: the source's)")(
      "mult-bits", text(),
      "t2c, onnx, qonnx: magnitude bits of the multipliers that scales become (default 31)")(
      "residual-bits", text(),
      "t2c, onnx, qonnx: width of values that no quantiser narrows, such as residual branches "
      "(default 32)")("patch-bits", text(),
                      "t2c: take in a transformer's float patch embedding, image and weights with "
                      "so many bits (default 0: the input are the tokens)")(
      "rounding", text(),
      "tflite: double (default) or single; t2c: half_even (default), half_up, ...")(
      "graph", text(), "t2c-raw: JSON description of the graph (default: graph.json in SRC)")(
      "golden", text(),
      "tflite, onnx, qonnx: HDF5 file with expected tensors, kept as golden tensors")(
      "outside", text(),
      "t2c: captured images with operands that their quantiser cannot give: refuse (default), "
      "drop");
}

void read_import_options(const po::variables_map& map, CommandLine& out) {
  for (const char* name : {"name", "mult-bits", "residual-bits", "rounding", "graph", "golden",
                           "outside", "patch-bits"}) {
    if (map.count(name) == 0) continue;
    out.import_arguments.push_back(std::string("--") + name + "=" + map[name].as<std::string>());
  }
}

int import_verb(const CommandLine& line) {
  if (line.positional.size() != 2) {
    throw BadInput("tactus import takes a kind (t2c, t2c-raw, tflite, onnx, qonnx) and a source");
  }
  if (line.output.empty()) throw BadInput("tactus import needs -o MODEL");
  const char* python = std::getenv("TACTUS_PYTHON");
  std::vector<std::string> arguments = {python != nullptr ? python : "/usr/bin/python3", "-E",
                                        find_script().string(), "--output=" + line.output};
  if (!line.json.empty()) arguments.push_back("--json=" + line.json);
  arguments.insert(arguments.end(), line.import_arguments.begin(), line.import_arguments.end());
  arguments.insert(arguments.end(), {"--", line.positional[0], line.positional[1]});
  return run_python(arguments);
}

}  // namespace tactus
