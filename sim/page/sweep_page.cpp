// SPDX-License-Identifier: Apache-2.0
#include "page/sweep_page.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "numerics/errors.hpp"
#include "page/column.hpp"
#include "page/html.hpp"
#include "sweep/database.hpp"
#include "sweep/sqlite.hpp"

namespace tactus::page {
namespace {

using Json = nlohmann::ordered_json;
using sweep::Sqlite;
using sweep::Statement;
using sweep::Value;

/// Columns with a text of their own; the others are shown by their name.
struct Known {
  const char *name, *label, *unit, *kind, *role;
};
constexpr std::array<Known, 28> known_columns{{
    {"point", "point", "", "plain", "id"},
    {"status", "status", "", "plain", "status"},
    {"reason", "reason", "", "plain", "reason"},
    {"model", "model", "", "plain", "axis"},
    {"cycles", "cycles", "", "count", "metric"},
    {"energy_pj", "energy", "pJ", "energy", "metric"},
    {"accuracy", "accuracy", "", "ratio", "metric"},
    {"traffic_bytes", "off-chip traffic", "bytes", "bytes", "metric"},
    {"storage_bytes", "on-chip storage", "bytes", "bytes", "metric"},
    {"seconds_at_clock", "time at the clock", "s", "seconds", "metric"},
    {"utilization", "utilisation", "", "ratio", "metric"},
    {"pes", "PEs", "", "count", "metric"},
    {"energy_lo_pj", "energy, lower bound", "pJ", "energy", "metric"},
    {"energy_hi_pj", "energy, upper bound", "pJ", "energy", "metric"},
    {"offchip_bytes_read", "bytes read", "bytes", "bytes", "metric"},
    {"offchip_bytes_written", "bytes written", "bytes", "bytes", "metric"},
    {"compute_cycles", "array busy", "cycles", "count", "metric"},
    {"stall_ifmap", "stalled by ifmap", "cycles", "count", "metric"},
    {"stall_weight", "stalled by weights", "cycles", "count", "metric"},
    {"stall_param", "stalled by parameters", "cycles", "count", "metric"},
    {"stall_psum", "stalled by psums", "cycles", "count", "metric"},
    {"stall_store", "stalled by stores", "cycles", "count", "metric"},
    {"stall_token", "stalled by dispatch", "cycles", "count", "metric"},
    {"macs", "MACs", "", "count", "metric"},
    {"macs_executed", "MACs executed", "", "count", "metric"},
    {"correct", "correct", "inputs", "count", "metric"},
    {"image_bytes", "memory image", "bytes", "bytes", "metric"},
    {"tile_ops", "tile ops", "", "count", "metric"},
}};

/// In the database, but not on the page.
bool left_out(const std::string& name) {
  return name.rfind("event_", 0) == 0 || name == "hash" || name == "variant" ||
         name == "inferences" || name == "count" || name == "cycles_first" ||
         name == "cycles_steady";
}

/// The column of `results` that an objective is about.
std::string column_of(const std::string& objective) {
  static const std::map<std::string, std::string> names{{"energy", "energy_pj"},
                                                        {"traffic", "traffic_bytes"},
                                                        {"storage", "storage_bytes"},
                                                        {"seconds", "seconds_at_clock"}};
  const auto it = names.find(objective);
  return it == names.end() ? objective : it->second;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  std::string item;
  for (const char c : list + ",") {
    if (c == ',') {
      if (!item.empty()) out.push_back(item);
      item.clear();
    } else if (c != ' ') {
      item += c;
    }
  }
  return out;
}

struct Axes {
  Json json = Json::array();
  std::map<std::string, std::string> units;  ///< of each axis key
};

/// Keys of an axis in the order of the specification, which is that of the columns.
Axes axes_of(const Sqlite& db) {
  std::map<std::string, std::int64_t> axis_of;
  Axes out;
  Statement rows(db, "SELECT DISTINCT key, axis, unit FROM axes");
  while (rows.step()) {
    axis_of[rows.text(0)] = rows.integer(1);
    out.units[rows.text(0)] = rows.text(2);
  }
  std::map<std::int64_t, std::vector<std::string>> keys;
  Statement head(db, "SELECT * FROM results LIMIT 0");
  for (int i = 0; i < head.columns(); ++i) {
    const auto it = axis_of.find(head.column_name(i));
    if (it != axis_of.end()) keys[it->second].push_back(it->first);
  }
  for (const auto& [axis, names] : keys) {
    std::string label;
    for (const std::string& name : names) label += (label.empty() ? "" : " x ") + name;
    out.json.push_back({{"keys", names}, {"label", label}});
  }
  return out;
}

ColumnText text_of(const std::string& name, const Axes& axes) {
  for (const Known& k : known_columns) {
    if (name == k.name)
      return {name,   k.label, k.unit,
              k.kind, k.role,  name == "utilization" || name == "accuracy" || name == "correct"};
  }
  const auto axis = axes.units.find(name);
  if (axis != axes.units.end()) return {name, name, axis->second, "plain", "axis", false};
  return {name, name, "", "count", "metric", false};
}

/// Axes first, then what was measured, in the order of the table above.
int rank_of(const ColumnText& text) {
  const std::array<const char*, 4> roles{"id", "status", "reason", "axis"};
  if (text.name == "model") return 3;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (text.role == roles[i]) return i == 2 ? 900 : static_cast<int>(i) + (i == 3 ? 1 : 0);
  }
  for (std::size_t i = 0; i < known_columns.size(); ++i) {
    if (text.name == known_columns[i].name) return 10 + static_cast<int>(i);
  }
  return 500;
}

/// Columns that hold a text anywhere are texts.
std::vector<bool> texts_of(const Sqlite& db, const std::vector<std::string>& names) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = sweep::quoted(names[i]);
    sql += (i == 0 ? "" : ", ") + ("MAX(typeof(" + name + ") = 'text')");
  }
  Statement row(db, sql + " FROM results");
  std::vector<bool> out(names.size(), false);
  if (row.step()) {
    for (std::size_t i = 0; i < names.size(); ++i) out[i] = row.integer(static_cast<int>(i)) != 0;
  }
  return out;
}

