// SPDX-License-Identifier: Apache-2.0
#include "pe_array.hpp"

#include <cstdlib>
#include <utility>

#include "digest.hpp"
#include "fold_kernel.hpp"

namespace tactus::systemc {

PeArray::PeArray(const sc_core::sc_module_name& name, Context& context, const IfmapBuffer& ifmap,
                 const WeightBuffer& weight, PsumBuffer& psum)
    : sc_module(name), context_(context), ifmap_(ifmap), weight_(weight), psum_(psum) {
  SC_THREAD(stream);
  SC_THREAD(drain);
}

bool PeArray::accepts_weights() const {
  if (context_.size.overlap) return begun_ == loaded_;
  return drained_ == loaded_ && (loaded_ == 0 || drained_at_ < context_.clock.now());
}

void PeArray::load_shadow(const Fold& fold) {
  const ComputeOp& op = fold.job->op();
  const std::int64_t cols = context_.size.cols;
  const std::int64_t stride = padded_columns(op.cols);
  shadow_fold_ = fold;
  shadow_.assign(static_cast<std::size_t>(fold.rows * stride), 0);
  const std::uint8_t* rows =
      weight_.read(op.weight_half, (op.weight_base + fold.first_row) * cols, fold.rows * cols);
  for (std::int64_t r = 0; r < fold.rows; ++r) {
    std::int32_t* to = shadow_.data() + r * stride;
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const std::uint8_t byte = rows[r * cols + c];
      const std::int64_t value = op.wgt_signed != 0 ? static_cast<std::int8_t>(byte) : byte;
      to[c] = static_cast<std::int32_t>(value - op.wgt_zp);
    }
  }
  ++loaded_;
}

void PeArray::present() {
  presented_ = true;
  present_event_.notify(sc_core::SC_ZERO_TIME);
}

void PeArray::stream() {
  context_.guard([this] {
    for (;;) {
      while (!presented_) wait(present_event_);
      begin_fold();
      multiply(active_fold_);
      const ComputeOp& op = active_fold_.job->op();
      wait(context_.clock.cycles(static_cast<Cycle>(op.out_h * op.out_w)));
    }
  });
}

void PeArray::begin_fold() {
  presented_ = false;
  active_fold_ = std::move(shadow_fold_);
  const bool stale =
      context_.fault(107) && active_fold_.number == 1 && active_.size() == shadow_.size();
  if (!stale) active_.swap(shadow_);
  ++begun_;
  if (context_.size.overlap) ready_event_.notify(sc_core::SC_ZERO_TIME);
  // Pixel M - 1 enters row 0 M - 1 cycles from now and passes R rows and C columns.
  const ComputeOp& op = active_fold_.job->op();
  const std::int64_t depth = op.out_h * op.out_w - 1 + context_.size.rows + context_.size.cols;
  pipeline_.push_back(
      {context_.clock.now() + static_cast<Cycle>(depth), active_fold_.job, active_fold_.last});
  drain_event_.notify(sc_core::SC_ZERO_TIME);
}

void PeArray::drain() {
  context_.guard([this] {
    for (;;) {
      while (pipeline_.empty()) wait(drain_event_);
      const Draining fold = std::move(pipeline_.front());
      pipeline_.pop_front();
      wait(context_.clock.cycles(fold.done - context_.clock.now()));
      ++drained_;
      drained_at_ = context_.clock.now();
      if (!context_.size.overlap) ready_event_.notify(context_.clock.cycles(1));
      if (fold.last) retire_(*fold.job);
    }
  });
}

void PeArray::multiply(const Fold& fold) {
  ComputeJob& job = *fold.job;
  const ComputeOp& op = job.op();
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t reach = (op.out_h - 1) * op.step_y + (op.out_w - 1) * op.step_x + 1;
  FoldInput input{{},        op.out_h,       op.out_w,
                  op.step_x, op.step_y,      op.act_signed != 0,
                  op.act_zp, active_.data(), 255 + std::abs(op.wgt_zp),
                  op.cols};
  if (context_.fault(108)) input.act_zp = 0;
  for (std::int64_t r = 0; r < fold.rows; ++r) {
    const std::int64_t offset = job.row_offset[static_cast<std::size_t>(fold.first_row + r)];
    input.rows.push_back(ifmap_.read(op.ifmap_half, r, op.ifmap_base + offset, reach));
  }
  FoldRule rule{fold.number == 0 && op.accumulate == 0, static_cast<int>(context_.size.acc_bits),
                context_.size.overflow, context_.fault(103)};
  if (context_.fault(111) && rule.overflow == Overflow::saturate) rule.overflow = Overflow::wrap;
  if (context_.fault(115) && fold.number == 0) rule.from_zero = true;
  const FoldCounts counts =
      run_fold(input, rule, psum_.at(op.psum_half, op.psum_base, pixels), context_.size.cols);
  job.events[Event::act_zero] += counts.act_zero;
  job.events[Event::acc_overflow] += counts.acc_overflow;
  if (fold.last && op.k_complete != 0) add_digest(job);
}

void PeArray::add_digest(ComputeJob& job) const {
  const ComputeOp& op = job.op();
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t* entry = psum_.at(op.psum_half, op.psum_base, pixels);
  for (std::int64_t m = 0; m < pixels; ++m, entry += context_.size.cols) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      job.digest += mix(static_cast<std::uint64_t>(m * context_.size.cols + c),
                        static_cast<std::uint64_t>(entry[c]));
    }
  }
}

}  // namespace tactus::systemc
