// SPDX-License-Identifier: Apache-2.0
// Block `tactus_sequencer`: decodes ops from the instruction buffer and dispatches them in order.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <systemc>

#include "buffers.hpp"
#include "context.hpp"
#include "issue.hpp"

namespace tactus::systemc {

class Sequencer : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Sequencer);
  Sequencer(const sc_core::sc_module_name& name, Context& context, const InstBuffer& instructions,
            Issue& issue);

  /// The load DMA has written the next segment in the current cycle.
  void segment_loaded();

  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] std::uint64_t dispatched() const { return dispatched_; }
  /// What the sequencer waits for, for the report of a run that stands still.
  [[nodiscard]] const std::string& waiting_for() const { return waiting_for_; }

 private:
  void run();
  void dispatch_program();
  /// Dispatches one segment; the answer is whether the program goes on.
  [[nodiscard]] bool dispatch_segment(std::int64_t segment);
  void wait_until(Cycle cycle);

  Context& context_;
  const InstBuffer& instructions_;
  Issue& issue_;
  std::deque<Cycle> loaded_;  ///< retire cycles of the segment loads not yet used
  sc_core::sc_event loaded_event_;
  std::uint64_t dispatched_ = 0;
  bool finished_ = false;
  std::string waiting_for_;
};

}  // namespace tactus::systemc
