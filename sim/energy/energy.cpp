// SPDX-License-Identifier: Apache-2.0
#include "energy/energy.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <locale>
#include <sstream>
#include <vector>

#include "energy/default_table.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

constexpr const char* header_line = "event,value_pj,lo_pj,hi_pj,per,kind,source";
constexpr std::array<const char*, 6> size_names{"event",       "beat_bit", "row_bit",
                                                "operand_bit", "acc_bit",  "record_bit"};
constexpr std::array<const char*, 5> kind_names{"measured-gate", "published", "scaled", "assumed",
                                                "included"};

class Reader {
 public:
  explicit Reader(const std::string& name) { table_.name = name; }

  void line(const std::string& text) {
    ++number_;
    if (text.empty() || text[0] == '#') return;
    if (!header_seen_) {
      if (text != header_line) fail("the header is not '" + std::string(header_line) + "'");
      header_seen_ = true;
      return;
    }
    row(text);
  }

  EnergyTable finish() {
    for (std::size_t i = 0; i < event_count; ++i) {
      if (!seen_[i]) {
        throw BadInput("The energy table '" + table_.name + "' has no row for the event " +
                           event_text[i].name + ".",
                       table_.name);
      }
    }
    return std::move(table_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw BadInput("Line " + std::to_string(number_) + " of the energy table '" + table_.name +
                       "': " + what + ".",
                   table_.name);
  }

  void row(const std::string& text) {
    // The source is the rest of the line and may contain commas.
    std::array<std::string, 7> cell;
    std::size_t from = 0;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      const std::size_t comma = i + 1 < cell.size() ? text.find(',', from) : text.size();
      if (comma == std::string::npos) fail("a row has 7 columns");
      cell[i] = text.substr(from, comma - from);
      from = std::min(comma + 1, text.size());
    }
    const auto event = std::find_if(event_text.begin(), event_text.end(),
                                    [&](const EventText& e) { return cell[0] == e.name; });
    if (event == event_text.end()) fail("there is no event '" + cell[0] + "'");
    const auto index = static_cast<std::size_t>(event - event_text.begin());
    if (seen_[index]) fail("a second row for the event " + cell[0]);
    seen_[index] = true;
    EnergyEntry& entry = table_.entries[index];
    entry.energy = {number(cell[1]), number(cell[2]), number(cell[3])};
    if (entry.energy.lo > entry.energy.value || entry.energy.value > entry.energy.hi) {
      fail("lo_pj <= value_pj <= hi_pj does not hold for " + cell[0]);
    }
    const auto size = std::find(size_names.begin(), size_names.end(), cell[4]);
    if (size == size_names.end()) fail("'" + cell[4] + "' is no value of the column per");
    entry.size = static_cast<EnergySize>(size - size_names.begin());
    if (std::find(kind_names.begin(), kind_names.end(), cell[5]) == kind_names.end()) {
      fail("'" + cell[5] + "' is no value of the column kind");
    }
    entry.kind = cell[5];
    if (cell[6].find_first_not_of(" \t\r") == std::string::npos) {
      fail("the event " + cell[0] + " has no source");
    }
    entry.source = cell[6];
  }

  double number(const std::string& text) const {
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    double value = -1;
    if (!(in >> value) || in.peek() != std::istringstream::traits_type::eof() || !(value >= 0)) {
      fail("'" + text + "' is no energy in pJ");
    }
    return value;
  }

  EnergyTable table_;
  std::array<bool, event_count> seen_{};
  bool header_seen_ = false;
  int number_ = 0;
};

double size_in(const ArchConfig& config, EnergySize size) {
  switch (size) {
    case EnergySize::event:
      return 1;
    case EnergySize::beat_bit:
      return static_cast<double>(config.mem_data_bits);
    case EnergySize::row_bit:
      return static_cast<double>(config.hw_array_cols * config.hw_operand_bits);
    case EnergySize::operand_bit:
      return static_cast<double>(config.hw_operand_bits);
    case EnergySize::acc_bit:
      return static_cast<double>(config.hw_acc_bits);
    case EnergySize::record_bit:
      return 256;
  }
  throw InternalError("An energy entry has an unknown size.");
}

}  // namespace

EnergyTable parse_energy_table(const std::string& text, const std::string& name) {
  Reader reader(name);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) reader.line(line);
  return reader.finish();
}

EnergyTable read_energy_table(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw BadInput("The energy table '" + path + "' cannot be read.", path);
  }
  return parse_energy_table(text.str(), path);
}

const EnergyTable& default_energy_table() {
  static const EnergyTable table = parse_energy_table(default_table_text, "nangate45");
  return table;
}

Energy energy_of(Event event, const ArchConfig& config, const EnergyTable& table) {
  const EnergyEntry& entry = table[event];
  const double size = size_in(config, entry.size);
  return {entry.energy.value * size, entry.energy.lo * size, entry.energy.hi * size};
}

Energy estimate(const EventCounts& events, const ArchConfig& config, const EnergyTable& table) {
  Energy sum;
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    const auto count = static_cast<double>(events[event]);
    const Energy one = energy_of(event, config, table);
    sum += Energy{one.value * count, one.lo * count, one.hi * count};
  }
  return sum;
}

}  // namespace tactus
