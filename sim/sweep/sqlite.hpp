// SPDX-License-Identifier: Apache-2.0
// The part of SQLite that sweeps need, with ownership and with errors as BadInput that name the
// file. sqlite.cpp is the only code that includes sqlite3.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace tactus::sweep {

/// A cell: NULL, INTEGER, REAL or TEXT.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

class Sqlite;

/// A prepared statement; must go before its database.
class Statement {
 public:
  Statement(const Sqlite& database, const std::string& sql);
  /// Binds parameters 1 to n.
  Statement& bind(const std::vector<Value>& values);
  /// The next row; false after the last one, and then ready to be bound and run again.
  bool step();
  [[nodiscard]] int columns() const;
  [[nodiscard]] std::string column_name(int column) const;
  [[nodiscard]] Value value(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< empty for NULL

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  const Sqlite* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Sqlite {
 public:
  enum class Mode : std::uint8_t { create, write, read };
  /// `write` and `read` need an existing file that is a database.
  Sqlite(const std::string& path, Mode mode);
  [[nodiscard]] const std::string& path() const { return path_; }
  void run(const std::string& sql) const;
  /// Rows that the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] int changes() const;
  void run(const std::string& sql, const std::vector<Value>& values) const;
  /// Throws BadInput with the file, what was tried and SQLite's reason.
  [[noreturn]] void fail(const std::string& what) const;
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// "name" with quotes, for SQL.
[[nodiscard]] std::string quoted(const std::string& name);

}  // namespace tactus::sweep
