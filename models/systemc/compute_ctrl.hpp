// SPDX-License-Identifier: Apache-2.0
// Block `compute_ctrl`: the compute queue, the fold loop and the weight path.
#pragma once

#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

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
  /// Sends the weights of all folds of one op.
  void send_weights(const std::shared_ptr<ComputeJob>& job);
  void retire(const ComputeJob& job);
  [[nodiscard]] std::vector<std::int64_t> row_offsets(const ComputeOp& op) const;
  [[nodiscard]] EventCounts shape_events(const ComputeOp& op) const;

  Context& context_;
  Issue& issue_;
  Perf& perf_;
  PeArray& array_;
  sc_core::sc_event_or_list may_start_;  ///< a member: the kernel leaks a temporary at the end
};

}  // namespace tactus::systemc
