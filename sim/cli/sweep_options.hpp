// SPDX-License-Identifier: Apache-2.0
// The options of the verb sweep.
#pragma once

#include <cstdint>
#include <string>

namespace boost::program_options {
class options_description;
class variables_map;
}  // namespace boost::program_options

namespace tactus {

struct SweepLine {
  std::string out, shard, audit, best, objectives, where, exported, slurm_options;
  bool resume = false, layers = false, gather = false, list = false, pareto = false;
  bool wait = false, write_only = false;
  std::uint64_t workers = 0, top = 0, slurm = 0;
};

void add_sweep_options(boost::program_options::options_description& all);
void read_sweep_options(const boost::program_options::variables_map& map, SweepLine& out);

}  // namespace tactus
