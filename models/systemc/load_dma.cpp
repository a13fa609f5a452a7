// SPDX-License-Identifier: Apache-2.0
#include "load_dma.hpp"

#include <algorithm>

#include "digest.hpp"
#include "words.hpp"

namespace tactus::systemc {

namespace {
[[nodiscard]] LoadOp boot_load(const Program& program) {
  LoadOp op;
  op.mem_addr = static_cast<std::int64_t>(program.prog_addr);
  op.planes = 1;
  op.lines = 1;
  op.line_bytes = std::int64_t{program.prog_ops} * op_bytes;
  op.dest = static_cast<std::int64_t>(Dest::inst);
  return op;
}
}  // namespace

LoadDma::LoadDma(const sc_core::sc_module_name& name, Context& context, Issue& issue, Perf& perf,
                 Sequencer& sequencer, const LoadTargets& targets, const Program& program)
    : sc_module(name),
      socket("socket"),
      context_(context),
      issue_(issue),
      perf_(perf),
      sequencer_(sequencer),
      targets_(targets),
      boot_(boot_load(program)) {
  SC_THREAD(run);
}

void LoadDma::run() {
  context_.guard([this] { serve(); });
}

void LoadDma::serve() {
  load(boot_);
  for (;;) {
    wait(context_.clock.cycles(1));  // the unit is free in the cycle after a retirement
    while (!issue_.can_start(Queue::load)) wait(issue_.wake_event(Queue::load));
    const StartedOp started = issue_.start(Queue::load);
    events_ = {};
    digest_ = 0;
    if (const auto* op = std::get_if<LoadOp>(&started.op.body)) {
      load(*op);
    } else {
      fill(std::get<FillOp>(started.op.body));
    }
    perf_.retire(Queue::load, started.start, digest_, events_);
    issue_.retire(started.op);
  }
}

void LoadDma::load(const LoadOp& op) {
  const std::int64_t beat = context_.size.beat_bytes;
  events_[Event::mem_rd_req] = fetch(op);
  const std::size_t beats = data_.size() / static_cast<std::size_t>(beat);
  events_[Event::mem_rd_beat] = beats;
  for (std::size_t n = 0; n < beats; ++n) {
    digest_ += mix(n, beat_word(data_.data() + n * static_cast<std::size_t>(beat), beat));
  }
  commit(op);
}

std::uint64_t LoadDma::fetch(const LoadOp& op) {
  const std::int64_t beat = context_.size.beat_bytes;
  const std::int64_t line_beats = (op.line_bytes + beat - 1) / beat;
  data_.resize(static_cast<std::size_t>(op.planes * op.lines * line_beats * beat));
  std::uint8_t* to = data_.data();
  Cycle requests = 0;
  sc_core::sc_time arrival;
  tlm::tlm_generic_payload burst;
  burst.set_command(tlm::TLM_READ_COMMAND);
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line) {
      std::uint64_t address = static_cast<std::uint64_t>(op.mem_addr) +
                              static_cast<std::uint64_t>(plane * op.plane_stride) +
                              static_cast<std::uint64_t>(line * op.line_stride);
      for (std::int64_t left = line_beats; left > 0;) {
        const std::int64_t bytes = std::min(left, context_.size.burst_beats) * beat;
        burst.set_address(address);
        burst.set_data_ptr(to);
        burst.set_data_length(static_cast<unsigned>(bytes));
        burst.set_streaming_width(static_cast<unsigned>(bytes));
        burst.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
        arrival = context_.clock.cycles(++requests);
        socket->b_transport(burst, arrival);
        to += bytes;
        address += static_cast<std::uint64_t>(bytes);
        left -= bytes / beat;
      }
    }
  }
  wait(arrival);
  return requests;
}

void LoadDma::commit(const LoadOp& op) {
  const auto beats = static_cast<std::int64_t>(data_.size()) / context_.size.beat_bytes;
  const auto words = static_cast<std::uint64_t>(beats);
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  switch (static_cast<Dest>(op.dest)) {
    case Dest::ifmap:
      commit_banked(op, targets_.ifmap);
      events_[Event::ifmap_wr] = words * static_cast<std::uint64_t>(targets_.ifmap.banks() / group);
      return;
    case Dest::ofmap:
      if (op.log2_pack != 0 || op.log2_bundle != 0) {
        commit_unpacked(op);
      } else {
        commit_banked(op, targets_.ofmap);
      }
      events_[Event::ofmap_wr] = words * static_cast<std::uint64_t>(targets_.ofmap.banks() / group);
      return;
    case Dest::weight:
      commit_linear(op, targets_.weight);
      events_[Event::weight_wr] = words;
      return;
    case Dest::index:
      commit_linear(op, targets_.index);
      events_[Event::index_wr] = words;
      return;
    case Dest::param:
      commit_linear(op, targets_.param);
      events_[Event::param_wr] = words;
      return;
    case Dest::inst:
      commit_linear(op, targets_.inst);
      events_[Event::inst_wr] = words;
      sequencer_.segment_loaded();
      return;
  }
  throw BadInput("a load op has the unknown destination " + std::to_string(op.dest));
}

