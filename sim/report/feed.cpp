// SPDX-License-Identifier: Apache-2.0
#include "report/feed.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "report/text_table.hpp"

namespace tactus {
namespace {

using Json = nlohmann::ordered_json;

std::string count_text(const std::optional<FedCount>& count) {
  if (!count) return "-";
  std::string text = std::to_string(count->moved) + " of " + std::to_string(count->compared);
  if (count->moved > 0) text += " (by " + std::to_string(count->largest) + ")";
  return text;
}

Json count_json(const FedCount& count) {
  return {{"compared", count.compared}, {"moved", count.moved}, {"largest", count.largest}};
}

Json count_json(const std::optional<FedCount>& count) {
  return count ? count_json(*count) : Json(nullptr);
}

bool differs(const FedLayer& layer) {
  return (layer.output && layer.output->moved > 0) ||
         (layer.accumulators && layer.accumulators->moved > 0);
}

}  // namespace

void FedCount::add(std::int64_t want, std::int64_t got) {
  ++compared;
  if (want == got) return;
  ++moved;
  largest = std::max<std::int64_t>(largest, std::llabs(want - got));
}

void FedCount::add(const FedCount& other) {
  compared += other.compared;
  moved += other.moved;
  largest = std::max(largest, other.largest);
}

FedCount FeedReport::outputs() const {
  FedCount all;
  for (const FedLayer& layer : layers) {
    if (layer.output) all.add(*layer.output);
  }
  return all;
}

FedCount FeedReport::accumulators() const {
  FedCount all;
  for (const FedLayer& layer : layers) {
    if (layer.accumulators) all.add(*layer.accumulators);
  }
  return all;
}

std::string to_text(const FeedReport& report, int columns) {
  const RunReport& run = report.run;
  std::string text = run.identity.model_name + " on " + run.identity.backend + ", " +
                     std::to_string(run.inferences) +
                     " inferences, every layer that multiplies fed its golden operands\n";
  if (run.cycles > 0) text += "cycles " + std::to_string(run.cycles) + "\n";
  TextTable table;
  const auto name_width = static_cast<std::size_t>(std::max(20, columns - 60));
  table.column("layer", name_width, true);
  table.column("output", 28);
  table.column("accumulators", 28);
  std::size_t fed = 0, rows = 0;
  for (const FedLayer& layer : report.layers) {
    fed += layer.fed ? 1 : 0;
    if (!differs(layer)) continue;
    ++rows;
    table.row({layer.id, count_text(layer.output), count_text(layer.accumulators)});
  }
  if (rows > 0) text += table.text();
  text += "fed " + std::to_string(fed) + " layers; integers that move: outputs " +
          count_text(report.outputs()) + ", accumulators " + count_text(report.accumulators()) +
          "\n";
  if (!report.first_difference.empty()) text += "first: " + report.first_difference + "\n";
  return text;
}

std::string to_json(const FeedReport& report) {
  const RunReport& run = report.run;
  Json j = {{"schema", "tactus.feed/1"},
            {"tool", tool_text},
            {"model", {{"name", run.identity.model_name}, {"sha256", run.identity.model_sha256}}},
            {"backend", run.identity.backend},
            {"config_hash", run.config_hash},
            {"inferences", run.inferences},
            {"cycles", run.cycles},
            {"totals",
             {{"output", count_json(report.outputs())},
              {"accumulators", count_json(report.accumulators())}}},
            {"first_difference",
             report.first_difference.empty() ? Json(nullptr) : Json(report.first_difference)},
            {"layers", Json::array()}};
  for (const FedLayer& layer : report.layers) {
    j["layers"].push_back({{"id", layer.id},
                           {"source_name", layer.source_name},
                           {"op", layer.op},
                           {"fed", layer.fed},
                           {"output", count_json(layer.output)},
                           {"accumulators", count_json(layer.accumulators)}});
  }
  return j.dump(1) + "\n";
}

}  // namespace tactus
