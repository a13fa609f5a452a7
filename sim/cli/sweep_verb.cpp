// SPDX-License-Identifier: Apache-2.0
// sweep: runs, queries, exports and gathers sweeps.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "numerics/errors.hpp"
#include "sweep/audit.hpp"
#include "sweep/axis.hpp"
#include "sweep/export.hpp"
#include "sweep/gather.hpp"
#include "sweep/objective.hpp"
#include "sweep/query.hpp"
#include "sweep/run_sweep.hpp"
#include "sweep/slurm.hpp"

namespace tactus {

namespace {

/// 128 + SIGINT, as shells have it.
constexpr int stopped_code = 130;

Network synth_of(const std::vector<std::string>& words) {
  std::vector<const char*> arguments = {"tactus", "synth"};
  for (const auto& word : words) arguments.push_back(word.c_str());
  const CommandLine line = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  if (!line.output.empty() || !line.json.empty() || line.help) {
    throw BadInput("synth in a sweep takes the network and its options only");
  }
  return synth_network(line);
}

bool is_objectives(const std::string& text) {
  try {
    for (const auto& name : sweep::comma_list(text)) {
      static_cast<void>(sweep::find_objective(name));
    }
  } catch (const BadInput&) {
    return false;
  }
  return true;
}

/// The one SPEC or database; with --pareto its objectives may stand among the arguments.
std::string target_of(const CommandLine& line, SweepLine& options) {
  std::vector<std::string> rest = line.positional;
  if (options.pareto && options.objectives.empty() && rest.size() == 2) {
    const auto it = std::find_if(rest.begin(), rest.end(), is_objectives);
    if (it != rest.end()) {
      options.objectives = *it;
      rest.erase(it);
    }
  }
  if (rest.size() != 1) {
    throw BadInput("tactus sweep takes one SPEC.ini or one database, got " +
                   std::to_string(rest.size()) + " arguments");
  }
  return rest[0];
}

int ask(const CommandLine& line, SweepLine options) {
  sweep::Query query;
  const std::string database = target_of(line, options);
  query.where = options.where;
  query.top = options.top;
  if (options.pareto) {
    query.kind = sweep::Query::Kind::pareto;
    if (!options.objectives.empty()) query.objectives = sweep::comma_list(options.objectives);
  } else if (!options.best.empty()) {
    query.kind = sweep::Query::Kind::best;
    query.objectives = {options.best};
    if (query.top == 0) query.top = 20;
  }
  const sweep::Answer answer = sweep::ask(database, query);
  show(line.json, sweep::to_text(answer, console_columns()), sweep::to_json(answer));
  return 0;
}

std::string small_json(const char* what, const std::string& fields) {
  return std::string("{\"schema\":\"tactus.sweep_") + what + "/1\"," + fields + "}\n";
}

int export_rows(const CommandLine& line, SweepLine options) {
  const std::string database = target_of(line, options);
  const std::string rows = std::to_string(sweep::export_sweep(database, options.exported));
  show(line.json, options.exported + ": " + rows + " points\n",
       small_json("export", "\"points\":" + rows));
  return 0;
}

int gather_shards(const CommandLine& line, const SweepLine& options) {
  if (options.out.empty()) throw BadInput("tactus sweep --gather needs --out FILE");
  const sweep::GatherSummary sum = sweep::gather(line.positional, options.out);
  const std::string have = std::to_string(sum.gathered), all = std::to_string(sum.points);
  show(line.json, options.out + ": " + have + " of " + all + " points\n",
       small_json("gather", "\"gathered\":" + have + ",\"points\":" + all));
  return 0;
}

int start_slurm(const CommandLine& line, const SweepLine& options,
                const sweep::SweepOptions& job_options) {
  sweep::SlurmOptions slurm;
  slurm.tasks = options.slurm;
  slurm.submit = !options.write_only;
  slurm.wait = options.wait;
  slurm.audit = options.audit;
  slurm.tool = std::filesystem::canonical("/proc/self/exe").string();
  std::istringstream words(options.slurm_options);
  for (std::string word; words >> word;) slurm.sbatch.push_back(word);
  const sweep::SlurmJob job = sweep::start_slurm(job_options, slurm);
  std::string text = job.folder + ": " + std::to_string(slurm.tasks) + " shards";
  if (!job.array_id.empty()) {
    text += ", array job " + job.array_id + ", gathered by job " + job.gather_id;
  }
  show(line.json, text + "\n",
       small_json("slurm", "\"tasks\":" + std::to_string(slurm.tasks) + ",\"array_job\":\"" +
                               job.array_id + "\",\"gather_job\":\"" + job.gather_id + "\""));
  if (job.exit_code != 0) {
    throw BadInput("Slurm job " + job.gather_id + " did not gather the shards, see " + job.folder +
                   "/*.log");
  }
  return 0;
}

int run(const CommandLine& line, SweepLine options) {
  sweep::SweepOptions job;
  job.spec = target_of(line, options);
  job.out = options.out;
  job.resume = options.resume;
  job.layers = options.layers;
  job.workers = options.workers;
  if (job.workers > 4096) {
    throw BadInput("--workers " + std::to_string(job.workers) + " is more than 4096");
  }
  if (!options.audit.empty()) job.audit = sweep::parse_share(options.audit);
  if (!options.shard.empty()) job.shard = sweep::parse_shard(options.shard);
  if (job.out.empty()) {
    throw BadInput(
        "tactus sweep SPEC.ini needs --out FILE.sqlite; for a database say --list, "
        "--best, --pareto or --export");
  }
  if (options.slurm > 0) return start_slurm(line, options, job);
  sweep::SweepSummary summary;
  {
    ConsoleProgress progress(line.quiet);
    summary = sweep::run_sweep(job, synth_of, progress.callback());
  }
  show(line.json, sweep::to_text(summary, job.out), sweep::to_json(summary, job.out));
  if (!summary.difference.empty()) return 1;
  if (summary.stopped) return stopped_code;
  return summary.failed > 0 ? 3 : 0;
}

}  // namespace

int sweep_verb(const CommandLine& line) {
  const SweepLine& options = line.sweep;
  const int modes = int{options.list} + int{!options.best.empty()} + int{options.pareto} +
                    int{!options.exported.empty()} + int{options.gather} + int{options.slurm > 0};
  if (modes > 1) {
    throw BadInput(
        "tactus sweep does one of --list, --best, --pareto, --export, --gather, --slurm");
  }
  if (options.list || options.pareto || !options.best.empty()) return ask(line, options);
  if (!options.where.empty() || options.top > 0) {
    throw BadInput("--where and --top go with --list, --best or --pareto");
  }
  if (!options.exported.empty()) return export_rows(line, options);
  if (options.gather) return gather_shards(line, options);
  return run(line, options);
}

}  // namespace tactus
