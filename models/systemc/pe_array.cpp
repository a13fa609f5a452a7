// SPDX-License-Identifier: Apache-2.0
#include "pe_array.hpp"

#include <algorithm>

#include "digest.hpp"

namespace tactus::systemc {

PeArray::PeArray(const sc_core::sc_module_name& name, Context& context, const ArrayBuffers& buffers)
    : sc_module(name), context_(context), buffers_(buffers) {
  SC_THREAD(stream);
  SC_THREAD(drain);
}

bool PeArray::accepts_fold() const {
  if (context_.size.overlap) return begun_ == loaded_;
  return idle();
}

bool PeArray::idle() const {
  return drained_ == loaded_ && (loaded_ == 0 || drained_at_ < context_.clock.now());
}

void PeArray::load(const Fold& fold) {
  shadow_fold_ = fold;
  const ComputeJob& job = *fold.job;
  if (!job.output_stationary()) {
    read_weights(context_, job.op(), job.layout, buffers_.weight, buffers_.index, fold.first_unit,
                 fold.units, shadow_);
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
      calculate(active_fold_);
      wait(context_.clock.cycles(static_cast<Cycle>(input_cycles())));
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
  pipeline_.push_back(
      {context_.clock.now() + static_cast<Cycle>(depth()), active_fold_.job, active_fold_.last});
  drain_event_.notify(sc_core::SC_ZERO_TIME);
}

std::int64_t PeArray::input_cycles() const {
  if (!active_fold_.job->output_stationary()) return active_fold_.pixels;
  // The drain registers shift for R - 1 cycles before they can take the next fold's results.
  return context_.size.overlap ? std::max(active_fold_.units, context_.size.rows)
                               : active_fold_.units;
}

std::int64_t PeArray::depth() const {
  const std::int64_t rows = context_.size.rows;
  const std::int64_t cols = context_.size.cols;
  // The last pixel enters row 0 input_cycles() - 1 from now and passes R rows and C columns.
  if (!active_fold_.job->output_stationary()) return input_cycles() - 1 + rows + cols;
  // The last PE gives its sum away input_cycles() + R - 1 + C - 1 from now. R - 1 shifts later the
  // sum of row 0 leaves the column.
  return input_cycles() + (rows - 1) + (cols - 1) + (rows - 1) + (context_.fault(118) ? 0 : 1);
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
      idle_event_.notify(context_.clock.cycles(1));
      if (fold.last) retire_(*fold.job);
    }
  });
}

void PeArray::calculate(const Fold& fold) {
  ComputeJob& job = *fold.job;
  const ComputeOp& op = job.op();
  const bool streamed = job.output_stationary();
  FoldRule rule{op.accumulate == 0 && (streamed || fold.number == 0),
                static_cast<int>(context_.size.acc_bits), context_.size.overflow,
                context_.fault(103)};
  if (context_.fault(111) && rule.overflow == Overflow::saturate) rule.overflow = Overflow::wrap;
  if (context_.fault(115) && fold.number == 0) rule.from_zero = true;
  const FoldCounts counts = streamed ? accumulate_units(fold, rule) : multiply(fold, rule);
  job.events[Event::act_zero] += counts.act_zero;
  job.events[Event::acc_overflow] += counts.acc_overflow;
  job.events[Event::mac_gated] += counts.mac_gated;
  if (fold.last && op.k_complete != 0) add_digest(job);
}

FoldInput PeArray::pixels_of(const Fold& fold) const {
  const ComputeOp& op = fold.job->op();
  const OperandLayout& layout = fold.job->layout;
  FoldInput input;
  input.lanes = layout.lanes;
  input.candidates = layout.candidates;
  input.out_h = op.out_h;
  input.out_w = op.out_w;
  input.step_x = op.step_x;
  input.step_y = op.step_y;
  input.form = {layout.act_bits, op.act_signed != 0 && op.act_bipolar == 0, op.act_bipolar != 0,
                op.act_zp};
  if (context_.fault(108)) input.form.zero_point = 0;
  input.weight_limit = weight_limit(op, layout);
  input.cols = op.cols;
  input.count_gated = context_.size.zero_gating;
  input.elements.reserve(static_cast<std::size_t>(fold.units * layout.window_elements()));
  return input;
}

