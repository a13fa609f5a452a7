// SPDX-License-Identifier: Apache-2.0
// Rows on their way from a worker to the database, and the columns of the tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sweep/spec.hpp"
#include "sweep/sqlite.hpp"

namespace tactus::sweep {

/// Tables with results; the order is that of table_name().
enum class Table : std::uint8_t { points, layers, variants, audits, host_times };
inline constexpr int table_count = 5;
[[nodiscard]] const char* name_of(Table table);

struct TableRow {
  Table table = Table::points;
  std::vector<Value> cells;  ///< one per column of the table
};

struct Column {
  std::string name, type;  ///< type with constraints, as in CREATE TABLE
};
[[nodiscard]] std::vector<Column> columns_of(Table table, const Spec& spec);

/// Places of the columns that the sweep itself looks at.
inline constexpr std::size_t point_hash = 0, point_number = 1, point_status = 2, point_reason = 3;

/// Rows as bytes and back; decoding throws InternalError for bytes that are none.
[[nodiscard]] std::string encode(const std::vector<TableRow>& rows);
[[nodiscard]] std::vector<TableRow> decode(const std::string& bytes);

}  // namespace tactus::sweep
