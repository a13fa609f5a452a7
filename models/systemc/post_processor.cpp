// SPDX-License-Identifier: Apache-2.0
#include "post_processor.hpp"

#include <algorithm>

#include "row_values.hpp"
#include "words.hpp"

namespace tactus::systemc {

namespace {
/// Cycles from the last tap's address to the write of the last element.
constexpr Cycle pipeline_cycles = 6;
[[nodiscard]] constexpr std::uint64_t count(std::int64_t n) {
  return static_cast<std::uint64_t>(n);
}
}  // namespace

PostProcessor::PostProcessor(const sc_core::sc_module_name& name, Context& context, Issue& issue,
                             Perf& perf, const PostBuffers& buffers)
    : sc_module(name), context_(context), issue_(issue), perf_(perf), buffers_(buffers) {
  SC_THREAD(run);
}

void PostProcessor::run() {
  context_.guard([this] { serve(); });
}

void PostProcessor::serve() {
  for (;;) {
    while (!issue_.can_start(Queue::post)) wait(issue_.wake_event(Queue::post));
    const StartedOp started = issue_.start(Queue::post);
    const auto& op = std::get<PostOp>(started.op.body);
    const PostShape shape = post_shape(op);
    take_passes(op, shape);
    const PostResult result = run_post(context_, op, buffers_);
    EventCounts events = shape_events(op, shape);
    events[Event::acc_overflow] = result.acc_overflow;
    perf_.retire(Queue::post, started.start, result.digest, events);
    issue_.retire(started.op);
    wait(context_.clock.cycles(1));
  }
}

void PostProcessor::take_passes(const PostOp& op, const PostShape& shape) {
  if (shape.rows) {
    const RowShape row = row_shape(op);
    wait(context_.clock.cycles(1));
    for (std::int64_t pixel = 0; pixel < op.out_h * op.out_w; ++pixel) {
      for (std::int64_t walk = 0; walk < row.walks; ++walk) {
        wait(context_.clock.cycles(count(op.channels) + pipeline_cycles));
      }
      wait(context_.clock.cycles(count(row.scalar_cycles)));
    }
    return;
  }
  if (shape.add_record) wait(context_.clock.cycles(1));
  const std::int64_t lanes = context_.size.post_lanes;
  for (std::int64_t first = 0; first < op.channels; first += lanes) {
    if (shape.channel_records) {
      wait(context_.clock.cycles(count(std::min(lanes, op.channels - first))));
    }
    const std::int64_t turns = shape.lane_by_lane ? std::min(lanes, op.channels - first) : 1;
    wait(context_.clock.cycles(count(op.out_h * op.out_w * shape.taps * turns)));
    wait(context_.clock.cycles(pipeline_cycles + (context_.fault(106) ? 1 : 0)));
  }
}

EventCounts PostProcessor::shape_events(const PostOp& op, const PostShape& shape) const {
  const std::int64_t elements = op.channels * op.out_h * op.out_w;
  EventCounts events;
  events[Event::param_rd] =
      count((shape.channel_records ? op.channels : 0) + (shape.add_record ? 1 : 0));
  if (op.transposed != 0) {
    const std::int64_t lanes = context_.size.post_lanes;
    events[Event::param_rd] = count((op.channels + lanes - 1) / lanes * op.out_h * op.out_w);
  }
  if (shape.lane_by_lane) events[Event::param_rd] = count(elements);
  if (shape.rows) {
    const RowShape row = row_shape(op);
    const std::int64_t pixels = op.out_h * op.out_w;
    events[Event::param_rd] = count(1 + row.table_walks * elements + row.scalar_reads * pixels);
    events[Event::ofmap_rd] = count(row.walks * elements);
    events[Event::post_op] = events[Event::ofmap_wr] = count(elements);
    return events;
  }
  events[Event::psum_rd] = shape.psum ? count(elements) : 0;
  events[Event::ofmap_rd] = count(shape.ofmap_reads * elements);
  events[Event::post_op] = count(elements);
  if (op.dst == 0) {
    events[Event::ofmap_wr] = count(elements);
  } else {
    // A bank takes a pixel of a plane in one write.
    const PlaneShape plane(context_.size.word_bytes, op.dst_log2_pack, op.dst_log2_bundle);
    const std::int64_t planes = (op.channels + plane.channels - 1) / plane.channels;
    events[Event::ifmap_wr] = count(op.out_h * op.out_w * planes *
                                    (context_.size.rows / (std::int64_t{1} << op.dst_log2_group)));
  }
  return events;
}

}  // namespace tactus::systemc
