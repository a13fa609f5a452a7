// SPDX-License-Identifier: Apache-2.0
// Energy estimate from event counts. For reports only: floating point is allowed here.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "arch/arch_config.hpp"
#include "events/events.hpp"

namespace tactus {

/// An energy with its uncertainty; the bounds of all components move together.
struct Energy {
  double value = 0, lo = 0, hi = 0;  ///< pJ
  Energy& operator+=(const Energy& other) {
    value += other.value;
    lo += other.lo;
    hi += other.hi;
    return *this;
  }
};

/// What the table's energy is multiplied by for one event (column `per`).
enum class EnergySize : std::uint8_t {
  event,        ///< 1
  beat_bit,     ///< mem.data_bits
  row_bit,      ///< hw.array_cols * hw.operand_bits: one weight row
  operand_bit,  ///< hw.operand_bits
  acc_bit,      ///< hw.acc_bits
  record_bit,   ///< 256: one parameter record
};

struct EnergyEntry {
  Energy energy;  ///< pJ per unit of size
  EnergySize size = EnergySize::event;
  std::string kind;  ///< measured-gate, published, scaled, assumed or included
  std::string source;
};

struct EnergyTable {
  std::string name;
  std::array<EnergyEntry, event_count> entries;  ///< indexed by Event
  [[nodiscard]] const EnergyEntry& operator[](Event e) const {
    return entries[static_cast<std::size_t>(e)];
  }
};

/// Reads the CSV form of tables/*.csv. Every event of events.def needs exactly one row with
/// 0 <= lo <= value <= hi and a source. Throws BadInput naming `name`, line and event.
[[nodiscard]] EnergyTable parse_energy_table(const std::string& text, const std::string& name);
[[nodiscard]] EnergyTable read_energy_table(const std::string& path);
/// The table that is built in (tables/nangate45.csv).
[[nodiscard]] const EnergyTable& default_energy_table();

/// Energy of one event on this architecture.
[[nodiscard]] Energy energy_of(Event event, const ArchConfig& config, const EnergyTable& table);
/// Sum over all counted events.
[[nodiscard]] Energy estimate(const EventCounts& events, const ArchConfig& config,
                              const EnergyTable& table);

}  // namespace tactus
