// SPDX-License-Identifier: Apache-2.0
#include "sweep/database.hpp"

#include <unistd.h>

#include <array>
#include <ctime>
#include <filesystem>

#include "numerics/errors.hpp"
#include "report/report.hpp"
#include "sweep/objective.hpp"

namespace tactus::sweep {
namespace {

std::string list_of(const std::vector<Column>& columns) {
  std::string text;
  for (const auto& c : columns) {
    text += (text.empty() ? "" : ", ") + quoted(c.name) + " " + c.type;
  }
  return text;
}

void create_tables(const Sqlite& db, const Spec& spec) {
  for (int t = 0; t < table_count; ++t) {
    const auto table = static_cast<Table>(t);
    std::string columns = list_of(columns_of(table, spec));
    if (table == Table::layers) columns += ", PRIMARY KEY (point, layer)";
    if (table == Table::audits) columns += ", PRIMARY KEY (point, backend)";
    const bool small_rows = table == Table::layers || table == Table::audits;
    db.run("CREATE TABLE " + std::string(name_of(table)) + " (" + columns + ")" +
           (small_rows ? " WITHOUT ROWID" : ""));
  }
  db.run(
      "CREATE TABLE axes (axis INTEGER, key TEXT, position INTEGER, value, unit TEXT, "
      "PRIMARY KEY (axis, key, position)) WITHOUT ROWID");
  db.run("CREATE TABLE config (key TEXT PRIMARY KEY, value) WITHOUT ROWID");
  db.run(
      "CREATE TABLE models (label TEXT PRIMARY KEY, name TEXT, file TEXT, sha256 TEXT, "
      "macs INTEGER, labels INTEGER) WITHOUT ROWID");
  db.run(
      "CREATE TABLE sessions (session INTEGER PRIMARY KEY, started TEXT, host TEXT, "
      "workers INTEGER, points INTEGER, seconds REAL, peak_kib INTEGER, ended TEXT)");
  std::string columns;
  for (const auto& c : columns_of(Table::points, spec)) {
    if (c.name == "status") {
      columns +=
          ", CASE WHEN v.status = 'overflow' AND p.status = 'ok' THEN 'invalid' "
          "ELSE p.status END AS status";
    } else if (c.name == "reason") {
      columns += ", coalesce(p.reason, v.reason) AS reason";
    } else {
      columns += (columns.empty() ? "p." : ", p.") + quoted(c.name) + " AS " + quoted(c.name);
    }
  }
  db.run("CREATE VIEW results AS SELECT " + columns +
         ", v.accuracy AS accuracy, v.correct AS correct, v.\"count\" AS \"count\" FROM points p "
         "LEFT JOIN variants v ON v.variant = p.variant");
}

Value typed(const std::string& text) {
  const auto number = whole_number(text);
  return number ? Value(*number) : Value(text);
}

std::string unit_of(const std::string& key) {
  for (const auto& field : arch_fields()) {
    if (field.key == key) return field.unit;
  }
  return {};
}

void fill_head(const Sqlite& db, const Head& head, const std::string& hash) {
  std::string objectives;
  for (const auto& name : head.spec.objectives) {
    objectives += (objectives.empty() ? "" : ",") + name;
  }
  const std::array<std::pair<const char*, std::string>, 10> entries{{
      {"format", "tactus.sweep"},
      {"version", std::to_string(database_version)},
      {"tool", tool_text},
      {"spec", head.spec.text},
      {"spec_file", head.spec.file},
      {"spec_hash", hash},
      {"points", std::to_string(head.points)},
      {"objectives", objectives},
      {"shard", head.shard.text()},
      {"layers", head.layers ? "1" : "0"},
  }};
  for (const auto& [key, value] : entries) {
    db.run("INSERT INTO meta VALUES (?, ?)", {std::string(key), value});
  }
  const auto axis = [&](std::size_t number, const std::string& key, std::size_t position,
                        const Value& value) {
    db.run("INSERT INTO axes VALUES (?, ?, ?, ?, ?)",
           {static_cast<std::int64_t>(number), key, static_cast<std::int64_t>(position), value,
            unit_of(key)});
  };
  for (std::size_t i = 0; i < head.models.size(); ++i) {
    const LoadedModel& m = head.models[i];
    db.run("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?)",
           {m.label, m.work.network.name, m.file, m.sha256, m.macs,
            static_cast<std::int64_t>(m.test_set.size())});
    axis(0, "model", i, m.label);
  }
  for (std::size_t a = 0; a < head.spec.axes.size(); ++a) {
    const Axis& on = head.spec.axes[a];
    for (std::size_t i = 0; i < on.values.size(); ++i) {
      for (std::size_t k = 0; k < on.keys.size(); ++k) {
        axis(a + 1, on.keys[k], i, typed(on.values[i][k]));
      }
    }
  }
  for (const auto& [key, value] : effective(head.spec.base)) {
    db.run("INSERT INTO config VALUES (?, ?)", {key, typed(value)});
  }
}

void set_pragmas(const Sqlite& db) {
  db.run("PRAGMA journal_mode=WAL");
  // A killed process loses no commit; a power cut may lose the last ones, never the file.
  db.run("PRAGMA synchronous=NORMAL");
  db.run("PRAGMA cache_size=-65536");
}

}  // namespace

std::string meta(const Sqlite& database, const std::string& key) {
  Statement query(database, "SELECT value FROM meta WHERE key = ?");
  query.bind({key});
  if (!query.step())
    throw BadInput(database.path() + ": table meta has no " + key, database.path());
  return query.text(0);
}

Sqlite open_sweep(const std::string& path, Sqlite::Mode mode) {
  Sqlite db(path, mode);
  bool is_sweep = false;
  {
    Statement tables(db, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'");
    is_sweep = tables.step();
  }
  if (!is_sweep || meta(db, "format") != "tactus.sweep") {
    throw BadInput(path + ": is not the database of a sweep", path);
  }
  const std::string version = meta(db, "version");
  const auto number = whole_number(version);
  if (!number || *number > database_version) {
    throw BadInput(path + ": has version " + version +
                       " of the sweep database, this tactus reads " +
                       std::to_string(database_version),
                   path);
  }
  return db;
}

Writer::Writer(std::unique_ptr<Sqlite> database, const Head& head)
    : database_(std::move(database)), points_(head.points) {
  for (int t = 0; t < table_count; ++t) {
    const auto table = static_cast<Table>(t);
    std::string marks;
    for (std::size_t i = columns_of(table, head.spec).size(); i > 0; --i) {
      marks += marks.empty() ? "?" : ", ?";
    }
    inserts_.emplace_back(*database_, "INSERT OR IGNORE INTO " + std::string(name_of(table)) +
                                          " VALUES (" + marks + ")");
  }
  std::string all;
  for (const auto& column : columns_of(Table::points, head.spec)) {
    all += (all.empty() ? "" : " AND ") + quoted(column.name) + " IS ?";
  }
  same_.emplace_back(*database_, "SELECT 1 FROM points WHERE " + all);
}

Writer Writer::create(const std::string& path, const Head& head) {
  if (std::filesystem::exists(path)) {
    throw BadInput(path + ": exists already; --resume continues it", path);
  }
  auto db = std::make_unique<Sqlite>(path, Sqlite::Mode::create);
  set_pragmas(*db);
  db->run("BEGIN IMMEDIATE");
  db->run("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID");
  create_tables(*db, head.spec);
  fill_head(*db, head, spec_hash(head.spec, head.models, head.layers));
  db->run("COMMIT");
  return {std::move(db), head};
}

Writer Writer::resume(const std::string& path, const Head& head) {
  {
    // A file that was killed before its first commit has no table yet.
    const Sqlite db(path, Sqlite::Mode::write);
    Statement tables(db, "SELECT 1 FROM sqlite_master");
    if (!tables.step()) {
      std::error_code ignored;
      for (const char* end : {"-wal", "-shm", ""}) std::filesystem::remove(path + end, ignored);
    }
  }
  if (!std::filesystem::exists(path)) return create(path, head);
  auto db = std::make_unique<Sqlite>(open_sweep(path, Sqlite::Mode::write));
  if (meta(*db, "tool") != tool_text) {
    throw BadInput(path + ": was made by " + meta(*db, "tool") + ", this is " + tool_text, path);
  }
  if (meta(*db, "spec_hash") != spec_hash(head.spec, head.models, head.layers)) {
    throw BadInput(path +
                       ": is the sweep of another spec, other model files or other --layers than " +
                       head.spec.file,
                   path);
  }
  if (meta(*db, "shard") != head.shard.text()) {
    throw BadInput(path + ": is shard " + meta(*db, "shard") + ", not " + head.shard.text(), path);
  }
  set_pragmas(*db);
  return {std::move(db), head};
}

Writer::~Writer() {
  if (!database_ || !open_) return;
  try {
    database_->run("ROLLBACK");
  } catch (const std::exception&) {
    // Closing the file gives the transaction up as well.
  }
}

bool Writer::insert(const TableRow& row) {
  if (!open_) {
    database_->run("BEGIN IMMEDIATE");
    open_ = true;
  }
  Statement& statement = inserts_.at(static_cast<std::size_t>(row.table));
  statement.bind(row.cells);
  statement.step();
  if (row.table != Table::points || database_->changes() == 1) return true;
  const bool found = same_[0].bind(row.cells).step();
  same_[0].bind({});
  return found;
}

void Writer::commit() {
  if (!open_) return;
  database_->run("COMMIT");
  open_ = false;
}

void Writer::begin_session(std::uint64_t workers) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> started{};
  std::strftime(started.data(), started.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  database_->run(
      "INSERT INTO sessions (started, host, workers) VALUES (?, ?, ?)",
      {std::string(started.data()), std::string(host.data()), static_cast<std::int64_t>(workers)});
  Statement last(*database_, "SELECT last_insert_rowid()");
  last.step();
  session_ = last.integer(0);
}

void Writer::end_session(std::uint64_t points, double seconds, std::int64_t peak_kib,
                         const std::string& how) {
  commit();
  database_->run(
      "UPDATE sessions SET points = ?, seconds = ?, peak_kib = ?, ended = ? WHERE session = ?",
      {static_cast<std::int64_t>(points), seconds, peak_kib, how, session_});
  database_->run("PRAGMA wal_checkpoint(TRUNCATE)");
}

std::vector<bool> Writer::numbers(const std::string& sql) const {
  std::vector<bool> out(points_);
  Statement query(*database_, sql);
  while (query.step()) {
    const auto point = static_cast<std::uint64_t>(query.integer(0));
    if (point < points_) out[point] = true;
  }
  return out;
}

std::vector<bool> Writer::points_done() const { return numbers("SELECT point FROM points"); }
std::vector<bool> Writer::points_audited() const { return numbers("SELECT point FROM audits"); }

std::map<std::string, std::uint64_t> Writer::open_variants() const {
  std::map<std::string, std::uint64_t> out;
  Statement query(*database_,
                  "SELECT variant, MIN(point) FROM points WHERE status = 'ok' AND variant IS NOT "
                  "NULL AND variant NOT IN "
                  "(SELECT variant FROM variants) GROUP BY variant");
  while (query.step()) {
    out.emplace(query.text(0), static_cast<std::uint64_t>(query.integer(1)));
  }
  return out;
}

}  // namespace tactus::sweep
