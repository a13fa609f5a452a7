// SPDX-License-Identifier: Apache-2.0
// A sweep as an array job of Slurm.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sweep/run_sweep.hpp"

namespace tactus::sweep {

struct SlurmOptions {
  std::uint64_t tasks = 0;
  std::vector<std::string> sbatch;  ///< further words for sbatch of the array job
  bool submit = true;               ///< false: write the scripts only
  bool wait = false;                ///< until the gathering job has ended
  std::string tool;                 ///< path of this tactus
  std::string audit;                ///< the option as given, may be empty
};

struct SlurmJob {
  std::string folder;               ///< <out>.slurm: scripts, shards and their output
  std::string array_id, gather_id;  ///< empty when nothing was submitted
  int exit_code = 0;                ///< of the gathering job, with `wait`
};

/// Writes <out>.slurm/array.sh (one shard a task) and gather.sh, and submits them, the second to
/// start after the first. Throws BadInput with what sbatch said when it refuses.
[[nodiscard]] SlurmJob start_slurm(const SweepOptions& sweep, const SlurmOptions& slurm);

}  // namespace tactus::sweep
