// SPDX-License-Identifier: Apache-2.0
#include "waves/signal_list.hpp"

#include <filesystem>

#include "program/program.hpp"

namespace tactus {
namespace {

int width(std::int64_t bits) { return static_cast<int>(bits); }

std::vector<WaveGroup> rtl_groups(const ArchConfig& config) {
  const std::string top = "TOP.tactus_top.";
  const int data = width(config.mem_data_bits), cols = width(config.hw_array_cols);
  const int lanes = width(config.hw_post_lanes);
  std::vector<WaveGroup> groups;
  const auto group = [&](const char* title, std::vector<WaveSignal> signals) {
    for (WaveSignal& s : signals) s.path = top + s.path;
    groups.push_back({title, std::move(signals)});
  };
  group("clock", {{"clk_i"}, {"rst_ni"}, {"start_i"}, {"busy_o"}, {"done_o"}});
  group("tile ops (load compute post store = bits 0 1 2 3)",
        {{"op_ready", 4}, {"op_start", 4}, {"op_retire", 4}});
  group("memory, read", {{"rd_req_valid_o"},
                         {"rd_req_ready_i"},
                         {"rd_req_addr_o", 64},
                         {"rd_req_beats_o", 9, true},
                         {"rd_valid_i"},
                         {"rd_ready_o"},
                         {"rd_data_i", data}});
  group("memory, write", {{"wr_valid_o"},
                          {"wr_ready_i"},
                          {"wr_addr_o", 64},
                          {"wr_data_o", data},
                          {"wr_strb_o", data / 8},
                          {"wr_last_o"},
                          {"wr_ack_i"}});
  group("buffer writes of the load unit",
        {{"ld_we"}, {"ld_dest", 3}, {"ld_half"}, {"ld_addr", 24}, {"ld_data", data}});
  group("psum writes, a column a bit, an entry and a sum",
        {{"mon_we", cols}, {"mon_addr", 20 * cols}, {"mon_acc", width(config.hw_acc_bits) * cols}});
  group(
      "post results",
      {{"mon_write"}, {"mon_lanes", lanes}, {"mon_channel", 16, true}, {"mon_result", 32 * lanes}});
  return groups;
}

std::vector<WaveGroup> systemc_groups() {
  std::vector<WaveGroup> groups;
  for (int q = 0; q < queue_count; ++q) {
    const std::string name = name_of(static_cast<Queue>(q));
    WaveGroup group{name, {}};
    const auto add = [&](const std::string& signal) {
      group.signals.push_back({"SystemC.tactus." + name + "." + signal, 32, true});
    };
    for (const char* s : {"layer", "started", "retired", "running", "waiting"}) add(s);
    for (int from = 0; from < queue_count; ++from) {
      if (from != q) add(std::string("tokens_from_") + name_of(static_cast<Queue>(from)));
    }
    if (q == static_cast<int>(Queue::compute)) add("fold");
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace

std::vector<WaveGroup> wave_groups(const std::string& backend, const ArchConfig& config) {
  return backend == "rtl" ? rtl_groups(config) : systemc_groups();
}

std::string gtkwave_name(const std::string& wave_file) {
  return std::filesystem::path(wave_file).replace_extension(".gtkw").string();
}

std::string gtkwave_text(const WaveWindow& window, const std::vector<WaveGroup>& groups) {
  // Flags of a trace line: 0x22 hexadecimal, 0x24 decimal, 0x28 bit, 0x200 a comment line.
  std::string text =
      "[*] tactus: signals of " + std::filesystem::path(window.file).filename().string() + "\n";
  text += "[dumpfile] \"" + std::filesystem::absolute(window.file).string() + "\"\n";
  const Cycle begin = window.format == WaveFormat::fst ? window.begin * 1000 : window.begin;
  text += "[timestart] " + std::to_string(begin) + "\n[size] 1600 900\n[sst_width] 240\n";
  for (const WaveGroup& group : groups) {
    text += "@200\n-" + group.title + "\n";
    for (const WaveSignal& s : group.signals) {
      text += s.bits == 1 ? "@28\n" : s.decimal ? "@24\n" : "@22\n";
      text += s.path;
      if (s.bits > 1) text += "[" + std::to_string(s.bits - 1) + ":0]";
      text += "\n";
    }
  }
  return text;
}

}  // namespace tactus
