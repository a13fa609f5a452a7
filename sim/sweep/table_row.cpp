// SPDX-License-Identifier: Apache-2.0
#include "sweep/table_row.hpp"

#include <cstring>

#include "events/events.hpp"
#include "numerics/errors.hpp"

namespace tactus::sweep {
namespace {

constexpr const char* stall_columns[] = {"stall_ifmap", "stall_weight", "stall_param",
                                         "stall_psum",  "stall_store",  "stall_token"};

std::vector<Column> point_columns(const Spec& spec) {
  std::vector<Column> out = {{"hash", "TEXT PRIMARY KEY"},
                             {"point", "INTEGER NOT NULL UNIQUE"},
                             {"status", "TEXT NOT NULL"},
                             {"reason", "TEXT"},
                             {"model", "TEXT NOT NULL"}};
  for (const auto& axis : spec.axes) {
    for (std::size_t k = 0; k < axis.keys.size(); ++k) {
      const bool number = whole_number(axis.values[0][k]).has_value();
      out.push_back({axis.keys[k], number ? "INTEGER NOT NULL" : "TEXT NOT NULL"});
    }
  }
  for (const char* name :
       {"cycles", "cycles_first", "cycles_steady", "inferences", "macs", "macs_executed"}) {
    out.push_back({name, "INTEGER"});
  }
  for (const char* name : {"utilization", "energy_pj", "energy_lo_pj", "energy_hi_pj"}) {
    out.push_back({name, "REAL"});
  }
  for (const char* name : {"offchip_bytes_read", "offchip_bytes_written", "traffic_bytes"}) {
    out.push_back({name, "INTEGER"});
  }
  out.push_back({"seconds_at_clock", "REAL"});
  for (const char* name : {"storage_bytes", "image_bytes", "tile_ops", "pes", "compute_cycles"}) {
    out.push_back({name, "INTEGER"});
  }
  for (const char* name : stall_columns) out.push_back({name, "INTEGER"});
  for (const auto& event : event_text) {
    out.push_back({"event_" + std::string(event.name), "INTEGER"});
  }
  out.push_back({"variant", "TEXT"});
  return out;
}

void put(std::string& out, const void* data, std::size_t size) {
  out.append(static_cast<const char*>(data), size);
}

class Bytes {
 public:
  explicit Bytes(const std::string& text) : text_(text) {}
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  template <typename T>
  T take() {
    T out{};
    std::memcpy(&out, take(sizeof(T)), sizeof(T));
    return out;
  }
  const char* take(std::size_t size) {
    if (size > text_.size() - at_) throw InternalError("a sweep worker sent half a row");
    at_ += size;
    return text_.data() + at_ - size;
  }

 private:
  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace

const char* name_of(Table table) {
  constexpr const char* names[] = {"points", "layers", "variants", "audits", "host_times"};
  return names[static_cast<unsigned>(table)];
}

std::vector<Column> columns_of(Table table, const Spec& spec) {
  switch (table) {
    case Table::points:
      return point_columns(spec);
    case Table::layers: {
      std::vector<Column> out = {
          {"point", "INTEGER NOT NULL"},  {"layer", "INTEGER NOT NULL"},
          {"id", "TEXT NOT NULL"},        {"op", "TEXT NOT NULL"},
          {"cycles", "INTEGER NOT NULL"}, {"compute_cycles", "INTEGER NOT NULL"}};
      for (const char* name : stall_columns) out.push_back({name, "INTEGER NOT NULL"});
      for (const char* name : {"macs", "macs_executed"}) out.push_back({name, "INTEGER NOT NULL"});
      for (const char* name : {"utilization", "energy_pj"}) out.push_back({name, "REAL NOT NULL"});
      return out;
    }
    case Table::variants:
      return {{"variant", "TEXT PRIMARY KEY"},
              {"model", "TEXT NOT NULL"},
              {"numeric_key", "TEXT NOT NULL"},
              {"status", "TEXT NOT NULL"},
              {"reason", "TEXT"},
              {"correct", "INTEGER"},
              {"count", "INTEGER"},
              {"accuracy", "REAL"}};
    case Table::audits:
      return {{"point", "INTEGER NOT NULL"},
              {"backend", "TEXT NOT NULL"},
              {"equal", "INTEGER NOT NULL"},
              {"difference", "TEXT"}};
    case Table::host_times:
      return {{"point", "INTEGER PRIMARY KEY"}, {"seconds", "REAL NOT NULL"}};
  }
  throw InternalError("a table of a sweep has no columns");
}

std::string encode(const std::vector<TableRow>& rows) {
  std::string out;
  for (const auto& row : rows) {
    const auto table = static_cast<std::uint8_t>(row.table);
    const auto count = static_cast<std::uint32_t>(row.cells.size());
    put(out, &table, sizeof table);
    put(out, &count, sizeof count);
    for (const auto& cell : row.cells) {
      const auto type = static_cast<std::uint8_t>(cell.index());
      put(out, &type, sizeof type);
      if (const auto* number = std::get_if<std::int64_t>(&cell)) put(out, number, sizeof *number);
      if (const auto* real = std::get_if<double>(&cell)) put(out, real, sizeof *real);
      if (const auto* text = std::get_if<std::string>(&cell)) {
        const std::uint64_t size = text->size();
        put(out, &size, sizeof size);
        out += *text;
      }
    }
  }
  return out;
}

std::vector<TableRow> decode(const std::string& text) {
  std::vector<TableRow> rows;
  Bytes bytes(text);
  while (!bytes.done()) {
    TableRow row;
    const auto table = bytes.take<std::uint8_t>();
    if (table >= table_count) throw InternalError("a sweep worker sent a row of no table");
    row.table = static_cast<Table>(table);
    const auto count = bytes.take<std::uint32_t>();
    for (std::uint32_t i = 0; i < count; ++i) {
      switch (bytes.take<std::uint8_t>()) {
        case 0:
          row.cells.emplace_back();
          break;
        case 1:
          row.cells.emplace_back(bytes.take<std::int64_t>());
          break;
        case 2:
          row.cells.emplace_back(bytes.take<double>());
          break;
        case 3: {
          const auto size = bytes.take<std::uint64_t>();
          row.cells.emplace_back(std::string(bytes.take(size), size));
          break;
        }
        default:
          throw InternalError("a sweep worker sent a cell of no type");
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace tactus::sweep
