// SPDX-License-Identifier: Apache-2.0
// A sweep from the spec to the database.
#pragma once

#include <cstdint>
#include <string>

#include "run/job.hpp"
#include "sweep/models.hpp"
#include "sweep/point_list.hpp"

namespace tactus::sweep {

struct SweepOptions {
  std::string spec, out;
  bool resume = false, layers = false;
  std::uint64_t workers = 0;  ///< 0: as many as this process may use cores
  double audit = 0;           ///< share of the points
  Shard shard;
};

struct SweepSummary {
  std::uint64_t points = 0;     ///< of the spec (of the shard, if it is one)
  std::uint64_t evaluated = 0;  ///< by this process
  std::uint64_t ok = 0, invalid = 0, excluded = 0, failed = 0;  ///< in the database
  std::uint64_t variants = 0, audits = 0;
  std::string difference;  ///< of the first audit that found one
  bool stopped = false;    ///< by SIGINT or SIGTERM
  double seconds = 0;
  std::int64_t peak_kib = 0;  ///< largest process
};

/// Returns with `stopped` after SIGINT or SIGTERM, and with `difference` when an audit failed; what
/// was finished by then is in the database.
[[nodiscard]] SweepSummary run_sweep(const SweepOptions& options, const SynthMaker& make_synth,
                                     const Progress& progress);

}  // namespace tactus::sweep
