// SPDX-License-Identifier: Apache-2.0
// Block `pe_array`: shadow and active weights, the streaming of pixels and the drain of the
// pipeline into the psum buffer. One module: the PE grid is plain arithmetic.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <systemc>
#include <vector>

#include "buffers.hpp"
#include "context.hpp"
#include "events/events.hpp"
#include "issue.hpp"

namespace tactus::systemc {

/// A compute op on its way through the array.
struct ComputeJob {
  StartedOp started;
  std::vector<std::int64_t> row_offset;  ///< byte offset of each K element inside its ifmap bank
  EventCounts events;
  std::uint64_t digest = 0;
  [[nodiscard]] const ComputeOp& op() const { return std::get<ComputeOp>(started.op.body); }
};

/// One fold: K elements first_row .. first_row + rows - 1 of its op.
struct Fold {
  std::shared_ptr<ComputeJob> job;
  std::int64_t number = 0, first_row = 0, rows = 0;
  bool last = false;
};

class PeArray : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(PeArray);
  PeArray(const sc_core::sc_module_name& name, Context& context, const IfmapBuffer& ifmap,
          const WeightBuffer& weight, PsumBuffer& psum);

  /// Called in the cycle of the last psum write of an op.
  void on_retire(std::function<void(const ComputeJob&)> retire) { retire_ = std::move(retire); }

  /// Whether the next fold's weights may enter the shadow registers in the current cycle. With
  /// overlap: the previous fold has begun, which shows in the same cycle. Without: its last psum
  /// was written in an earlier cycle.
  [[nodiscard]] bool accepts_weights() const;
  /// Happens in each cycle in which accepts_weights() may have become true.
  [[nodiscard]] const sc_core::sc_event& ready_event() const { return ready_event_; }

  /// Reads the fold's weight rows into the shadow registers.
  void load_shadow(const Fold& fold);
  /// All shadow weights have been sent: the fold begins as soon as the array's input is free.
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
  void multiply(const Fold& fold);
  void add_digest(ComputeJob& job) const;

  Context& context_;
  const IfmapBuffer& ifmap_;
  const WeightBuffer& weight_;
  PsumBuffer& psum_;
  std::function<void(const ComputeJob&)> retire_;

  Fold shadow_fold_, active_fold_;
  std::vector<std::int32_t> shadow_, active_;  ///< a row of padded_columns(cols) per K element
  bool presented_ = false;
  std::uint64_t loaded_ = 0, begun_ = 0, drained_ = 0;  ///< folds
  Cycle drained_at_ = 0;
  std::deque<Draining> pipeline_;
  sc_core::sc_event present_event_, drain_event_, ready_event_;
};

}  // namespace tactus::systemc
