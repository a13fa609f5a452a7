// SPDX-License-Identifier: Apache-2.0
#include "waves/coverage_file.hpp"

#include <fstream>

#include "numerics/errors.hpp"

namespace tactus {
namespace {
constexpr const char* header = "# SystemC::Coverage-3";
}

void CoverageCounts::add_file(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line) || line.rfind("# SystemC::Coverage", 0) != 0) {
    throw BadInput(path + " is no coverage file", path);
  }
  // C '<point>' <count>
  while (std::getline(in, line)) {
    const std::size_t end = line.rfind("' ");
    if (line.rfind("C '", 0) != 0 || end == std::string::npos) continue;
    counts_[line.substr(3, end - 3)] += std::stoull(line.substr(end + 2));
  }
}

std::string CoverageCounts::text() const {
  std::string out = std::string(header) + "\n";
  for (const auto& [point, count] : counts_) {
    out += "C '" + point + "' " + std::to_string(count) + "\n";
  }
  return out;
}

CoverageCounts::Summary CoverageCounts::summary(const std::string& kind) const {
  // A point is key-value pairs, each \001 key \002 value; "page" is v_<kind>/<module>.
  const std::string key = "\001page\002v_" + kind + "/";
  Summary sum;
  for (const auto& [point, count] : counts_) {
    if (point.find(key) == std::string::npos) continue;
    ++sum.points;
    sum.hit += count > 0 ? 1 : 0;
  }
  return sum;
}

}  // namespace tactus