void LoadDma::commit_banked(const LoadOp& op, BankedBuffer& buffer) {
  const std::int64_t beat = context_.size.beat_bytes;
  const std::int64_t line_data = (op.line_bytes + beat - 1) / beat * beat;
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  const std::uint8_t* from = data_.data();
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    const std::int64_t slot = plane / group;
    for (std::int64_t line = 0; line < op.lines; ++line, from += line_data) {
      std::int64_t to =
          (op.dst_base + slot * op.dst_slot_stride + line * op.dst_line_stride) * beat;
      if (context_.fault(104) && line + 1 == op.lines && to >= beat) to -= beat;
      for (std::int64_t bank = plane % group; bank < buffer.banks(); bank += group) {
        std::copy(from, from + op.line_bytes, buffer.write(op.half, bank, to, op.line_bytes));
      }
    }
  }
}

void LoadDma::commit_unpacked(const LoadOp& op) {
  const std::int64_t beat = context_.size.beat_bytes;
  const std::int64_t line_data = (op.line_bytes + beat - 1) / beat * beat;
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  const PlaneShape shape(context_.size.word_bytes, op.log2_pack, op.log2_bundle);
  const std::int64_t words = op.line_bytes / shape.word_bytes;
  const std::int64_t row_words = (words + shape.words - 1) / shape.words;
  OfmapBuffer& ofmap = targets_.ofmap;
  const std::int64_t runs = ofmap.banks() / shape.channels;
  const unsigned unused = 32 - shape.field_bits;
  const std::int64_t in_word = std::int64_t{1} << op.log2_pack;
  const std::uint8_t* from = data_.data();
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line, from += line_data) {
      const std::int64_t to =
          (op.dst_base + plane / group * op.dst_slot_stride + line * op.dst_line_stride) * beat;
      for (std::int64_t run = plane % group; run < runs; run += group) {
        for (std::int64_t j = 0; j < shape.channels; ++j) {
          const std::int64_t bank = run * shape.channels + j;
          std::uint8_t* element = ofmap.write(op.half, bank, to, row_words * shape.word_bytes);
          for (std::int64_t g = j / in_word; g < words; g += shape.words) {
            const std::uint8_t* pixel = from + g / shape.words * shape.bytes();
            std::uint32_t value = shape.field(pixel, j);
            if (op.unpack_signed != 0 && !context_.fault(120)) {
              value =
                  static_cast<std::uint32_t>(static_cast<std::int32_t>(value << unused) >> unused);
            }
            for (std::int64_t byte = 0; byte < shape.word_bytes; ++byte, value >>= 8) {
              *element++ = static_cast<std::uint8_t>(value);
            }
          }
        }
      }
    }
  }
}

void LoadDma::commit_linear(const LoadOp& op, LinearBuffer& buffer) {
  const std::int64_t beat = context_.size.beat_bytes;
  const std::int64_t line_data = (op.line_bytes + beat - 1) / beat * beat;
  const std::uint8_t* from = data_.data();
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line, from += line_data) {
      const std::int64_t to =
          (op.dst_base + plane * op.dst_slot_stride + line * op.dst_line_stride) * beat;
      std::uint8_t* words = buffer.write(op.half, to, line_data);
      std::copy(from, from + op.line_bytes, words);
      std::fill(words + op.line_bytes, words + line_data, std::uint8_t{0});
    }
  }
}

void LoadDma::fill(const FillOp& op) {
  wait(context_.clock.cycles(static_cast<Cycle>(op.beats)));
  switch (static_cast<Dest>(op.dest)) {
    case Dest::ifmap:
      events_[Event::ifmap_wr] = fill_bank(op, targets_.ifmap);
      break;
    case Dest::ofmap:
      events_[Event::ofmap_wr] = fill_bank(op, targets_.ofmap);
      break;
    case Dest::weight:
    case Dest::index:
    case Dest::param:
    case Dest::inst:
    default:
      throw BadInput("a fill op has the destination " + std::to_string(op.dest));
  }
  digest_ = mix(static_cast<std::uint64_t>(op.beats), static_cast<std::uint64_t>(op.value));
}

std::uint64_t LoadDma::fill_bank(const FillOp& op, BankedBuffer& buffer) const {
  const std::int64_t beat = context_.size.beat_bytes;
  const std::int64_t bytes = op.beats * beat;
  for (std::int64_t bank = 0; bank < buffer.banks(); ++bank) {
    std::uint8_t* to = buffer.write(op.half, bank, op.dst_base * beat, bytes);
    for (std::int64_t i = 0; i < bytes; ++i) {
      to[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(op.value) >>
                                        (8 * (static_cast<unsigned>(i) % 4)));
    }
  }
  return static_cast<std::uint64_t>(op.beats * buffer.banks());
}

}  // namespace tactus::systemc
