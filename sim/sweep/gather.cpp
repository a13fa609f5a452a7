// SPDX-License-Identifier: Apache-2.0
#include "sweep/gather.hpp"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "numerics/errors.hpp"
#include "sweep/database.hpp"

namespace tactus::sweep {
namespace {

struct Identity {
  std::string hash, tool;
};

Identity identity_of(const std::string& path) {
  const Sqlite db = open_sweep(path, Sqlite::Mode::write);
  return {meta(db, "spec_hash"), meta(db, "tool")};
}

/// The tables of a part, as they were created, without rows.
void copy_schema(const Sqlite& db) {
  std::vector<std::string> statements;
  {
    Statement query(db,
                    "SELECT sql FROM part.sqlite_master WHERE sql IS NOT NULL "
                    "ORDER BY type = 'view'");
    while (query.step()) statements.push_back(query.text(0));
  }
  for (const auto& sql : statements) db.run(sql);
}

/// Throws when a row of the part is there already and is another one.
void check_rows(const Sqlite& db, const std::string& table, const std::string& key,
                const std::string& part) {
  const std::string both = "SELECT * FROM part." + table + " WHERE (" + key + ") IN (SELECT " +
                           key + " FROM main." + table + ")";
  Statement query(db, both + " EXCEPT SELECT * FROM main." + table + " LIMIT 1");
  if (query.step()) {
    throw BadInput(part + ": table " + table + ", " + key + " " + query.text(0) +
                       ": another part has another row for it",
                   part);
  }
}

void add_part(const Sqlite& db, const std::string& part, bool first) {
  db.run("ATTACH ? AS part", {part});
  db.run("BEGIN");
  if (first) {
    copy_schema(db);
    for (const char* table : {"meta", "axes", "config", "models"}) {
      db.run("INSERT INTO main." + std::string(table) + " SELECT * FROM part." + table);
    }
    db.run("UPDATE meta SET value = '0/1' WHERE key = 'shard'");
  }
  for (int t = 0; t < table_count; ++t) {
    const auto table = static_cast<Table>(t);
    const std::string name = name_of(table);
    if (table == Table::points) check_rows(db, name, "hash", part);
    if (table == Table::variants) check_rows(db, name, "variant", part);
    if (table == Table::audits) check_rows(db, name, "point, backend", part);
    db.run("INSERT OR IGNORE INTO main." + name + " SELECT * FROM part." + name);
  }
  db.run(
      "INSERT INTO main.sessions (started, host, workers, points, seconds, peak_kib, ended) "
      "SELECT started, host, workers, points, seconds, peak_kib, ended FROM part.sessions");
  db.run("COMMIT");
  db.run("DETACH part");
}

/// Goes again unless it was renamed.
class TemporaryDatabase {
 public:
  explicit TemporaryDatabase(std::string path) : path_(std::move(path)) {}
  TemporaryDatabase(const TemporaryDatabase&) = delete;
  TemporaryDatabase& operator=(const TemporaryDatabase&) = delete;
  ~TemporaryDatabase() {
    std::error_code ignored;
    for (const char* end : {"", "-journal", "-wal", "-shm"}) {
      std::filesystem::remove(path_ + end, ignored);
    }
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

GatherSummary gather(const std::vector<std::string>& parts, const std::string& out) {
  if (parts.empty()) throw BadInput("--gather needs the databases of the shards");
  const Identity first = identity_of(parts[0]);
  for (const auto& part : parts) {
    const Identity other = identity_of(part);
    if (other.hash != first.hash || other.tool != first.tool) {
      throw BadInput(part + ": is not of the same sweep as " + parts[0], part);
    }
  }
  if (std::filesystem::exists(out) && identity_of(out).hash != first.hash) {
    throw BadInput(out + ": exists already and is of another sweep", out);
  }
  const TemporaryDatabase file(out + ".tmp" + std::to_string(getpid()));
  GatherSummary summary;
  {
    const Sqlite db(file.path(), Sqlite::Mode::create);
    db.run("PRAGMA journal_mode=MEMORY");
    db.run("PRAGMA cache_size=-65536");
    for (std::size_t i = 0; i < parts.size(); ++i) add_part(db, parts[i], i == 0);
    const auto points = whole_number(meta(db, "points"));
    if (!points) throw BadInput(parts[0] + ": table meta has no number of points", parts[0]);
    summary.points = static_cast<std::uint64_t>(*points);
    Statement count(db, "SELECT COUNT(*) FROM points");
    count.step();
    summary.gathered = static_cast<std::uint64_t>(count.integer(0));
  }
  std::error_code error;
  for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(out + end, error);
  std::filesystem::rename(file.path(), out, error);
  if (error) throw BadInput(out + ": cannot be replaced: " + error.message(), out);
  return summary;
}

}  // namespace tactus::sweep
