// SPDX-License-Identifier: Apache-2.0
// From the number of a point to its rows; one object per process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explore/design_point.hpp"
#include "sweep/audit.hpp"
#include "sweep/models.hpp"
#include "sweep/point_list.hpp"
#include "sweep/table_row.hpp"

namespace tactus::sweep {

class Evaluator {
 public:
  /// Keeps references. To be made before workers are forked, which then share what it holds.
  Evaluator(const Spec& spec, const PointList& points, const std::vector<LoadedModel>& models,
            bool layers, AuditShare audit);

  /// Rows of points, layers, audits and host_times.
  [[nodiscard]] std::vector<TableRow> evaluate(std::uint64_t point);
  /// The row of table variants for the variant of a point that is ok.
  [[nodiscard]] TableRow evaluate_variant(std::uint64_t point);

 private:
  [[nodiscard]] std::vector<Value> head(std::uint64_t point, const ArchConfig& config) const;
  void add_figures(const DesignPoint& figures, const ArchConfig& config,
                   std::vector<Value>& cells) const;
  void add_layers(std::uint64_t point, const PointTimer& timer, const DesignPoint& figures,
                  std::vector<TableRow>& rows) const;

  const Spec& spec_;
  const PointList& points_;
  const std::vector<LoadedModel>& models_;
  std::vector<PointTimer> timers_;  ///< one a model
  bool layers_;
  AuditShare audit_;
  std::size_t columns_;
};

/// Key of a numeric variant: 32 hex digits.
[[nodiscard]] std::string variant_hash(const LoadedModel& model, const std::string& numeric_key);

}  // namespace tactus::sweep
