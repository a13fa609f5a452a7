// SPDX-License-Identifier: Apache-2.0
// What points are judged by.
#pragma once

#include <string>
#include <vector>

namespace tactus::sweep {

struct Objective {
  const char* name;
  const char* column;  ///< of the view `results`
  bool larger_is_better;
};

[[nodiscard]] const std::vector<Objective>& objectives();
/// Throws BadInput that names all objectives.
[[nodiscard]] const Objective& find_objective(const std::string& name);

}  // namespace tactus::sweep
