// SPDX-License-Identifier: Apache-2.0
// What every block of one run shares: sizes, clock, fault number and the place for an exception.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <systemc>

#include "arch/arch_config.hpp"
#include "numerics/errors.hpp"
#include "numerics/formats.hpp"
#include "program/program.hpp"

namespace tactus::systemc {

/// Cycle c starts at c periods of simulated time. Integers only.
class Clock {
 public:
  Clock() : period_(sc_core::sc_time(1, sc_core::SC_NS).value()) {}
  [[nodiscard]] Cycle now() const { return sc_core::sc_time_stamp().value() / period_; }
  [[nodiscard]] sc_core::sc_time cycles(Cycle n) const {
    return sc_core::sc_time::from_value(n * period_);
  }
  [[nodiscard]] Cycle to_cycles(const sc_core::sc_time& t) const { return t.value() / period_; }

 private:
  Cycle period_;
};

/// Sizes of the hardware, read once from the configuration.
struct Sizes {
  std::int64_t rows, cols, word_bytes, beat_bytes, acc_bits, post_lanes, queue_depth, segment_ops,
      burst_beats;
  bool overlap, zero_gating;
  Overflow overflow;

  explicit Sizes(const ArchConfig& c)
      : rows(c.hw_array_rows),
        cols(c.hw_array_cols),
        word_bytes(c.word_bytes()),
        beat_bytes(c.beat_bytes()),
        acc_bits(c.hw_acc_bits),
        post_lanes(c.hw_post_lanes),
        queue_depth(c.hw_queue_depth),
        segment_ops(c.hw_segment_ops),
        burst_beats(c.mem_burst_beats),
        overlap(c.hw_fold_overlap),
        zero_gating(c.hw_zero_gating),
        overflow(c.hw_acc_overflow == "saturate" ? Overflow::saturate
                 : c.hw_acc_overflow == "error"  ? Overflow::error
                                                 : Overflow::wrap) {}
};

struct Context {
  Context(const ArchConfig& arch, int fault_number)
      : config(arch), size(arch), fault_(fault_number) {}

  const ArchConfig& config;
  const Sizes size;
  const Clock clock;
  std::exception_ptr error;  ///< first exception of a process; the run loop throws it again

  /// Whether seeded fault n (faults.md) is active. Constant false outside test builds.
  [[nodiscard]] bool fault([[maybe_unused]] int n) const {
#ifdef TACTUS_FAULTS
    return fault_ == n;
#else
    return false;
#endif
  }

  /// Runs the body of a process and keeps its exception: the kernel would turn it into a report.
  template <typename Body>
  void guard(Body&& body) {
    try {
      body();
    } catch (const sc_core::sc_unwind_exception&) {
      throw;
    } catch (...) {
      if (!error) error = std::current_exception();
      sc_core::sc_stop();
    }
  }

 private:
  [[maybe_unused]] int fault_;
};

}  // namespace tactus::systemc
