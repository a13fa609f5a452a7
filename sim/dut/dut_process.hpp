// SPDX-License-Identifier: Apache-2.0
// A library behind traces/tactus_dut.h in a process of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network/network.hpp"

namespace tactus {

struct DutSetup {
  std::string library;      ///< path of the shared object
  std::string config_json;  ///< for create()
  int timeout_seconds = 0;  ///< longest answer to one call, 0 = any
};

/// What one layer gave.
struct DutRun {
  std::vector<std::int32_t> output;
  std::optional<std::uint64_t> cycles;  ///< absent: it does not count them
};

/// What an output element holds before the library runs.
constexpr std::int32_t dut_unwritten = -0x5A5A5A5A;

/// Starts the process, loads the library and creates the accelerator. Every function throws
/// BadInput with one sentence when the library cannot be loaded, has another version, refuses,
/// fails, writes behind its output, crashes or does not answer in time; the object is of no use
/// then. Standard output of the library goes to standard error.
class DutProcess {
 public:
  /// The network must stay as it is.
  DutProcess(const Network& network, DutSetup setup);
  ~DutProcess();
  DutProcess(const DutProcess&) = delete;
  DutProcess& operator=(const DutProcess&) = delete;

  /// Why the library does not support layer number `layer`, nothing when it does.
  [[nodiscard]] std::optional<std::string> refusal(std::size_t layer);
  [[nodiscard]] DutRun run(std::size_t layer, const std::vector<const QTensor*>& inputs);
  /// Lets the library destroy its accelerator and waits for its end.
  void finish();

 private:
  class Channel;
  /// Runs `talk`; a channel that closes or stays silent becomes a sentence about the call `what`.
  template <class Talk>
  auto guarded(const std::string& what, const std::string& layer, const Talk& talk);
  /// Whether the library said yes; throws its message when the call failed.
  bool answer(const std::string& what, const std::string& layer);

  const Network& network_;
  DutSetup setup_;
  std::unique_ptr<Channel> channel_;
  pid_t child_ = -1;
};

}  // namespace tactus
