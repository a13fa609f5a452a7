// SPDX-License-Identifier: Apache-2.0
// The share of points that is run again, as a whole, on the other back ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explore/design_point.hpp"
#include "sweep/models.hpp"
#include "sweep/table_row.hpp"

namespace tactus::sweep {

/// Which points are audited: each with the same probability, by seed and number alone.
struct AuditShare {
  double share = 0;  ///< 0 to 1
  std::uint64_t seed = 1;
  [[nodiscard]] bool takes(std::uint64_t point) const;
};

/// Reads "2%" or "0.02"; throws BadInput.
[[nodiscard]] double parse_share(const std::string& text);

/// A row of table `audits` for each of: systemc, and rtl where a build fits the architecture.
/// Compares memory, retire records and events of the fast back end with it, and the figures of the
/// point with both. Without systemc and rtl in this build it throws BadInput.
[[nodiscard]] std::vector<TableRow> audit_point(std::uint64_t point, const LoadedModel& model,
                                                const ArchConfig& config,
                                                const DesignPoint& figures,
                                                const EnergyTable& energy);

/// Whether an event is counted only when values are computed.
[[nodiscard]] bool depends_on_values(Event event);

/// First difference between a point and a report of the same architecture; empty when equal.
[[nodiscard]] std::string difference(const DesignPoint& point, const RunReport& report);

}  // namespace tactus::sweep