std::vector<Column> columns_of(const Sqlite& db, const Axes& axes, std::uint64_t& rows) {
  std::vector<std::string> names;
  {
    Statement head(db, "SELECT * FROM results LIMIT 0");
    for (int i = 0; i < head.columns(); ++i) {
      if (!left_out(head.column_name(i))) names.push_back(head.column_name(i));
    }
  }
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return rank_of(text_of(a, axes)) < rank_of(text_of(b, axes));
  });
  const std::vector<bool> is_text = texts_of(db, names);
  std::vector<Column> columns;
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const ColumnText text = text_of(names[i], axes);
    const bool word = is_text[i] || text.role == "status" || text.role == "reason";
    columns.emplace_back(text, word);
    sql += (i == 0 ? "" : ", ") + sweep::quoted(names[i]);
  }
  Statement all(db, sql + " FROM results ORDER BY point");
  for (rows = 0; all.step(); ++rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Value value = all.value(static_cast<int>(i));
      Column& column = columns[i];
      if (const auto* text = std::get_if<std::string>(&value)) {
        column.add_text(*text);
      } else if (const auto* real = std::get_if<double>(&value)) {
        column.add_number(*real);
      } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        if (is_text[i]) {
          column.add_text(std::to_string(*whole));
        } else {
          column.add_number(static_cast<double>(*whole));
        }
      } else {
        column.add_unknown();
      }
    }
  }
  return columns;
}

Json audits_of(const Sqlite& db) {
  Json out = {{"count", 0}, {"different", 0}, {"backends", Json::array()}};
  Statement rows(db, "SELECT backend, COUNT(*), SUM(equal = 0) FROM audits GROUP BY backend");
  while (rows.step()) {
    out["backends"].push_back(rows.text(0));
    out["count"] = out["count"].get<std::int64_t>() + rows.integer(1);
    out["different"] = out["different"].get<std::int64_t>() + rows.integer(2);
  }
  return out;
}

Json header_of(const Sqlite& db, const std::string& path, const Axes& axes) {
  Json head = {{"kind", "sweep"},
               {"file", std::filesystem::path(path).filename().string()},
               {"tool", sweep::meta(db, "tool")},
               {"spec", sweep::meta(db, "spec")},
               {"objectives", Json::array()},
               {"axes", axes.json},
               {"config", Json::object()},
               {"models", Json::array()},
               {"reasons", Json::array()},
               {"audits", audits_of(db)}};
  for (const std::string& name : split(sweep::meta(db, "objectives"))) {
    head["objectives"].push_back(column_of(name));
  }
  Statement config(db, "SELECT key, value FROM config ORDER BY key");
  while (config.step()) head["config"][config.text(0)] = config.text(1);
  Statement models(db, "SELECT label, name, file FROM models ORDER BY label");
  while (models.step()) {
    head["models"].push_back(
        {{"label", models.text(0)}, {"name", models.text(1)}, {"file", models.text(2)}});
  }
  Statement reasons(db,
                    "SELECT reason, COUNT(*) FROM results WHERE reason IS NOT NULL "
                    "GROUP BY reason ORDER BY COUNT(*) DESC, reason LIMIT 50");
  while (reasons.step()) {
    head["reasons"].push_back({{"reason", reasons.text(0)}, {"count", reasons.integer(1)}});
  }
  return head;
}

}  // namespace

ResultPage sweep_page(const std::string& path) {
  const Sqlite db = sweep::open_sweep(path, Sqlite::Mode::read);
  const Axes axes = axes_of(db);
  ResultPage out;
  out.kind = "sweep";
  const std::vector<Column> columns = columns_of(db, axes, out.items);
  if (out.items == 0) throw BadInput(path + ": the sweep has no points yet", path);
  Json head = header_of(db, path, axes);
  const std::string shard = sweep::meta(db, "shard");
  const bool whole = shard.empty() || shard == "0/1";
  head["shard"] = whole ? "" : shard;
  const std::uint64_t points = std::stoull(sweep::meta(db, "points"));
  head["missing"] = whole && points > out.items ? points - out.items : 0;
  head["rows"] = out.items;
  head["columns"] = Json::array();
  std::string values;
  for (const Column& column : columns) head["columns"].push_back(column.store(values));
  const std::string text = head.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto length = static_cast<std::uint32_t>(text.size());
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes += text;
  bytes.resize((bytes.size() + 7) / 8 * 8);
  bytes += values;
  out.html = page_with_bytes("tactus sweep: " + head["file"].get<std::string>(), bytes);
  return out;
}

}  // namespace tactus::page
