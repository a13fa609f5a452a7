// SPDX-License-Identifier: Apache-2.0
// From the pattern of wrong values to the kind of mistake. Nothing here runs anything.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report/finding.hpp"
#include "triage/probe.hpp"

namespace tactus::triage {

struct Verdict {
  FaultClass fault_class = FaultClass::unknown;
  std::string reason;
};

/// Results of a post op, a store or a whole tensor. `width` is the number of pixels in a line.
struct ResultEvidence {
  const Plane& expected;
  const Plane& actual;
  std::int64_t width = 1;
  /// What the requantisation clamps to; absent: no clamp.
  std::optional<std::int64_t> clamp_min, clamp_max;
};
[[nodiscard]] Verdict classify_results(const ResultEvidence& e);

/// One K unit of a fold: what it multiplies, and the weights of the fold before in its place.
struct FoldUnit {
  std::vector<std::int64_t> activation;             ///< by entry
  std::vector<std::int64_t> weight, weight_before;  ///< by column
};

/// The psums of an op after the first K unit that makes a difference.
struct UnitEvidence {
  const Plane& expected;  ///< channels are columns, pixels are psum entries
  const Plane& actual;
  const Plane& carried;  ///< expected psums at the end of the fold before (0 in the first)
  std::int64_t acc_min = 0, acc_max = 0;
  /// One activation per entry and one weight per column; empty when the unit has several lanes.
  std::vector<std::int64_t> activation = {}, weight = {};
  /// Activation at another tap: (dc, dy, dx) from the one of an entry; nothing outside the tensor's
  /// channels. Padding is 0.
  std::function<std::optional<std::int64_t>(std::size_t entry, int dc, int dy, int dx)> neighbour =
      {};
  /// Weight of a column `distance` units away in the same op; nothing outside.
  std::function<std::optional<std::int64_t>(std::size_t column, std::int64_t distance)>
      other_weight = {};
  std::vector<FoldUnit> fold = {};  ///< this unit's fold up to this unit; none in the first fold
  std::int64_t rows = 1;            ///< units per fold: the unit `rows` before was in the same PEs
};

/// Which operand is wrong, as far as the psums tell.
enum class WrongOperand : std::uint8_t { neither, activation, weight };

struct UnitVerdict : Verdict {
  WrongOperand operand = WrongOperand::neither;
  std::vector<std::size_t> entries;  ///< with a wrong activation
  std::vector<std::size_t> columns;  ///< with a wrong weight
  bool whole_row = false;            ///< weight: no column that could show it is right
};
[[nodiscard]] UnitVerdict classify_unit(const UnitEvidence& e);

}  // namespace tactus::triage
