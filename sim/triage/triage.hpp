// SPDX-License-Identifier: Apache-2.0
// Explains the first difference between two runs of one program.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "network/network.hpp"
#include "program/program.hpp"
#include "report/finding.hpp"
#include "triage/probe.hpp"

namespace tactus::triage {

/// Two runs that differ. Everything is kept by reference.
struct Case {
  const Network& network;
  const ArchConfig& config;
  const Program& program;
  int n;  ///< number of the input
  /// Inputs and the right outputs of all layers.
  const std::map<std::string, QTensor>& tensors;
  const std::vector<std::uint8_t>& memory;  ///< what both runs started from
  const RunResult& expected;
  const RunResult& actual;   ///< up to the standstill when `stands_still` is not empty
  std::string stands_still;  ///< what the back end said
  bool timing = true;        ///< cycles are compared
  Runner run_expected, run_actual;
  double seconds = 30;  ///< host time that probing may take
};

/// Finds class, place and accumulation step of the first difference. Values that no retire record
/// shows are read by running the program again up to the differing op (probe.hpp).
[[nodiscard]] Finding explain_difference(const Case& c);

/// The same for two sets of tensors by layer id, where nothing else is known: the first layer in
/// network order that differs. Nothing when they agree.
[[nodiscard]] std::optional<Finding> explain_tensors(const Network& network, int n,
                                                     const std::map<std::string, QTensor>& expected,
                                                     const std::map<std::string, QTensor>& actual);

}  // namespace tactus::triage
