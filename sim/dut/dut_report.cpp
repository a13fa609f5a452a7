// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "dut/dut_check.hpp"
#include "report/text_table.hpp"
#include "tactus_dut.h"

namespace tactus {
namespace {

using Json = nlohmann::ordered_json;

std::string fact(const std::string& label, const std::string& text) {
  return label + std::string(label.size() < 10 ? 10 - label.size() : 1, ' ') + text + "\n";
}

std::string verdict(const DutLayerRow& row) {
  if (!row.unsupported.empty()) return "not checked";
  std::string text = row.mismatches == 0 ? std::to_string(row.compared) + " equal"
                                         : std::to_string(row.mismatches) + " DIFFER";
  if (row.cycles_equal && !*row.cycles_equal) text += ", cycles DIFFER";
  return text;
}

std::string layers_text(const DutReport& report) {
  TextTable table;
  table.column("layer", 22, true);
  table.column("op", 14, true);
  table.column("tactus", 10);
  table.column("dut", 10);
  table.column("ratio", 6);
  table.column("values", 14, true);
  for (const DutLayerRow& row : report.layers) {
    const bool both = row.cycles_dut && row.fused_into.empty() && row.cycles_tactus > 0;
    table.row(
        {row.id, row.op, row.fused_into.empty() ? fitted(row.cycles_tactus, 10) : "(fused)",
         row.cycles_dut ? fitted(*row.cycles_dut, 10) : "-",
         both ? fixed(static_cast<double>(*row.cycles_dut) / static_cast<double>(row.cycles_tactus),
                      2)
              : "-",
         verdict(row)});
  }
  return table.text();
}

/// Layers with equal reasons in one paragraph.
std::string unsupported_text(const DutReport& report) {
  std::vector<std::pair<std::string, std::string>> reasons;
  for (const DutLayerRow& row : report.layers) {
    if (row.unsupported.empty()) continue;
    auto it = reasons.begin();
    while (it != reasons.end() && it->first != row.unsupported) ++it;
    if (it == reasons.end()) {
      reasons.emplace_back(row.unsupported, row.id);
    } else {
      it->second += ", " + row.id;
    }
  }
  std::string text;
  for (const auto& [reason, layers] : reasons) {
    text += "not supported: " + reason + "\n  " + layers + "\n";
  }
  return text;
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json layer_json(const DutLayerRow& row) {
  Json first = nullptr;
  if (const auto& m = row.first_mismatch) {
    first = {{"inference", m->inference},
             {"element", {m->c, m->y, m->x}},
             {"expected", m->expected},
             {"actual", m->written ? Json(m->actual) : Json(nullptr)}};
  }
  return {{"id", row.id},
          {"source_name", row.source_name},
          {"op", row.op},
          {"fused_into", or_null(row.fused_into)},
          {"unsupported", or_null(row.unsupported)},
          {"cycles_tactus", row.fused_into.empty() ? Json(row.cycles_tactus) : Json(nullptr)},
          {"cycles_dut", or_null(row.cycles_dut)},
          {"cycles_equal", or_null(row.cycles_equal)},
          {"compared", row.compared},
          {"mismatches", row.mismatches},
          {"first_mismatch", std::move(first)}};
}

}  // namespace

std::string to_text(const DutReport& report) {
  std::string out = fact("model", report.model_name);
  out += fact("dut", report.library);
  out += fact("config", report.config_hash.substr(0, 16));
  out +=
      fact("inputs", std::to_string(report.inferences) + ", layers fed with " +
                         (report.options.chain ? "what the DUT gave" : "the reference's tensors"));
  out += "\n" + layers_text(report) + "\n";
  if (report.golden) {
    const OutputComparison& g = *report.golden;
    out += fact("golden", g.mismatches == 0
                              ? std::to_string(g.compared) + " values of the reference, all equal"
                              : std::to_string(g.mismatches) + " of " + std::to_string(g.compared) +
                                    " values of the reference differ, the first:");
    if (!g.first_mismatch.empty()) out += fact("", g.first_mismatch);
  }
  out += fact("host", fixed(report.wall_seconds, 3) + " s");
  const auto layers = static_cast<std::int64_t>(report.layers.size());
  if (report.checked() < layers) out += "\n" + unsupported_text(report);
  out += "\n";
  if (!report.first_difference.empty()) out += report.first_difference + "\n";
  out += std::to_string(report.checked()) + " of " + std::to_string(layers) + " layers checked, " +
         std::to_string(report.compared()) + " values compared, " +
         (report.mismatches() == 0 ? "all equal" : std::to_string(report.mismatches()) + " differ");
  if (report.checked() < layers) {
    out += "; " + std::to_string(layers - report.checked()) + " not supported and NOT checked";
  }
  return out + ".\n";
}

std::string to_json(const DutReport& report) {
  Json j = {{"schema", "tactus.dut_check/1"},
            {"tool", tool_text},
            {"config", {{"hash", report.config_hash}}},
            {"model", {{"name", report.model_name}, {"sha256", report.model_sha256}}},
            {"dut", {{"library", report.library}, {"abi_version", TACTUS_DUT_ABI_VERSION}}},
            {"feed", report.options.chain ? "chain" : "reference"},
            {"inferences", report.inferences},
            {"equal", report.equal()},
            {"first_difference", or_null(report.first_difference)},
            {"layers", Json::array()}};
  for (const DutLayerRow& row : report.layers) j["layers"].push_back(layer_json(row));
  j["totals"] = {{"layers", report.layers.size()},
                 {"checked", report.checked()},
                 {"compared", report.compared()},
                 {"mismatches", report.mismatches()}};
  j["golden"] = nullptr;
  if (report.golden) {
    j["golden"] = {{"compared", report.golden->compared},
                   {"mismatches", report.golden->mismatches},
                   {"first_mismatch", or_null(report.golden->first_mismatch)}};
  }
  j["host"] = {{"wall_seconds", report.wall_seconds}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tactus
