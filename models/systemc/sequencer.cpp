// SPDX-License-Identifier: Apache-2.0
#include "sequencer.hpp"

#include <algorithm>

namespace tactus::systemc {

namespace {
/// Cycles from the retirement of a segment's load, or from the last dispatch of the segment
/// before, to the first dispatch: one to address the instruction memory, one to read it.
constexpr Cycle fetch_cycles = 2;
}  // namespace

Sequencer::Sequencer(const sc_core::sc_module_name& name, Context& context,
                     const InstBuffer& instructions, Issue& issue)
    : sc_module(name), context_(context), instructions_(instructions), issue_(issue) {
  SC_THREAD(run);
}

void Sequencer::run() {
  context_.guard([this] { dispatch_program(); });
}

void Sequencer::segment_loaded() {
  loaded_.push_back(context_.clock.now());
  loaded_event_.notify(context_.clock.cycles(fetch_cycles));
}

void Sequencer::wait_until(Cycle cycle) {
  const Cycle now = context_.clock.now();
  if (cycle > now) wait(context_.clock.cycles(cycle - now));
}

void Sequencer::dispatch_program() {
  Cycle earliest = 0;
  for (std::int64_t segment = 0;; ++segment) {
    waiting_for_ = "segment " + std::to_string(segment) + " of the program";
    while (loaded_.empty()) wait(loaded_event_);
    wait_until(std::max(earliest, loaded_.front() + fetch_cycles));
    loaded_.pop_front();
    if (!dispatch_segment(segment)) break;
    earliest = context_.clock.now() + fetch_cycles;
  }
  finished_ = true;
  waiting_for_.clear();
}

bool Sequencer::dispatch_segment(std::int64_t segment) {
  EncodedOp bytes;
  for (std::int64_t i = 0; i < context_.size.segment_ops; ++i) {
    if (i > 0) wait(context_.clock.cycles(1));
    const std::uint8_t* word = instructions_.read(segment % 2, i * op_bytes, op_bytes);
    std::copy(word, word + op_bytes, bytes.begin());
    const TileOp op = decode(bytes);
    const Queue queue = queue_of(op);
    while (!issue_.has_room(queue)) {
      waiting_for_ = std::string("room in queue ") + name_of(queue);
      wait(issue_.room_event());
    }
    issue_.push(op);
    ++dispatched_;
    if (op.prog_end) return false;
    if (op.seg_end) return true;
  }
  throw BadInput("segment " + std::to_string(segment) + " of the program has no last op within " +
                 std::to_string(context_.size.segment_ops) + " ops");
}

}  // namespace tactus::systemc
