// SPDX-License-Identifier: Apache-2.0
// Block `compute_ctrl`: the compute queue, the fold loop, the weight and pixel address paths.
#pragma once

#include <cstdint>
#include <memory>
#include <systemc>

#include "context.hpp"
#include "issue.hpp"
#include "pe_array.hpp"
#include "perf.hpp"

namespace tactus::systemc {

class ComputeCtrl : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(ComputeCtrl);
  ComputeCtrl(const sc_core::sc_module_name& name, Context& context, Issue& issue, Perf& perf,
              PeArray& array);

 private:
  void run();
  void serve();
  /// Sends the weights, or the pixel addresses, of all folds of one op.
  void send_folds(const std::shared_ptr<ComputeJob>& job);
  /// Whether the array has the dataflow of the head of the queue, or is empty.
  [[nodiscard]] bool may_take_dataflow() const;
  [[nodiscard]] bool possible(const ComputeOp& op, const OperandLayout& layout) const;
  void retire(const ComputeJob& job);
  [[nodiscard]] EventCounts shape_events(const ComputeJob& job) const;

  Context& context_;
  Issue& issue_;
  Perf& perf_;
  PeArray& array_;
  std::int64_t dataflow_ = 0;            ///< of the last op
  sc_core::sc_event_or_list may_start_;  ///< a member: the kernel leaks a temporary at the end
};

}  // namespace tactus::systemc
