// SPDX-License-Identifier: Apache-2.0
// The database of a sweep (README.md, "Database").
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sweep/models.hpp"
#include "sweep/point_list.hpp"
#include "sweep/table_row.hpp"

namespace tactus::sweep {

inline constexpr int database_version = 1;

/// What the tables meta, axes, config and models say of a sweep.
struct Head {
  const Spec& spec;
  const std::vector<LoadedModel>& models;
  std::uint64_t points = 0;
  Shard shard;
  bool layers = false;
};

/// Opens for reading or writing and checks format and version; throws BadInput for a file that is
/// no sweep or a newer one.
[[nodiscard]] Sqlite open_sweep(const std::string& path, Sqlite::Mode mode);
/// A value of table meta; throws BadInput when it is missing.
[[nodiscard]] std::string meta(const Sqlite& database, const std::string& key);

/// The one writer of a database. Rows since the last commit() are lost when the process dies.
class Writer {
 public:
  /// Makes a new file with all tables, in one transaction. Throws BadInput if the file exists.
  static Writer create(const std::string& path, const Head& head);
  /// Continues a file; throws BadInput if it is of another spec, tool version or shard.
  static Writer resume(const std::string& path, const Head& head);
  ~Writer();
  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&&) = delete;

  /// A row that is there already stays as it is. False when it is a point with other values.
  [[nodiscard]] bool insert(const TableRow& row);
  void commit();
  /// The row of table sessions for this process.
  void begin_session(std::uint64_t workers);
  void end_session(std::uint64_t points, double seconds, std::int64_t peak_kib,
                   const std::string& how);

  [[nodiscard]] const Sqlite& database() const { return *database_; }
  /// One entry per point of the spec: whether it has a row.
  [[nodiscard]] std::vector<bool> points_done() const;
  /// Whether points have rows in table audits.
  [[nodiscard]] std::vector<bool> points_audited() const;
  /// Variants that points name and that have no row, each with its lowest point that is ok.
  [[nodiscard]] std::map<std::string, std::uint64_t> open_variants() const;

 private:
  Writer(std::unique_ptr<Sqlite> database, const Head& head);
  [[nodiscard]] std::vector<bool> numbers(const std::string& sql) const;

  std::unique_ptr<Sqlite> database_;
  std::uint64_t points_ = 0;
  std::vector<Statement> inserts_;  ///< by Table
  std::vector<Statement> same_;     ///< one: finds a point with all its values
  bool open_ = false;               ///< a transaction is open
  std::int64_t session_ = 0;
};

}  // namespace tactus::sweep
