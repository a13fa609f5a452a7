// SPDX-License-Identifier: Apache-2.0
// Block `pe_array`: shadow and active weights, the streaming of pixels (weight-stationary) or of K
// units (output-stationary) and the drain into the psum buffer. One module: the PE grid is plain
// arithmetic.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <systemc>
#include <utility>
#include <vector>

#include "buffers.hpp"
#include "context.hpp"
#include "events/events.hpp"
#include "fold_kernel.hpp"
#include "issue.hpp"
#include "operands.hpp"

namespace tactus::systemc {

/// A compute op on its way through the array.
struct ComputeJob {
  StartedOp started;
  OperandLayout layout;
  std::vector<KUnit> units;
  EventCounts events;
  std::uint64_t digest = 0;
  /// Output-stationary: all weights, which every fold streams.
  std::vector<std::int32_t> weights;
  std::int64_t column_limit = 0;  ///< no column's `weights` have a larger sum of magnitudes
  [[nodiscard]] const ComputeOp& op() const { return std::get<ComputeOp>(started.op.body); }
  [[nodiscard]] bool output_stationary() const { return op().dataflow == 1; }
};

/// One fold: K units first_unit .. first_unit + units - 1 of its op and pixels first_pixel ..
/// first_pixel + pixels - 1.
struct Fold {
  std::shared_ptr<ComputeJob> job;
  std::int64_t number = 0;
  std::int64_t first_unit = 0, units = 0;
  std::int64_t first_pixel = 0, pixels = 0;
  bool last = false;
};

/// The buffers that the array reaches.
struct ArrayBuffers {
  const IfmapBuffer& ifmap;
  const WeightBuffer& weight;
  const IndexBuffer& index;
  PsumBuffer& psum;
};

class PeArray : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(PeArray);
  PeArray(const sc_core::sc_module_name& name, Context& context, const ArrayBuffers& buffers);

  /// Called in the cycle of the last psum write of an op.
  void on_retire(std::function<void(const ComputeJob&)> retire) { retire_ = std::move(retire); }

  /// Whether the next fold may enter the array's edge registers (the shadow weights, or the pixel
  /// addresses of the rows) in the current cycle. With overlap: the previous fold has begun, which
  /// shows in the same cycle. Without: its last psum was written in an earlier cycle, or, by an
  /// output-stationary fold, is written in this one.
  [[nodiscard]] bool accepts_fold() const;
  /// Happens in each cycle in which accepts_fold() may have become true.
  [[nodiscard]] const sc_core::sc_event& ready_event() const { return ready_event_; }

  /// Whether all ops retired in earlier cycles: the dataflow may change.
  [[nodiscard]] bool idle() const;
  /// Happens in each cycle in which idle() may have become true.
  [[nodiscard]] const sc_core::sc_event& idle_event() const { return idle_event_; }

  /// Takes the fold into the edge registers; a weight-stationary one reads its weight rows.
  void load(const Fold& fold);
  /// All edge registers are loaded, or far enough ahead: the fold begins as soon as the array's
  /// input is free.
  void present();

 private:
  struct Draining {
    Cycle done;  ///< cycle of the fold's last psum write
    std::shared_ptr<ComputeJob> job;
    bool last;
  };
  void stream();
  void drain();
  void begin_fold();
  /// Cycles for which the active fold occupies the array's input.
  [[nodiscard]] std::int64_t input_cycles() const;
  /// Cycles from the begin of the active fold to its last psum write.
  [[nodiscard]] std::int64_t depth() const;
  void calculate(const Fold& fold);
  [[nodiscard]] FoldInput pixels_of(const Fold& fold) const;
  [[nodiscard]] FoldCounts multiply(const Fold& fold, const FoldRule& rule);
  [[nodiscard]] FoldCounts accumulate_units(const Fold& fold, const FoldRule& rule);
  void read_all_weights(ComputeJob& job) const;
  void add_digest(ComputeJob& job) const;

  Context& context_;
  ArrayBuffers buffers_;
  std::function<void(const ComputeJob&)> retire_;

  Fold shadow_fold_, active_fold_;
  std::vector<std::int32_t> shadow_, active_;  ///< as read_weights() gives them
  bool presented_ = false;
  std::uint64_t loaded_ = 0, begun_ = 0, drained_ = 0;  ///< folds
  Cycle drained_at_ = 0;
  std::deque<Draining> pipeline_;
  sc_core::sc_event present_event_, drain_event_, ready_event_, idle_event_;
};

}  // namespace tactus::systemc
