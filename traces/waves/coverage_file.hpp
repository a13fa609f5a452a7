// SPDX-License-Identifier: Apache-2.0
// Verilator's coverage files: a count for each point.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tactus {

class CoverageCounts {
 public:
  /// Adds the counts of a file. Throws BadInput when it is no coverage file.
  void add_file(const std::string& path);
  /// The text of a file with the sums, readable for verilator_coverage.
  [[nodiscard]] std::string text() const;

  struct Summary {
    std::int64_t points = 0, hit = 0;
  };
  /// Points of one kind: "line", "branch" or "toggle".
  [[nodiscard]] Summary summary(const std::string& kind) const;

 private:
  std::map<std::string, std::uint64_t> counts_;  ///< by point as written in the file
};

}  // namespace tactus