namespace {
/// Appends the elements of a window whose bundle of pixel 0 is at `bundle`. Words are little
/// endian: element e of a bundle starts at bit e * a' of its bytes.
void add_window(FoldInput& input, const std::uint8_t* bundle, std::int64_t first) {
  const std::int64_t end = first + input.lanes * input.candidates;
  for (std::int64_t element = first; element < end; ++element) {
    const std::int64_t bit = element * input.form.bits;
    input.elements.push_back({bundle + bit / 8, static_cast<unsigned>(bit % 8)});
  }
}

[[nodiscard]] std::int64_t bundle_bytes(const OperandLayout& layout) {
  return layout.bundle_words * layout.word_bits / 8;
}
}  // namespace

FoldCounts PeArray::multiply(const Fold& fold, const FoldRule& rule) {
  const ComputeJob& job = *fold.job;
  const ComputeOp& op = job.op();
  const std::int64_t reach =
      (op.out_h - 1) * op.step_y + (op.out_w - 1) * op.step_x + bundle_bytes(job.layout);
  FoldInput input = pixels_of(fold);
  input.weights = active_.data();
  input.column_limit = input.weight_limit * fold.units * input.lanes;
  for (std::int64_t row = 0; row < fold.units; ++row) {
    const KUnit& unit = job.units[static_cast<std::size_t>(fold.first_unit + row)];
    add_window(input, buffers_.ifmap.read(op.ifmap_half, row, op.ifmap_base + unit.offset, reach),
               unit.element);
  }
  return run_fold(input, rule, buffers_.psum.at(op.psum_half, op.psum_base, fold.pixels),
                  context_.size.cols);
}

FoldCounts PeArray::accumulate_units(const Fold& fold, const FoldRule& rule) {
  ComputeJob& job = *fold.job;
  const ComputeOp& op = job.op();
  if (fold.number == 0) read_all_weights(job);
  std::int64_t reach = 0;
  for (const KUnit& unit : job.units) reach = std::max(reach, unit.offset);
  reach += bundle_bytes(job.layout);
  FoldInput input = pixels_of(fold);
  input.weights = job.weights.data();
  input.column_limit = job.column_limit;
  // Pixel offsets count from bank 0: the banks follow each other in storage.
  for (std::int64_t row = 0; row < fold.pixels; ++row) {
    const std::int64_t m = fold.first_pixel + row;
    const std::int64_t pixel = m / op.out_w * op.step_y + m % op.out_w * op.step_x;
    static_cast<void>(buffers_.ifmap.read(op.ifmap_half, row, op.ifmap_base + pixel, reach));
    input.pixel_offsets.push_back(row * buffers_.ifmap.bank_bytes() + pixel);
  }
  const std::uint8_t* bank_0 = buffers_.ifmap.read(op.ifmap_half, 0, op.ifmap_base, reach);
  for (const KUnit& unit : job.units) add_window(input, bank_0 + unit.offset, unit.element);
  return run_streamed_fold(
      input, rule, buffers_.psum.at(op.psum_half, op.psum_base + fold.first_pixel, fold.pixels),
      context_.size.cols);
}

void PeArray::read_all_weights(ComputeJob& job) const {
  const ComputeOp& op = job.op();
  read_weights(context_, op, job.layout, buffers_.weight, buffers_.index, 0, op.k_rows,
               job.weights);
  const auto stride = static_cast<std::size_t>(padded_columns(op.cols));
  std::vector<std::int64_t> sums(stride);
  for (std::size_t i = 0; i < job.weights.size(); ++i) {
    sums[i % stride] += std::abs(job.weights[i]);
  }
  job.column_limit = *std::max_element(sums.begin(), sums.end());
}

void PeArray::add_digest(ComputeJob& job) const {
  const ComputeOp& op = job.op();
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t* entry = buffers_.psum.at(op.psum_half, op.psum_base, pixels);
  for (std::int64_t m = 0; m < pixels; ++m, entry += context_.size.cols) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      job.digest += mix(static_cast<std::uint64_t>(m * context_.size.cols + c),
                        static_cast<std::uint64_t>(entry[c]));
    }
  }
}

}  // namespace tactus::systemc
