// SPDX-License-Identifier: Apache-2.0
// Result pages: one HTML file that needs nothing else, made from the JSON of a run or a check, or
// from the database of a sweep (README.md).
#pragma once

#include <cstdint>
#include <string>

namespace tactus {

struct ResultPage {
  std::string html;
  std::string kind;         ///< "run" or "sweep"
  std::uint64_t items = 0;  ///< layers of a run, points of a sweep
};

/// Whether the charting library was there when tactus was built.
[[nodiscard]] bool pages_available();

/// Throws BadInput naming the file when it is neither a run's JSON nor a sweep's database, and when
/// this build has no charting library.
[[nodiscard]] ResultPage make_page(const std::string& path);

}  // namespace tactus
