// SPDX-License-Identifier: Apache-2.0
#include "store_dma.hpp"

#include <algorithm>

#include "digest.hpp"
#include "words.hpp"

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
    const auto& body = std::get<StoreOp>(started.op.body);
    store(body);
    EventCounts events;
    events[Event::mem_wr_beat] = beats_;
    events[Event::ofmap_rd] = beats_ * static_cast<Cycle>(banks_per_beat(body));
    perf_.retire(Queue::store, started.start, digest_, events);
    issue_.retire(started.op);
    wait(context_.clock.cycles(1));
  }
}

std::int64_t StoreDma::banks_per_beat(const StoreOp& op) const {
  if (op.transposed != 0) return context_.size.beat_bytes >> op.log2_bytes;
  return PlaneShape(context_.size.word_bytes, op.log2_pack, op.log2_bundle).channels;
}

std::int64_t StoreDma::line_address(const StoreOp& op, std::int64_t slot, std::int64_t line) const {
  return (op.src_base + slot * op.src_slot_stride + line * op.src_line_stride) *
         context_.size.beat_bytes;
}

void StoreDma::pack_line(const StoreOp& op, std::int64_t plane, std::int64_t line) {
  const PlaneShape shape(context_.size.word_bytes, op.log2_pack, op.log2_bundle);
  const std::int64_t pixels = op.line_bytes / shape.bytes();
  for (std::int64_t j = 0; j < shape.channels; ++j) {
    const std::int64_t channel = plane * shape.channels + j;
    if (channel >= op.channels) continue;
    const std::int64_t bank = (context_.fault(121) ? 0 : op.bank0) + channel;
    const std::uint8_t* element =
        ofmap_.read(op.half, bank % ofmap_.banks(), line_address(op, bank / ofmap_.banks(), line),
                    pixels * shape.word_bytes);
    std::uint8_t* pixel = line_.data();
    for (std::int64_t x = 0; x < pixels; ++x, pixel += shape.bytes()) {
      std::uint32_t value = element[0];
      if (shape.word_bytes == 2) value |= std::uint32_t{element[1]} << 8;
      shape.set_field(pixel, j, value);
      element += shape.word_bytes;
    }
  }
}

void StoreDma::transpose_line(const StoreOp& op, std::int64_t plane) {
  const std::int64_t bytes = std::int64_t{1} << op.log2_bytes;
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const PlaneShape word(bytes, op.log2_pack, 0);
  for (std::int64_t pixel = 0; pixel < op.line_bytes / bytes; ++pixel) {
    std::uint8_t* to = line_.data() + pixel * bytes;
    for (std::int64_t s = 0; s < pack; ++s) {
      const std::int64_t channel = plane * pack + s;
      if (channel >= op.channels) continue;
      const std::uint8_t* element =
          ofmap_.read(op.half, op.bank0 + pixel,
                      op.src_base * context_.size.beat_bytes + channel * bytes, bytes);
      if (pack == 1) {
        std::copy(element, element + bytes, to);
      } else {
        word.set_field(to, s, word.field(element, 0));
      }
    }
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
      line_.assign(static_cast<std::size_t>(line_beats * beat), 0);
      std::int64_t bytes = op.line_bytes;
      if (op.transposed != 0) {
        transpose_line(op, plane);
      } else if (op.log2_pack != 0 || op.log2_bundle != 0) {
        pack_line(op, plane, line);
      } else {
        const std::int64_t bank = op.bank0 + plane;
        const std::uint8_t* words = ofmap_.read(
            op.half, bank % banks, line_address(op, bank / banks, line), line_beats * beat);
        if (context_.fault(110)) bytes = line_beats * beat;
        std::copy(words, words + bytes, line_.begin());
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
