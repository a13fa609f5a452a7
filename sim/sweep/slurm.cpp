// SPDX-License-Identifier: Apache-2.0
#include "sweep/slurm.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "numerics/errors.hpp"
#include "sweep/axis.hpp"

namespace tactus::sweep {
namespace {

namespace fs = std::filesystem;

struct Output {
  int code = 0;
  std::string text;  ///< stdout and stderr
};

/// Runs a program without a shell.
Output run_program(const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw InternalError(std::string("no pipe: ") + std::strerror(errno));
  const pid_t process = fork();
  if (process < 0) throw InternalError(std::string("no process: ") + std::strerror(errno));
  if (process == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  Output out;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    out.text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

/// A word for a shell script.
std::string shell(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void write_script(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, error);
  if (!file || error) throw BadInput("cannot write the job script " + path.string(), path.string());
}

std::string array_script(const SweepOptions& sweep, const SlurmOptions& slurm,
                         const fs::path& folder) {
  std::string text =
      "#!/bin/sh\n#SBATCH --job-name=tactus-sweep\n#SBATCH --array=0-" +
      std::to_string(slurm.tasks - 1) + "\n#SBATCH --output=" + (folder / "shard-%a.log").string() +
      "\n#SBATCH --signal=B:TERM@60\n" +
      "# One shard of the sweep. A task that is started again goes on where it was.\n" + "exec " +
      shell(slurm.tool) + " sweep " + shell(fs::absolute(sweep.spec).string()) +
      " --resume --out " + shell((folder / "shard-").string()) +
      "\"$SLURM_ARRAY_TASK_ID\".sqlite \\\n" + "  --shard \"$SLURM_ARRAY_TASK_ID/" +
      std::to_string(slurm.tasks) + "\" --workers \"${SLURM_CPUS_PER_TASK:-1}\"";
  if (sweep.layers) text += " --layers";
  if (!slurm.audit.empty()) text += " --audit " + shell(slurm.audit);
  return text + "\n";
}

std::string gather_script(const SweepOptions& sweep, const SlurmOptions& slurm,
                          const fs::path& folder) {
  std::string text = "#!/bin/sh\n#SBATCH --job-name=tactus-gather\n#SBATCH --output=" +
                     (folder / "gather.log").string() + "\nexec " + shell(slurm.tool) +
                     " sweep --gather --out " + shell(fs::absolute(sweep.out).string());
  for (std::uint64_t i = 0; i < slurm.tasks; ++i) {
    text += " \\\n  " + shell((folder / ("shard-" + std::to_string(i) + ".sqlite")).string());
  }
  return text + "\n";
}

std::string submit(std::vector<std::string> words, const std::string& script) {
  words.insert(words.begin(), {"sbatch", "--parsable"});
  words.push_back(script);
  const Output out = run_program(words);
  if (out.code == 127) {
    throw BadInput("there is no sbatch on this machine; " + script + " is written and can be " +
                   "submitted where Slurm is");
  }
  const std::string said = trimmed(out.text.substr(0, out.text.find('\n')));
  if (out.code != 0) throw BadInput("sbatch refuses " + script + ": " + said, script);
  return said.substr(0, said.find(';'));
}

}  // namespace

SlurmJob start_slurm(const SweepOptions& sweep, const SlurmOptions& slurm) {
  if (slurm.tasks == 0 || slurm.tasks > 100'000) {
    throw BadInput("--slurm " + std::to_string(slurm.tasks) +
                   " is not a number of tasks from 1 to 100000");
  }
  static_cast<void>(read_spec(sweep.spec));
  const fs::path folder = fs::absolute(sweep.out + ".slurm");
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw BadInput("cannot make " + folder.string() + ": " + error.message());
  SlurmJob job;
  job.folder = folder.string();
  const std::string array = (folder / "array.sh").string();
  const std::string gather = (folder / "gather.sh").string();
  write_script(array, array_script(sweep, slurm, folder));
  write_script(gather, gather_script(sweep, slurm, folder));
  if (!slurm.submit) return job;
  job.array_id = submit(slurm.sbatch, array);
  std::vector<std::string> after = {"--dependency=afterok:" + job.array_id,
                                    "--kill-on-invalid-dep=yes"};
  if (!slurm.wait) {
    job.gather_id = submit(after, gather);
    return job;
  }
  after.insert(after.begin(), {"sbatch", "--parsable", "--wait"});
  after.push_back(gather);
  const Output out = run_program(after);
  job.gather_id = trimmed(out.text.substr(0, out.text.find('\n')));
  job.exit_code = out.code;
  return job;
}

}  // namespace tactus::sweep
