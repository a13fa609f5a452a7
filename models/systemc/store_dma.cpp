// SPDX-License-Identifier: Apache-2.0
#include "store_dma.hpp"

#include <algorithm>

#include "digest.hpp"

namespace tactus::systemc {

namespace {
/// Cycles from the start of a store to the first cycle in which beat 0 is valid on the port: one
/// to address the ofmap buffer, one to read it.
constexpr Cycle read_cycles = 2;
}  // namespace

StoreDma::StoreDma(const sc_core::sc_module_name& name, Context& context, Issue& issue, Perf& perf,
                   const OfmapBuffer& ofmap)
    : sc_module(name),
      socket("socket"),
      context_(context),
      issue_(issue),
      perf_(perf),
      ofmap_(ofmap) {
  SC_THREAD(run);
}

void StoreDma::run() {
  context_.guard([this] { serve(); });
}

void StoreDma::serve() {
  for (;;) {
    while (!issue_.can_start(Queue::store)) wait(issue_.wake_event(Queue::store));
    const StartedOp started = issue_.start(Queue::store);
    store(std::get<StoreOp>(started.op.body));
    EventCounts events;
    events[Event::mem_wr_beat] = beats_;
    events[Event::ofmap_rd] = beats_;
    perf_.retire(Queue::store, started.start, digest_, events);
    issue_.retire(started.op);
    wait(context_.clock.cycles(1));
  }
}

void StoreDma::store(const StoreOp& op) {
  const std::int64_t beat = context_.size.beat_bytes;
  const std::int64_t line_beats = (op.line_bytes + beat - 1) / beat;
  const std::int64_t banks = ofmap_.banks();
  digest_ = 0;
  beats_ = 0;
  sc_core::sc_time acknowledged;
  tlm::tlm_generic_payload burst;
  burst.set_command(tlm::TLM_WRITE_COMMAND);
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line) {
      const std::int64_t from =
          op.src_base + plane / banks * op.src_slot_stride + line * op.src_line_stride;
      const std::uint8_t* words =
          ofmap_.read(op.half, plane % banks, from * beat, line_beats * beat);
      line_.assign(static_cast<std::size_t>(line_beats * beat), 0);
      std::copy(words, words + op.line_bytes, line_.begin());
      std::int64_t bytes = op.line_bytes;
      if (context_.fault(110)) {
        std::copy(words, words + line_beats * beat, line_.begin());
        bytes = line_beats * beat;
      }
      burst.set_address(static_cast<std::uint64_t>(op.mem_addr) +
                        static_cast<std::uint64_t>(plane * op.plane_stride) +
                        static_cast<std::uint64_t>(line * op.line_stride));
      burst.set_data_ptr(line_.data());
      burst.set_data_length(static_cast<unsigned>(bytes));
      burst.set_streaming_width(static_cast<unsigned>(bytes));
      burst.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
      // The buffer delivers a beat a cycle, and memory never takes them faster.
      acknowledged = context_.clock.cycles(read_cycles + beats_);
      socket->b_transport(burst, acknowledged);
      for (std::int64_t n = 0; n < line_beats; ++n) {
        digest_ += mix(beats_++, beat_word(line_.data() + n * beat, beat));
      }
    }
  }
  wait(acknowledged);
}

}  // namespace tactus::systemc
