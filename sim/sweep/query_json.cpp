// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/report.hpp"
#include "sweep/query.hpp"

namespace tactus::sweep {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return nullptr;
  if (*text == "true" || *text == "false") return *text == "true";
  return *text;
}

std::string text_of(const Json& j) {
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* name_of(Query::Kind kind) {
  constexpr const char* names[] = {"list", "best", "pareto"};
  return names[static_cast<unsigned>(kind)];
}

}  // namespace

std::string to_json(const Answer& answer) {
  Json j = {{"schema", "tactus.sweep_query/1"},
            {"tool", answer.tool},
            {"database", answer.database},
            {"query", name_of(answer.query.kind)},
            {"objectives", answer.query.objectives},
            {"matched", answer.matched},
            {"points", Json::array()}};
  for (const auto& row : answer.rows) {
    Json point = Json::object(), axes = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string& name = answer.columns[i];
      const bool axis = std::find(answer.axis_keys.begin(), answer.axis_keys.end(), name) !=
                        answer.axis_keys.end();
      (axis ? axes : point)[name] = json_of(row[i]);
    }
    point["axes"] = std::move(axes);
    j["points"].push_back(std::move(point));
  }
  return text_of(j);
}

std::string to_json(const SweepSummary& s, const std::string& database) {
  return text_of(Json{{"schema", "tactus.sweep/1"},
                      {"tool", tool_text},
                      {"database", database},
                      {"points", s.points},
                      {"evaluated", s.evaluated},
                      {"ok", s.ok},
                      {"invalid", s.invalid},
                      {"excluded", s.excluded},
                      {"failed", s.failed},
                      {"variants", s.variants},
                      {"audits", s.audits},
                      {"difference", s.difference.empty() ? Json(nullptr) : Json(s.difference)},
                      {"stopped", s.stopped},
                      {"host", {{"wall_seconds", s.seconds}, {"peak_kib", s.peak_kib}}}});
}

}  // namespace tactus::sweep
