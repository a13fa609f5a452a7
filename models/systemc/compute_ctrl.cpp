// SPDX-License-Identifier: Apache-2.0
#include "compute_ctrl.hpp"

#include <algorithm>

namespace tactus::systemc {

namespace {
[[nodiscard]] constexpr std::uint64_t count(std::int64_t n) {
  return static_cast<std::uint64_t>(n);
}
}  // namespace

ComputeCtrl::ComputeCtrl(const sc_core::sc_module_name& name, Context& context, Issue& issue,
                         Perf& perf, PeArray& array)
    : sc_module(name),
      context_(context),
      issue_(issue),
      perf_(perf),
      array_(array),
      may_start_(issue.wake_event(Queue::compute) | array.ready_event()) {
  array_.on_retire([this](const ComputeJob& job) { retire(job); });
  SC_THREAD(run);
}

void ComputeCtrl::run() {
  context_.guard([this] { serve(); });
}

void ComputeCtrl::serve() {
  for (;;) {
    // The weight path is free here. All conditions of a start stay true once they are, except by
    // this process: the first cycle in which they hold together does not depend on the order of
    // the checks.
    while (!array_.accepts_weights() || !issue_.can_start(Queue::compute)) {
      wait(may_start_);
    }
    const auto job = std::make_shared<ComputeJob>();
    job->started = issue_.start(Queue::compute);
    const ComputeOp& op = job->op();
    if (op.folds != (op.k_rows + op.rows_used - 1) / op.rows_used ||
        op.rows_used > context_.size.rows || op.cols > context_.size.cols) {
      throw BadInput("the array cannot run `" + disassemble(job->started.op) + "`");
    }
    job->row_offset = row_offsets(op);
    job->events = shape_events(op);
    send_weights(job);
  }
}

void ComputeCtrl::send_weights(const std::shared_ptr<ComputeJob>& job) {
  const ComputeOp& op = job->op();
  for (std::int64_t number = 0; number < op.folds; ++number) {
    while (!array_.accepts_weights()) wait(array_.ready_event());
    Fold fold;
    fold.job = job;
    fold.number = number;
    fold.first_row = number * op.rows_used;
    fold.rows = std::min(op.rows_used, op.k_rows - fold.first_row);
    fold.last = number + 1 == op.folds;
    array_.load_shadow(fold);
    wait(context_.clock.cycles(count(context_.size.rows)));
    array_.present();
  }
}

void ComputeCtrl::retire(const ComputeJob& job) {
  perf_.retire(Queue::compute, job.started.start, job.digest, job.events);
  issue_.retire(job.started.op);
}

std::vector<std::int64_t> ComputeCtrl::row_offsets(const ComputeOp& op) const {
  std::int64_t step_kx = op.step_kx;
  std::int64_t step_ky = op.step_ky;
  if (context_.fault(102)) std::swap(step_kx, step_ky);
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(op.k_rows));
  std::int64_t slot = op.start_slot;
  std::int64_t kx = op.start_kx;
  std::int64_t ky = op.start_ky;
  for (std::int64_t k = 0; k < op.k_rows; ++k) {
    // All G channels of a slot have one offset: they differ in the bank.
    if (k > 0 && k % group == 0 && ++slot == op.slots) {
      slot = 0;
      if (++kx == op.kernel_w) {
        kx = 0;
        ++ky;
      }
    }
    offsets[static_cast<std::size_t>(k)] = slot * op.slot_stride + ky * step_ky + kx * step_kx;
  }
  return offsets;
}

EventCounts ComputeCtrl::shape_events(const ComputeOp& op) const {
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t elements = context_.size.rows * context_.size.cols;
  EventCounts events;
  events[Event::weight_rd] = count(op.k_rows);
  events[Event::pe_weight] = count(op.folds * elements);
  events[Event::ifmap_rd] = count(pixels * op.k_rows);
  events[Event::pe_active] = count(op.folds * pixels * elements);
  events[Event::psum_wr] = count(op.folds * pixels * op.cols);
  events[Event::psum_rd] = count((op.accumulate != 0 ? op.folds : op.folds - 1) * pixels * op.cols);
  if (context_.fault(113)) --events[Event::psum_rd];
  return events;
}

}  // namespace tactus::systemc
