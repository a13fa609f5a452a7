// SPDX-License-Identifier: Apache-2.0
// A run in which every weighted layer is fed the operand that the model file has for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/report.hpp"

namespace tactus {

/// Integers compared with the model file's.
struct FedCount {
  std::int64_t compared = 0, moved = 0, largest = 0;  ///< largest: of the absolute differences
  void add(std::int64_t want, std::int64_t got);
  void add(const FedCount& other);
};

struct FedLayer {
  std::string id, source_name, op;
  bool fed = false;                              ///< a weighted layer that reads golden operands
  std::optional<FedCount> output, accumulators;  ///< absent without golden tensors
};

struct FeedReport {
  RunReport run;  ///< of the fed network; its outputs count a tensor once
  std::vector<FedLayer> layers;
  std::string first_difference;  ///< one sentence, empty without
  [[nodiscard]] FedCount outputs() const;
  [[nodiscard]] FedCount accumulators() const;
};

/// Layers with a difference and the totals.
[[nodiscard]] std::string to_text(const FeedReport& report, int columns);
/// schema/feed.schema.json
[[nodiscard]] std::string to_json(const FeedReport& report);

}  // namespace tactus
