// SPDX-License-Identifier: Apache-2.0
// What a back end is: it runs a Program on an ArchConfig and says what happened.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/buffer_view.hpp"
#include "events/events.hpp"
#include "numerics/errors.hpp"
#include "program/program.hpp"

namespace tactus {

/// One retired tile op.
struct RetireRecord {
  std::uint16_t core = 0;
  Queue queue = Queue::load;
  std::uint32_t seq = 0;  ///< position among the ops of its queue
  Cycle start = 0, cycle = 0;
  std::uint64_t digest = 0;
  EventCounts events;
};

struct RunResult {
  std::vector<std::uint8_t> memory;   ///< off-chip memory after the run
  std::vector<RetireRecord> retired;  ///< sorted by core, queue, seq
  Cycle cycles = 0;                   ///< last retire cycle + 1
  double wall_seconds = 0;            ///< host time of the run, for reports only
  bool stopped = false;               ///< RunOptions::go_on ended the run before its end
};

/// A run that stands still, with the ops that had retired by then, sorted as in RunResult.
class StandsStillAfter : public StandsStill {
 public:
  StandsStillAfter(const std::string& message, std::vector<RetireRecord> retired)
      : StandsStill(message), retired_(std::move(retired)) {}
  [[nodiscard]] const std::vector<RetireRecord>& retired() const noexcept { return retired_; }

 private:
  std::vector<RetireRecord> retired_;
};

enum class WaveFormat : std::uint8_t { fst, vcd };
[[nodiscard]] constexpr const char* name_of(WaveFormat f) {
  return f == WaveFormat::fst ? "fst" : "vcd";
}

/// Cycles [begin, end) of a run as a wave file; a cycle is a nanosecond in it.
struct WaveWindow {
  std::string file;
  WaveFormat format = WaveFormat::vcd;
  Cycle begin = 0, end = std::numeric_limits<Cycle>::max();
};

struct RunOptions {
  /// Called now and then with the current cycle and the number of retired ops.
  std::function<void(Cycle, std::uint64_t)> progress;
  /// Called with each op when it has retired; false ends the run, whose result then holds what has
  /// happened so far (rtl only).
  std::function<bool(const RetireRecord&)> go_on;
  /// Seeded random back-pressure on the memory ports (rtl only, 0 = none): cycles change, outputs
  /// and digests do not.
  std::uint64_t backpressure_seed = 0;
  /// Gives up with BadInput after this many cycles without a retire.
  Cycle watchdog_cycles = 20'000'000;
  /// Waves of a window of cycles (systemc: VCD; rtl: FST or VCD, on a build made for it).
  std::optional<WaveWindow> waves;
  /// Line and toggle coverage of the run, in Verilator's format (rtl, on a build made for it).
  std::string coverage_file;
  /// Test builds only: number of the seeded fault, 0 = none.
  int fault = 0;
  /// Called before (`done` false) and after (true) each op with its index in the program and the
  /// buffers as its start finds them and its retirement leaves them (fast only).
  std::function<void(std::size_t op, bool done, const BufferView&)> observe;
  /// Threads that share the values of an op (fast only); nothing depends on their number.
  int threads = 1;
  /// Timing only: leave values, digests and value-dependent events out (fast only).
  bool timing_only = false;
};

/// A back end may be used for any number of runs, one at a time. run() does not change the program
/// and starts from `memory`, whose size is that of the program's image. Throws BadInput for a
/// configuration it cannot run (a sentence with the remedy), InternalError for its own faults.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual RunResult run(const Program& program, const ArchConfig& config,
                                      std::vector<std::uint8_t> memory,
                                      const RunOptions& options) = 0;
};

}  // namespace tactus
