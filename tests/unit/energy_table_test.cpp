// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "energy/energy.hpp"
#include "numerics/errors.hpp"

using namespace tactus;

namespace {

const std::string header = "event,value_pj,lo_pj,hi_pj,per,kind,source\n";

/// A table with 1 pJ for every event but `skip`, and `extra` behind it.
std::string table_text(const std::string& skip, const std::string& extra) {
  std::string text = "# comment\n" + header;
  for (const EventText& e : event_text) {
    if (skip != e.name) text += std::string(e.name) + ",1,0.5,2,event,assumed,a test\n";
  }
  return text + extra;
}

bool refused(const std::string& text, const std::string& word) {
  try {
    (void)parse_energy_table(text, "t.csv");
  } catch (const BadInput& e) {
    return std::string(e.what()).find(word) != std::string::npos && e.file() == "t.csv";
  }
  return false;
}

}  // namespace

TEST_CASE("energy: the built-in table covers every event and names its sources") {
  const EnergyTable& table = default_energy_table();
  for (const EnergyEntry& entry : table.entries) CHECK(entry.source.size() > 10);
  CHECK(table[Event::pe_active].energy.value == doctest::Approx(1.29));
  CHECK(table[Event::pe_active].energy.lo == doctest::Approx(0.36));
  CHECK(table[Event::pe_active].energy.hi == doctest::Approx(2.04));
}

TEST_CASE("energy: sizes scale with the architecture") {
  ArchConfig config;  // 16 columns of 8 bits, acc 32, beats of 64 bits
  const EnergyTable& table = default_energy_table();
  // 64 bits at 20.3125 .. 40.6 pJ are the published 1300 .. 2600 pJ.
  CHECK(energy_of(Event::mem_rd_beat, config, table).lo == doctest::Approx(1300).epsilon(0.002));
  CHECK(energy_of(Event::mem_rd_beat, config, table).hi == doctest::Approx(2600).epsilon(0.002));
  // A 64-bit read of an 8 KB bank: the published 10 pJ within 2 %.
  CHECK(energy_of(Event::ifmap_rd, config, table).value == doctest::Approx(10).epsilon(0.02));
  CHECK(energy_of(Event::weight_rd, config, table).value == doctest::Approx(0.176 * 128));
  CHECK(energy_of(Event::psum_rd, config, table).value == doctest::Approx(0.176 * 32));
  config.mem_data_bits = 128;
  CHECK(energy_of(Event::mem_rd_beat, config, table).hi == doctest::Approx(5200).epsilon(0.002));
}

TEST_CASE("energy: an estimate is the sum over events") {
  const EnergyTable table = parse_energy_table(table_text("", ""), "t.csv");
  EventCounts events;
  events[Event::pe_active] = 10;
  events[Event::post_op] = 4;
  const Energy e = estimate(events, ArchConfig{}, table);
  CHECK(e.value == doctest::Approx(14));
  CHECK(e.lo == doctest::Approx(7));
  CHECK(e.hi == doctest::Approx(28));
}

TEST_CASE("energy: a table that is not complete is refused") {
  CHECK(refused(table_text("psum_rd", ""), "psum_rd"));
  CHECK(refused(table_text("", "pe_idle,1,1,1,event,assumed,x\n"), "pe_idle"));
  CHECK(refused(table_text("", "psum_rd,1,1,1,event,assumed,x\n"), "second row"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1,1,1,event,assumed,\n"), "no source"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1,1,1,event,assumed, \n"), "no source"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1,2,3,event,assumed,x\n"), "lo_pj"));
  CHECK(refused(table_text("psum_rd", "psum_rd,-1,-2,3,event,assumed,x\n"), "pJ"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1x,1,3,event,assumed,x\n"), "1x"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1,1,3,moon,assumed,x\n"), "moon"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1,1,3,event,guess,x\n"), "guess"));
  CHECK(refused(table_text("psum_rd", "psum_rd,1,1\n"), "7 columns"));
  CHECK(refused("nonsense\n", "header"));
}
