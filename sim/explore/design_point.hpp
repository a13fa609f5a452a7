// SPDX-License-Identifier: Apache-2.0
// Exact figures of many architectures for one network, without running its values each time.
//
// What `tactus run --backend fast` reports of a point splits into three parts, and each is computed
// once for all points that share it:
// - the program: everything that the lowering decides (a lowering without memory contents);
// - the times: start and retire of its ops with one latency, bandwidth and queue depth;
// - the values: tensors, accuracy and the events that depend on data (act_zero, mac_gated,
//   acc_overflow). They are the same for all points of one numeric variant, and the counts of zero
//   operands also for all that cut a layer's K elements alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "energy/energy.hpp"
#include "events/events.hpp"
#include "report/report.hpp"
#include "run/workload.hpp"

namespace tactus {

/// One layer of a design point; the fields mean what they mean in LayerRow.
struct PointLayer {
  Cycle cycles = 0, compute_cycles = 0;
  Stalls stalls;
  std::int64_t macs = 0, macs_executed = 0;
  double utilization = 0;
  Energy energy;
  EventCounts events;
};

/// One design point, summed over the inferences of the workload as in RunReport.
struct DesignPoint {
  Cycle cycles = 0;
  Cycle cycles_first = 0, cycles_steady = 0;  ///< of the first and of the last inference
  std::int64_t inferences = 0;
  std::int64_t macs = 0, macs_executed = 0;
  double utilization = 0;
  Energy energy;
  EventCounts events;
  std::uint64_t bytes_read = 0, bytes_written = 0;  ///< off-chip
  double seconds_at_clock = 0;
  std::uint64_t onchip_bits = 0;    ///< of all buffers with both halves, psums at hw.acc_bits
  std::uint64_t offchip_bytes = 0;  ///< of the memory image: program, weights, activations
  std::int64_t tile_ops = 0;        ///< of the program
  bool value_events = false;        ///< act_zero, mac_gated and acc_overflow are counted, else 0
  std::vector<PointLayer> layers;   ///< in the order of PointTimer::layers()
};

/// What never changes from point to point.
struct PointLayerName {
  std::string id, source_name, op;
};

/// Accuracy and values of one numeric variant.
struct NumericResult {
  std::optional<OutputComparison> outputs;  ///< with golden tensors
  std::optional<Accuracy> accuracy;         ///< with labels
  std::uint64_t acc_overflow = 0;           ///< over all inferences, on the given architecture
};

/// How often each part was computed (the rest was reused).
struct PointCounts {
  std::uint64_t points = 0;          ///< calls of time() that returned
  std::uint64_t plans = 0;           ///< tile choices of the whole network
  std::uint64_t lowerings = 0;       ///< programs put together
  std::uint64_t layers_lowered = 0;  ///< layers whose ops were emitted
  std::uint64_t schedules = 0;       ///< recurrences run
  std::uint64_t value_runs = 0;      ///< runs with values
};

struct PointOptions {
  /// Count act_zero, mac_gated and acc_overflow: takes a run with values for each way of cutting K
  /// that occurs. Without, they are 0 and DesignPoint::value_events is false.
  bool value_events = true;
  /// Most bytes of programs that are kept; the least recently used ones go first.
  std::size_t program_bytes = std::size_t{256} << 20;
};

/// Not safe for concurrent use; any number of timers may be used side by side, also in processes
/// that were forked after the construction.
class PointTimer {
 public:
  /// Keeps references to the workload and the table. The inferences are those that the totals sum;
  /// there must be at least one.
  PointTimer(const Workload& work, const EnergyTable& table, PointOptions options = {});
  ~PointTimer();
  PointTimer(PointTimer&&) noexcept;
  PointTimer& operator=(PointTimer&&) = delete;

  /// All figures of a point, valid until the next call. Throws BadInput with the reason for a point
  /// that cannot be built or run (what `tactus run` would refuse, accumulator overflows under
  /// hw.acc_overflow=error included; those are seen with value_events only).
  [[nodiscard]] const DesignPoint& time(const ArchConfig& config);

  /// The same as `tactus run --backend fast` reports it; outputs, accuracy and accumulators are
  /// left empty.
  [[nodiscard]] RunReport report(const ArchConfig& config);

  /// Layers of the network, one for each entry of DesignPoint::layers.
  [[nodiscard]] const std::vector<PointLayerName>& layers() const;

  /// Text that is equal for two architectures only if every tensor of every inference is equal bit
  /// by bit. It is "exact" where the weights prove that no accumulator can leave hw.acc_bits,
  /// however its sum is ordered; else it names the width, the policy and, unless sums wrap, the
  /// dataflow, fold rows, lanes, pattern and order of K of the layers without that proof. Throws
  /// BadInput as time() does. Unique within one model file.
  [[nodiscard]] std::string numeric_key(const ArchConfig& config);

  /// Runs inferences with values on the fast back end. Only their numeric_key and, for
  /// acc_overflow, their architecture matter: call it once for each key. Throws BadInput like
  /// `tactus run`.
  [[nodiscard]] NumericResult evaluate(const ArchConfig& config,
                                       const std::vector<Inference>& inferences);

  [[nodiscard]] const PointCounts& counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tactus
