// SPDX-License-Identifier: Apache-2.0
// Several databases of one spec (shards) made one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tactus::sweep {

struct GatherSummary {
  std::uint64_t points = 0;    ///< of the spec
  std::uint64_t gathered = 0;  ///< that have a row now
};

/// Writes `out` under a temporary name and renames it; an `out` of the same spec is replaced.
/// Throws BadInput for parts of different sweeps and for parts that disagree about a row, naming
/// both.
[[nodiscard]] GatherSummary gather(const std::vector<std::string>& parts, const std::string& out);

}  // namespace tactus::sweep
