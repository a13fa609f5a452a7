// SPDX-License-Identifier: Apache-2.0
#include "compute_ctrl.hpp"

#include <algorithm>

namespace tactus::systemc {

namespace {
[[nodiscard]] constexpr std::uint64_t count(std::int64_t n) {
  return static_cast<std::uint64_t>(n);
}
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
/// Cycles from the pixel address of row 0 to the address of its first window.
constexpr std::int64_t pixel_cycles = 2;
}  // namespace

ComputeCtrl::ComputeCtrl(const sc_core::sc_module_name& name, Context& context, Issue& issue,
                         Perf& perf, PeArray& array)
    : sc_module(name),
      context_(context),
      issue_(issue),
      perf_(perf),
      array_(array),
      may_start_(issue.wake_event(Queue::compute) | array.ready_event() | array.idle_event()) {
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
    while (!array_.accepts_fold() || !issue_.can_start(Queue::compute) || !may_take_dataflow()) {
      wait(may_start_);
    }
    const auto job = std::make_shared<ComputeJob>();
    job->started = issue_.start(Queue::compute);
    const ComputeOp& op = job->op();
    job->layout = operand_layout(op, 8 * context_.size.word_bytes);
    if (!possible(op, job->layout)) {
      throw BadInput("the array cannot run `" + disassemble(job->started.op) + "`");
    }
    dataflow_ = op.dataflow;
    job->units = k_units(context_, op, job->layout);
    job->events = shape_events(*job);
    send_folds(job);
  }
}

bool ComputeCtrl::may_take_dataflow() const {
  const auto& op = std::get<ComputeOp>(issue_.head(Queue::compute).body);
  return op.dataflow == dataflow_ || array_.idle() || context_.fault(119);
}

bool ComputeCtrl::possible(const ComputeOp& op, const OperandLayout& layout) const {
  const std::int64_t rows = context_.size.rows;
  if (op.rows_used < 1 || op.rows_used > rows || op.cols > context_.size.cols || op.k_rows < 1 ||
      op.dataflow > 1) {
    return false;
  }
  if (layout.windows < 1 || layout.units_per_row < 1 || layout.units_per_index_row < 1)
    return false;
  if (op.dataflow == 0) return op.folds == ceil_div(op.k_rows, op.rows_used);
  return op.rows_used == rows && op.folds == ceil_div(op.out_h * op.out_w, rows);
}

void ComputeCtrl::send_folds(const std::shared_ptr<ComputeJob>& job) {
  const ComputeOp& op = job->op();
  const std::int64_t rows = context_.size.rows;
  const std::int64_t pixels = op.out_h * op.out_w;
  for (std::int64_t number = 0; number < op.folds; ++number) {
    while (!array_.accepts_fold()) wait(array_.ready_event());
    issue_.watch.fold = static_cast<unsigned>(number);
    Fold fold;
    fold.job = job;
    fold.number = number;
    fold.last = number + 1 == op.folds;
    // Shadow weights are complete row by row. A row's pixel address stands two cycles before the
    // row's first window; the later rows follow while the fold streams.
    std::int64_t lead = rows;
    if (job->output_stationary()) {
      lead = pixel_cycles;
      fold.units = op.k_rows;
      fold.first_pixel = number * rows;
      fold.pixels = std::min(rows, pixels - fold.first_pixel);
    } else {
      fold.first_unit = number * op.rows_used;
      fold.units = std::min(op.rows_used, op.k_rows - fold.first_unit);
      fold.pixels = pixels;
    }
    array_.load(fold);
    wait(context_.clock.cycles(count(lead)));
    array_.present();
    if (lead < rows && context_.size.overlap) wait(context_.clock.cycles(count(rows - lead)));
  }
}

void ComputeCtrl::retire(const ComputeJob& job) {
  perf_.retire(Queue::compute, job.started.start, job.digest, job.events);
  issue_.retire(job.started.op);
}

EventCounts ComputeCtrl::shape_events(const ComputeJob& job) const {
  const ComputeOp& op = job.op();
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t elements = context_.size.rows * context_.size.cols;
  EventCounts events;
  events[Event::ifmap_rd] = count(pixels * op.k_rows);
  if (job.output_stationary()) {
    events[Event::weight_rd] = count(op.folds * op.k_rows);
    events[Event::pe_weight] = count(op.folds * op.k_rows * elements);
    events[Event::pe_active] = events[Event::pe_weight];
    events[Event::psum_wr] = count(pixels * op.cols);
    events[Event::psum_rd] = op.accumulate != 0 ? events[Event::psum_wr] : 0;
  } else {
    events[Event::weight_rd] = count(op.k_rows);
    events[Event::pe_weight] = count(op.folds * elements);
    events[Event::pe_active] = count(op.folds * pixels * elements);
    events[Event::psum_wr] = count(op.folds * pixels * op.cols);
    events[Event::psum_rd] =
        count((op.accumulate != 0 ? op.folds : op.folds - 1) * pixels * op.cols);
  }
  if (job.layout.sparse()) events[Event::index_rd] = events[Event::weight_rd];
  if (context_.fault(113)) --events[Event::psum_rd];
  return events;
}

}  // namespace tactus::systemc
