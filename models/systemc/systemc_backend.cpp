// SPDX-License-Identifier: Apache-2.0
#include "systemc_backend.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tactus_top.hpp"
#include "waves.hpp"

namespace tactus {

namespace systemc {
namespace {

/// A kernel context of its own for each run, so that a process can do any number of runs one after
/// another. This uses kernel internals and stays in this file. The first context, made by
/// libsystemc's static objects, is put back and never deleted: sc_event::none refers to it.
class KernelContext {
 public:
  KernelContext()
      : previous_(sc_core::sc_curr_simcontext),
        previous_default_(sc_core::sc_default_global_context) {
    sc_core::sc_curr_simcontext = new sc_core::sc_simcontext;
    sc_core::sc_default_global_context = sc_core::sc_curr_simcontext;
  }
  ~KernelContext() {
    delete sc_core::sc_curr_simcontext;
    sc_core::sc_curr_simcontext = previous_;
    sc_core::sc_default_global_context = previous_default_;
  }
  KernelContext(const KernelContext&) = delete;
  KernelContext& operator=(const KernelContext&) = delete;

 private:
  sc_core::sc_simcontext* previous_;
  sc_core::sc_simcontext* previous_default_;
};

/// The kernel's own messages ("simulation stopped by user") are not for a library to print.
class QuietReports {
 public:
  QuietReports()
      : info_(sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING)),
        warning_(
            sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING)) {}
  ~QuietReports() {
    sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, info_);
    sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, warning_);
  }
  QuietReports(const QuietReports&) = delete;
  QuietReports& operator=(const QuietReports&) = delete;

 private:
  sc_core::sc_actions info_, warning_;
};

/// Simulated cycles between two looks at the watchdog and calls of the progress function.
constexpr Cycle slice_cycles = 1U << 18;

[[nodiscard]] std::string where_it_stands(const TactusTop& top) {
  std::string text = top.issue.describe_blocked();
  if (!top.sequencer.finished()) {
    if (!text.empty()) text += "; ";
    text += "the sequencer waits for " + top.sequencer.waiting_for();
  }
  return text;
}

[[nodiscard]] bool complete(const TactusTop& top) {
  return top.sequencer.finished() && top.perf.retired() == top.sequencer.dispatched();
}

/// Opens and closes the wave file at the borders of its window.
class WaveControl {
 public:
  WaveControl(const std::optional<WaveWindow>& window, const Watch& watch)
      : window_(window), watch_(watch) {}
  /// Called in cycle `now`; returns at most `most`, the cycles until the next border.
  Cycle until_border(Cycle now, Cycle most) {
    if (!window_) return most;
    if (waves_ && now >= window_->end) waves_.reset();
    if (!waves_ && now >= window_->begin && now < window_->end) {
      waves_ = std::make_unique<Waves>(window_->file, watch_);
    }
    const Cycle border = now < window_->begin ? window_->begin : window_->end;
    return now < border ? std::min(most, border - now) : most;
  }

 private:
  const std::optional<WaveWindow>& window_;
  const Watch& watch_;
  std::unique_ptr<Waves> waves_;
};

void simulate(Context& context, TactusTop& top, const RunOptions& options) {
  const Cycle slice = std::max<Cycle>(1, std::min(slice_cycles, options.watchdog_cycles));
  WaveControl waves(options.waves, top.issue.watch);
  while (!complete(top)) {
    const Cycle step = waves.until_border(context.clock.now(), slice);
    sc_core::sc_start(context.clock.cycles(step), sc_core::SC_RUN_TO_TIME);
    if (context.error) std::rethrow_exception(context.error);
    const bool done = complete(top);
    const Cycle now = done ? top.perf.last_retire() + 1 : context.clock.now();
    if (options.progress) options.progress(now, top.perf.retired());
    if (done) return;
    const std::string after = "after the last retirement in cycle " +
                              std::to_string(top.perf.last_retire()) + ": " + where_it_stands(top);
    if (step == slice && !sc_core::sc_pending_activity()) {
      throw StandsStillAfter("the program stands still " + after, top.perf.take());
    }
    if (now - top.perf.last_retire() > options.watchdog_cycles) {
      throw StandsStillAfter("no op retired for more than " +
                                 std::to_string(options.watchdog_cycles) + " cycles " + after,
                             top.perf.take());
    }
  }
}

[[nodiscard]] RunResult run_once(const Program& program, const ArchConfig& config,
                                 std::vector<std::uint8_t> memory, const RunOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  RunResult result;
  {
    const QuietReports quiet;
    const KernelContext kernel;
    Context context(config, options.fault);
    TactusTop top("tactus", context, program, std::move(memory));
    try {
      simulate(context, top, options);
    } catch (const sc_core::sc_report& report) {
      throw InternalError(std::string("the SystemC kernel reported: ") + report.get_msg());
    }
    result.retired = top.perf.take();
    result.cycles = result.retired.empty() ? 0 : top.perf.last_retire() + 1;
    result.memory = top.memory.take();
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  result.wall_seconds = wall.count();
  return result;
}

}  // namespace
}  // namespace systemc

namespace {

class SystemcBackend : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "systemc"; }
  [[nodiscard]] RunResult run(const Program& program, const ArchConfig& config,
                              std::vector<std::uint8_t> memory,
                              const RunOptions& options) override {
    validate(config);
    if (options.waves && options.waves->format != WaveFormat::vcd) {
      throw BadInput("the systemc back end writes waves as VCD, not as FST");
    }
    if (!options.coverage_file.empty()) {
      throw BadInput("coverage is that of the RTL: --coverage needs --backend rtl");
    }
    if (program.prog_ops == 0) throw BadInput("the program has no ops");
    if (program.prog_ops > config.hw_segment_ops) {
      throw BadInput("segment 0 of the program has " + std::to_string(program.prog_ops) +
                     " ops, but hw.segment_ops is " + std::to_string(config.hw_segment_ops));
    }
    return systemc::run_once(program, config, std::move(memory), options);
  }
};

}  // namespace

std::unique_ptr<Backend> make_systemc_backend() { return std::make_unique<SystemcBackend>(); }

}  // namespace tactus

// libsystemc refers to sc_main even when the program has its own main(). It stands in this file
// because every user of the library links this object.
int sc_main(int, char*[]) { return 0; }
