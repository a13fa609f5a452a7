// SPDX-License-Identifier: Apache-2.0
// The only file of this folder that writes JSON.
#include <nlohmann/json.hpp>

#include "report/compare.hpp"
#include "report/report.hpp"

namespace tactus {
namespace {

using Json = nlohmann::ordered_json;

Json typed(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  const std::size_t digits = text.find_first_not_of("-0123456789");
  if (!text.empty() && digits == std::string::npos && text != "-") return std::stoll(text);
  return text;
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json config_of(const std::string& hash,
               const std::vector<std::pair<std::string, std::string>>& values) {
  Json map = Json::object();
  for (const auto& [key, value] : values) map[key] = typed(value);
  return {{"hash", hash}, {"values", std::move(map)}};
}

Json op_of(const std::optional<FoundOp>& op) {
  if (!op) return nullptr;
  return {{"queue", name_of(op->queue)}, {"seq", op->seq}, {"layer", op->layer}, {"op", op->text}};
}

Json finding_of(const Finding& f) {
  Json j = {{"class", name_of(f.fault_class)},
            {"reason", f.reason},
            {"op", op_of(f.op)},
            {"suspect", op_of(f.from)},
            {"element", nullptr},
            {"quantity", or_null(f.quantity)},
            {"expected", or_null(f.expected)},
            {"actual", or_null(f.actual)},
            {"expected_binary", nullptr},
            {"actual_binary", nullptr},
            {"wrong", f.wrong},
            {"of", f.of},
            {"step", or_null(f.step)},
            {"fold", or_null(f.fold)},
            {"k_unit", or_null(f.k_unit)},
            {"cycle", or_null(f.cycle)},
            {"window", nullptr}};
  if (f.element) {
    const FoundElement& e = *f.element;
    j["element"] = {{"tensor", e.tensor}, {"n", e.n}, {"c", e.c}, {"y", e.y}, {"x", e.x}};
  }
  if (f.bits > 0 && f.expected) j["expected_binary"] = binary(*f.expected, f.bits);
  if (f.bits > 0 && f.actual) j["actual_binary"] = binary(*f.actual, f.bits);
  if (f.window) j["window"] = {f.window->first, f.window->second};
  return j;
}

Json energy_of(const Energy& e) { return {{"value", e.value}, {"lo", e.lo}, {"hi", e.hi}}; }

Json stalls_of(const Stalls& s) {
  return {{"ifmap", s.ifmap}, {"weight", s.weight}, {"param", s.param},
          {"psum", s.psum},   {"store", s.store},   {"token", s.token}};
}

Json events_of(const EventCounts& events) {
  Json map = Json::object();
  for (std::size_t i = 0; i < event_count; ++i) {
    map[event_text[i].name] = events[static_cast<Event>(i)];
  }
  return map;
}

/// null where the caller has no costs.
Json cost_of(const LayerCosts& costs, const std::string& id) {
  const auto it = costs.find(id);
  if (it == costs.end()) return nullptr;
  const LayerCost& c = it->second;
  return {{"macs", c.macs},
          {"bops", c.bops},
          {"weights", c.weights},
          {"zero_weights", c.zero_weights},
          {"weight_bytes", c.weight_bytes},
          {"constant_bytes", c.constant_bytes},
          {"output_bytes", c.output_bytes}};
}

/// null for layers without accumulators.
Json accumulator_of(const AccumulatorNeeds& needs, const std::string& id) {
  const auto it = needs.find(id);
  if (it == needs.end()) return nullptr;
  const AccumulatorNeed& n = it->second;
  Json j = {{"worst_case_bits", n.worst_case_bits}, {"data_bits", or_null(n.data_bits)}};
  if (n.data_bits) {
    j["data_min"] = n.data_min;
    j["data_max"] = n.data_max;
  }
  return j;
}

Json layer_of(const LayerRow& row, const AccumulatorNeeds& needs) {
  return {{"id", row.id},
          {"source_name", row.source_name},
          {"op", row.op},
          {"fused_into", or_null(row.fused_into)},
          {"cycles", row.cycles},
          {"compute_cycles", row.compute_cycles},
          {"stalls", stalls_of(row.stalls)},
          {"macs", row.macs},
          {"macs_executed", row.macs_executed},
          {"utilization", row.utilization},
          {"accumulator", accumulator_of(needs, row.id)},
          {"energy_pj", energy_of(row.energy)},
          {"events", events_of(row.events)}};
}

Json run_of(const RunReport& r, const char* schema) {
  Json j = {{"schema", schema},
            {"tool", tool_text},
            {"config", config_of(r.config_hash, r.config_values)},
            {"model", {{"name", r.identity.model_name}, {"sha256", r.identity.model_sha256}}},
            {"backend", r.identity.backend}};
  j["totals"] = {{"cycles", r.cycles},
                 {"cycles_first", r.cycles_first},
                 {"cycles_steady", r.cycles_steady},
                 {"inferences", r.inferences},
                 {"macs", r.macs},
                 {"macs_executed", r.macs_executed},
                 {"utilization", r.utilization},
                 {"energy_pj", energy_of(r.energy)},
                 {"energy_table", r.energy_table},
                 {"events", events_of(r.events)},
                 {"offchip_bytes_read", r.bytes_read},
                 {"offchip_bytes_written", r.bytes_written},
                 {"seconds_at_clock", r.seconds_at_clock}};
  j["layers"] = Json::array();
  for (const LayerRow& row : r.layers) j["layers"].push_back(layer_of(row, r.accumulators));
  j["outputs"] = nullptr;
  if (r.outputs) {
    j["outputs"] = {{"compared", r.outputs->compared},
                    {"mismatches", r.outputs->mismatches},
                    {"first_mismatch", or_null(r.outputs->first_mismatch)}};
  }
  j["accuracy"] = nullptr;
  if (r.accuracy) {
    j["accuracy"] = {{"top1", r.accuracy->top1()},
                     {"correct", r.accuracy->correct},
                     {"count", r.accuracy->count}};
  }
  const double rate = r.wall_seconds > 0 ? static_cast<double>(r.cycles) / r.wall_seconds : 0.0;
  j["host"] = {{"wall_seconds", r.wall_seconds}, {"cycles_per_second", rate}};
  return j;
}

/// File names in messages need not be UTF-8.
std::string text_of(const Json& j) {
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json delta_of(double a, double b) { return {{"a", a}, {"b", b}, {"delta", b - a}}; }

Json delta_of(Cycle a, Cycle b) {
  return {{"a", a}, {"b", b}, {"delta", static_cast<std::int64_t>(b - a)}};
}

Json side_of(const ComparedRun& run) {
  return {{"file", run.file},
          {"backend", run.backend},
          {"model", run.model_name},
          {"config_hash", run.config_hash}};
}

}  // namespace

std::string to_json(const RunReport& report) { return text_of(run_of(report, "tactus.run/1")); }

std::string to_json(const CheckReport& report) {
  Json j = run_of(report.run, "tactus.check/1");
  j["equal"] = report.equal();
  j["pairs"] = Json::array();
  for (const PairResult& p : report.pairs) {
    j["pairs"].push_back({{"a", p.a},
                          {"b", p.b},
                          {"outputs_equal", p.outputs_equal},
                          {"cycles_equal", or_null(p.cycles_equal)},
                          {"events_equal", or_null(p.events_equal)},
                          {"first_difference", or_null(p.first_difference)},
                          {"finding", p.finding ? finding_of(*p.finding) : Json(nullptr)}});
  }
  return text_of(j);
}

std::string to_json(const RunComparison& c) {
  Json j = {{"schema", "tactus.compare/1"},
            {"tool", tool_text},
            {"a", side_of(c.a)},
            {"b", side_of(c.b)},
            {"totals",
             {{"cycles", delta_of(c.a.total.cycles, c.b.total.cycles)},
              {"energy_pj", delta_of(c.a.total.energy_pj, c.b.total.energy_pj)}}},
            {"layers", Json::array()}};
  for (const LayerDelta& d : c.layers) {
    const ComparedLayer none;
    const ComparedLayer& a = d.a ? *d.a : none;
    const ComparedLayer& b = d.b ? *d.b : none;
    j["layers"].push_back({{"id", d.id},
                           {"only_in", d.a && d.b ? Json(nullptr) : Json(d.a ? "a" : "b")},
                           {"cycles", delta_of(a.cycles, b.cycles)},
                           {"stalls", delta_of(a.stalls, b.stalls)},
                           {"energy_pj", delta_of(a.energy_pj, b.energy_pj)}});
  }
  return text_of(j);
}

std::string error_to_json(int code, const std::string& file, const std::string& layer,
                          const std::string& message) {
  return text_of(Json{{"error",
                       {{"code", code},
                        {"file", or_null(file)},
                        {"layer", or_null(layer)},
                        {"message", message}}}});
}

std::string config_to_json(const ArchConfig& config) {
  Json j = config_of(config_hash(config), effective(config));
  j["schema"] = "tactus.config/1";
  j["tool"] = tool_text;
  j["elab_hash"] = elab_hash(config);
  j["fields"] = Json::array();
  for (const ArchField& f : arch_fields()) {
    j["fields"].push_back({{"key", f.key},
                           {"value", typed(get(config, f.key))},
                           {"default", typed(f.default_value)},
                           {"type", f.type},
                           {"range", f.range},
                           {"unit", f.unit},
                           {"binding", name_of(f.binding)},
                           {"doc", f.doc}});
  }
  return text_of(j);
}

std::string inspect_to_json(const Program& program, const ArchConfig& config,
                            const std::string& model_name, const std::string& model_sha256,
                            const AccumulatorNeeds& accumulators, const LayerCosts& costs) {
  std::int64_t segments = 0;
  for (const TileOp& op : program.ops) segments += op.seg_end || op.prog_end ? 1 : 0;
  Json j = {{"schema", "tactus.inspect/1"},
            {"tool", tool_text},
            {"config", config_of(config_hash(config), effective(config))},
            {"model", {{"name", model_name}, {"sha256", model_sha256}}},
            {"program",
             {{"ops", program.ops.size()},
              {"segments", segments},
              {"image_bytes", program.image.size()}}},
            {"layers", Json::array()},
            {"tensors", Json::array()}};
  for (const LayerInfo& l : program.layers) {
    j["layers"].push_back({{"id", l.id},
                           {"source_name", l.source_name},
                           {"op", l.op},
                           {"fused_into", or_null(l.fused_into)},
                           {"macs", l.macs},
                           {"macs_executed", l.macs_executed},
                           {"fold_rows", l.fold_rows},
                           {"accumulator", accumulator_of(accumulators, l.id)},
                           {"cost", cost_of(costs, l.id)},
                           {"mapping", l.mapping}});
  }
  for (const TensorPlace& t : program.tensors) {
    j["tensors"].push_back({{"name", t.name},
                            {"shape", {t.c, t.h, t.w}},
                            {"element_bytes", t.element_bytes},
                            {"pack", t.pack},
                            {"bundle", t.bundle},
                            {"signed", t.is_signed},
                            {"in_memory", t.in_memory},
                            {"address", t.address}});
  }
  return text_of(j);
}

}  // namespace tactus
