// SPDX-License-Identifier: Apache-2.0
#include "cli/sweep_options.hpp"

#include <boost/program_options.hpp>

namespace tactus {

namespace po = boost::program_options;

void add_sweep_options(po::options_description& all) {
  const auto text = [] { return po::value<std::string>(); };
  const auto number = [] { return po::value<std::uint64_t>(); };
  auto add = all.add_options();
  add("out", text(), "database of the sweep, or of the gathered shards");
  add("resume", "continue the database if it is there");
  add("workers", number(), "worker processes (default: the cores of this machine)");
  add("layers", "keep a row per layer of each point, too");
  add("audit", text(),
      "share of the points, e.g. 2%, that also runs on systemc, and on rtl where a build fits; a "
      "difference stops the sweep with exit code 1");
  add("shard", text(), "I/N: evaluate part I of N, I from 0");
  add("gather", "put the databases of the shards of one spec into --out");
  add("slurm", number(), "write and submit a Slurm array job of N shards, and one that gathers");
  add("slurm-options", text(), "words for sbatch, e.g. \"--partition=long --time=60\"");
  add("write-only", "--slurm: write the job scripts, submit nothing");
  add("wait", "--slurm: until the shards are gathered");
  add("list", "show the points of a database");
  add("best", text(),
      "show points by objective: cycles, energy, accuracy, traffic, storage or seconds");
  add("pareto", po::value<std::string>()->implicit_value(""),
      "[OBJECTIVES]: show the Pareto front (default: the objectives of the spec)");
  add("where", text(), "only points with, e.g. \"hw.array_rows==16 && cycles<60000\"");
  add("top", number(), "show at most N points (--best: default 20)");
  add("export", text(), "write all points to FILE.csv or FILE.h5");
}

void read_sweep_options(const po::variables_map& map, SweepLine& out) {
  const auto take = [&](const char* name, auto& target) {
    using Target = std::remove_reference_t<decltype(target)>;
    if (map.count(name) != 0) target = map[name].as<Target>();
  };
  take("out", out.out);
  take("workers", out.workers);
  take("audit", out.audit);
  take("shard", out.shard);
  take("slurm", out.slurm);
  take("slurm-options", out.slurm_options);
  take("best", out.best);
  take("pareto", out.objectives);
  take("where", out.where);
  take("top", out.top);
  take("export", out.exported);
  out.resume = map.count("resume") != 0;
  out.layers = map.count("layers") != 0;
  out.gather = map.count("gather") != 0;
  out.write_only = map.count("write-only") != 0;
  out.wait = map.count("wait") != 0;
  out.list = map.count("list") != 0;
  out.pareto = map.count("pareto") != 0;
}

}  // namespace tactus
