// SPDX-License-Identifier: Apache-2.0
#include "sweep/objective.hpp"

#include "numerics/errors.hpp"

namespace tactus::sweep {

const std::vector<Objective>& objectives() {
  static const std::vector<Objective> table = {
      {"cycles", "cycles", false},         {"energy", "energy_pj", false},
      {"accuracy", "accuracy", true},      {"traffic", "traffic_bytes", false},
      {"storage", "storage_bytes", false}, {"seconds", "seconds_at_clock", false},
  };
  return table;
}

const Objective& find_objective(const std::string& name) {
  std::string known;
  for (const auto& objective : objectives()) {
    if (name == objective.name) return objective;
    known += (known.empty() ? "" : ", ") + std::string(objective.name);
  }
  throw BadInput("there is no objective '" + name + "', only " + known);
}

}  // namespace tactus::sweep
