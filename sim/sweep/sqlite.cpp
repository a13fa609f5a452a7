// SPDX-License-Identifier: Apache-2.0
#include "sweep/sqlite.hpp"

#include <sqlite3.h>

#include "numerics/errors.hpp"

namespace tactus::sweep {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Sqlite::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }

Sqlite::Sqlite(const std::string& path, Mode mode) : path_(path) {
  int flags = SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) fail("cannot be opened");
  sqlite3_busy_timeout(raw, 60'000);
  if (mode == Mode::read) run("PRAGMA query_only=ON");
  // The first access finds out whether the file is a database at all.
  run("PRAGMA schema_version");
}

void Sqlite::fail(const std::string& what) const {
  const char* reason = handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory";
  throw BadInput(path_ + ": " + what + ": " + reason, path_);
}

void Sqlite::run(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail("\"" + sql.substr(0, 60) + "\" failed");
  }
}

void Sqlite::run(const std::string& sql, const std::vector<Value>& values) const {
  Statement statement(*this, sql);
  statement.bind(values);
  while (statement.step()) {
  }
}

int Sqlite::changes() const { return sqlite3_changes(handle_.get()); }

Statement::Statement(const Sqlite& database, const std::string& sql) : database_(&database) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(database.handle(), sql.c_str(), -1, &raw, nullptr);
  statement_.reset(raw);
  if (code != SQLITE_OK) database.fail("\"" + sql.substr(0, 60) + "\" is refused");
}

Statement& Statement::bind(const std::vector<Value>& values) {
  sqlite3_stmt* s = statement_.get();
  sqlite3_reset(s);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int at = static_cast<int>(i) + 1;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
      code = sqlite3_bind_int64(s, at, *number);
    } else if (const auto* real = std::get_if<double>(&values[i])) {
      code = sqlite3_bind_double(s, at, *real);
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      code =
          sqlite3_bind_text(s, at, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
    } else {
      code = sqlite3_bind_null(s, at);
    }
    if (code != SQLITE_OK) database_->fail("a value cannot be bound");
  }
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->fail("a statement failed");
  sqlite3_reset(statement_.get());
  return false;
}

int Statement::columns() const { return sqlite3_column_count(statement_.get()); }

std::string Statement::column_name(int column) const {
  return sqlite3_column_name(statement_.get(), column);
}

Value Statement::value(int column) const {
  switch (sqlite3_column_type(statement_.get(), column)) {
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement_.get(), column);
    case SQLITE_NULL:
      return std::monostate{};
    default:
      return text(column);
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(bytes), size);
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace tactus::sweep
