// SPDX-License-Identifier: Apache-2.0
// The signals of a wave file that are worth looking at, in groups, as a GTKWave save file.
#pragma once

#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"

namespace tactus {

struct WaveSignal {
  std::string path;  ///< "TOP.tactus_top.clk_i"
  int bits = 1;
  bool decimal = false;  ///< shown as a decimal number, else hexadecimal
};
struct WaveGroup {
  std::string title;
  std::vector<WaveSignal> signals;
};

/// `backend` is rtl or systemc.
[[nodiscard]] std::vector<WaveGroup> wave_groups(const std::string& backend,
                                                 const ArchConfig& config);

/// The save file for a wave file: its signals, the window and a marker at its beginning.
[[nodiscard]] std::string gtkwave_text(const WaveWindow& window,
                                       const std::vector<WaveGroup>& groups);

/// x.fst -> x.gtkw
[[nodiscard]] std::string gtkwave_name(const std::string& wave_file);

}  // namespace tactus
