// SPDX-License-Identifier: Apache-2.0
// Questions to the database of a sweep, with their answers as text and JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sweep/objective.hpp"
#include "sweep/run_sweep.hpp"
#include "sweep/sqlite.hpp"

namespace tactus::sweep {

struct Query {
  enum class Kind : std::uint8_t { list, best, pareto } kind = Kind::list;
  std::vector<std::string> objectives;  ///< best: one; pareto: none means those of the spec
  std::string where;                    ///< an expression over the columns of `results`
  std::uint64_t top = 0;                ///< most rows, 0: all
};

/// Rows of the view `results`.
struct Answer {
  std::string database, tool;
  Query query;
  std::vector<std::string> columns;    ///< all of the view
  std::vector<std::string> axis_keys;  ///< in the order of the spec, `model` not among them
  std::vector<std::vector<Value>> rows;
  std::uint64_t matched = 0;  ///< rows before `top`
};

/// list: by number of the point. best: only points with the objective, best first. pareto: points
/// that no other one is at least as good as in all objectives and better in one; sorted by the
/// first objective. Throws BadInput.
[[nodiscard]] Answer ask(const std::string& database, const Query& query);

/// Positions in `points` that are not dominated; smaller is better, all of equal length.
[[nodiscard]] std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& points);

/// A table that fits `columns`; axes that do not fit are named below it.
[[nodiscard]] std::string to_text(const Answer& answer, int columns);
/// report/schema/sweep_query.schema.json
[[nodiscard]] std::string to_json(const Answer& answer);

[[nodiscard]] std::string to_text(const SweepSummary& summary, const std::string& database);
/// report/schema/sweep.schema.json
[[nodiscard]] std::string to_json(const SweepSummary& summary, const std::string& database);

}  // namespace tactus::sweep
