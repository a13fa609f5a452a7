// SPDX-License-Identifier: Apache-2.0
#include "timeline/timeline.hpp"

#include <algorithm>
#include <array>

#include "numerics/errors.hpp"
#include "timeline/buffer_use.hpp"
#include "timeline/compute_phases.hpp"
#include "timeline/transfer.hpp"

namespace tactus {
namespace {

enum Process : int { run_process = 1, queue_process, block_process, buffer_process, counters };
enum RunTrack : int { inference_track, layer_track, stall_track };
enum BlockTrack : int { load_dma, weight_loader, pe_array, post_processor, store_dma };

/// Threads that a track with several rows may have.
constexpr int most_rows = 16;

std::array<std::vector<std::size_t>, queue_count> by_queue(const Program& program) {
  std::array<std::vector<std::size_t>, queue_count> out;
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    out[static_cast<std::size_t>(queue_of(program.ops[i]))].push_back(i);
  }
  return out;
}

}  // namespace

TimelineWriter::TimelineWriter(const std::string& path, const Program& program,
                               const ArchConfig& config, TimelineRun run)
    : program_(program), config_(config), run_(std::move(run)), json_(path) {
  name_tracks();
}

void TimelineWriter::name_tracks() {
  json_.name_process(run_process, "run: " + run_.model_name + " on " + run_.backend);
  json_.name_track({run_process, inference_track}, "inferences");
  json_.name_track({run_process, layer_track}, "layers");
  json_.name_track({run_process, stall_track}, "PE array stalls");
  json_.name_process(queue_process, "queues: tile ops from start to retire");
  json_.name_process(block_process, "blocks: what the hardware does");
  json_.name_track({block_process, load_dma}, "load DMA");
  json_.name_track({block_process, weight_loader}, "weight loader");
  json_.name_track({block_process, pe_array}, "PE array");
  json_.name_track({block_process, post_processor}, "post-processor");
  json_.name_track({block_process, store_dma}, "store DMA");
  json_.name_process(buffer_process, "buffers: who writes and reads a half");
  json_.name_process(counters, "counters");
}

void TimelineWriter::add(const std::string& inference, const RunResult& result,
                         const std::vector<TimelineStall>& stalls) {
  const auto numbers = by_queue(program_);
  std::vector<Entry> entries(program_.ops.size());
  for (const RetireRecord& record : result.retired) {
    const auto& queue = numbers.at(static_cast<std::size_t>(record.queue));
    const std::size_t number = record.seq < queue.size() ? queue[record.seq] : entries.size();
    if (number == entries.size() || entries[number].record != nullptr) {
      throw InternalError("the retire stream has an op that the program does not have");
    }
    entries[number] = {&program_.ops[number], &record, number};
  }
  for (const Entry& e : entries) {
    if (e.record == nullptr) throw InternalError("the retire stream lacks an op of the program");
  }
  if (result.cycles > 0) {
    json_.slice({run_process, inference_track}, inference, "inference", offset_,
                offset_ + result.cycles, TraceArgs().number("cycles", result.cycles));
  }
  // Segment 0 is read before the first op, with the timing of a load that starts in cycle 0.
  const auto beats = static_cast<Cycle>((program_.prog_ops * op_bytes + config_.beat_bytes() - 1) /
                                        config_.beat_bytes());
  const Cycle boot = static_cast<Cycle>(config_.latency()) +
                     beats * static_cast<Cycle>(config_.beat_interval()) + 1;
  json_.slice({block_process, load_dma}, "first program segment", "boot", offset_, offset_ + boot,
              TraceArgs().number("ops", program_.prog_ops));
  write_layers(entries);
  write_stalls(stalls);
  write_queues(entries);
  write_blocks(entries);
  write_buffers(entries);
  offset_ += result.cycles;
}

std::string TimelineWriter::title_of(const Entry& entry) const {
  std::string text = name_of(queue_of(*entry.op));
  if (const auto* load = std::get_if<LoadOp>(&entry.op->body)) {
    text += std::string(" ") + name_of(uses_of(*entry.op, config_).at(0).buffer);
    if (static_cast<Dest>(load->dest) == Dest::inst) return text;
  } else if (std::holds_alternative<FillOp>(entry.op->body)) {
    text = std::string("fill ") + name_of(uses_of(*entry.op, config_).at(0).buffer);
  }
  return text + " " + program_.layers.at(entry.op->layer).id;
}

/// A layer's row: from the last retire of the layers before to its own, as in the report.
void TimelineWriter::write_layers(const std::vector<Entry>& entries) {
  std::vector<Cycle> end(program_.layers.size(), 0);
  for (const Entry& e : entries) {
    end.at(e.op->layer) = std::max(end.at(e.op->layer), e.record->cycle + 1);
  }
  Cycle before = 0;
  for (std::size_t i = 0; i < end.size(); ++i) {
    if (end[i] <= before) continue;
    const LayerInfo& layer = program_.layers[i];
    json_.slice({run_process, layer_track}, layer.id, "layer", offset_ + before, offset_ + end[i],
                TraceArgs()
                    .text("op", layer.op)
                    .text("source", layer.source_name)
                    .text("mapping", layer.mapping));
    before = end[i];
  }
}

void TimelineWriter::write_stalls(const std::vector<TimelineStall>& stalls) {
  for (const TimelineStall& stall : stalls) {
    json_.slice({run_process, stall_track}, stall.cause, "stall", offset_ + stall.from,
                offset_ + stall.to, TraceArgs().number("compute_seq", stall.seq));
  }
}

void TimelineWriter::row_slice(Track first, std::vector<Rows>& rows, const char* name,
                               const Entry& entry, Cycle from, Cycle to, const std::string& title) {
  const auto base = static_cast<std::size_t>(first.thread);
  if (rows.size() <= base) rows.resize(base + 1);
  const auto row = static_cast<int>(rows[base].place(from, to));
  if (row >= most_rows)
    throw InternalError("too many ops at once on the track " + std::string(name));
  const Track track{first.process, first.thread * most_rows + row};
  if (named_.insert({track.process, track.thread}).second) {
    json_.name_track(track, row == 0 ? name : name + (" +" + std::to_string(row)));
  }
  TraceArgs args;
  args.number("op", entry.number).number("start", entry.record->start);
  args.number("retire", entry.record->cycle);
  if (first.process == queue_process) args.text("disassembly", disassemble(*entry.op));
  json_.slice(track, title, name_of(entry.record->queue), offset_ + from, offset_ + to, args);
}

/// Compute ops overlap by design; those that do get rows of their own.
void TimelineWriter::write_queues(const std::vector<Entry>& entries) {
  std::vector<Entry> sorted = entries;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
    return a.record->start < b.record->start;
  });
  std::vector<Rows> rows;
  for (const Entry& e : sorted) {
    row_slice({queue_process, static_cast<int>(e.record->queue)}, rows, name_of(e.record->queue), e,
              e.record->start, e.record->cycle + 1, title_of(e));
  }
}

void TimelineWriter::write_blocks(const std::vector<Entry>& entries) {
  const auto slice = [&](BlockTrack track, const Entry& e, const std::string& name, Cycle from,
                         Cycle to) {
    json_.slice({block_process, track}, name, name_of(e.record->queue), offset_ + from,
                offset_ + to,
                TraceArgs().number("op", e.number).text("disassembly", disassemble(*e.op)));
  };
  const auto rate = [&](const char* name, const Transfer& t) {
    json_.counter(counters, name, offset_ + t.from, "bytes/cycle",
                  1000 * t.bytes / (t.to - t.from));
    json_.counter(counters, name, offset_ + t.to, "bytes/cycle", 0);
  };
  Cycle array_free = 0;
  for (const Entry& e : entries) {
    const Cycle start = e.record->start, end = e.record->cycle + 1;
    const std::string title = title_of(e);
    const std::optional<Transfer> transfer = transfer_of(*e.op, *e.record, config_);
    if (const auto* op = std::get_if<ComputeOp>(&e.op->body)) {
      const ComputePhases phases = compute_phases(*op, *e.record, config_, array_free);
      slice(weight_loader, e, "first fold of " + title, phases.load_from, phases.load_to);
      slice(pe_array, e, title, phases.stream_from, phases.stream_to);
      array_free = phases.stream_to;
    } else if (std::holds_alternative<PostOp>(e.op->body)) {
      slice(post_processor, e, title, start, end);
    } else if (!transfer) {
      slice(load_dma, e, title, start, end);
    } else if (e.record->queue == Queue::load) {
      slice(load_dma, e, title, start, end);
      slice(load_dma, e, "wait for the first beat", start, transfer->from);
      slice(load_dma, e, "beats", transfer->from, transfer->to);
      rate("off-chip read", *transfer);
    } else {
      slice(store_dma, e, title, start, end);
      slice(store_dma, e, "beats", transfer->from, transfer->to);
      slice(store_dma, e, "wait for the acknowledgement", transfer->to, end);
      rate("off-chip write", *transfer);
    }
  }
}

void TimelineWriter::write_buffers(std::vector<Entry> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.record->start < b.record->start;
  });
  std::vector<Rows> rows;
  std::array<std::array<HalfFill, 2>, buffer_count> fills;
  const auto emit = [&](Buffer buffer, std::size_t half) {
    const std::string name =
        std::string(name_of(buffer)) + " half " + std::to_string(half) + " fill";
    for (const HalfFill::Step& step : fills[static_cast<std::size_t>(buffer)][half].take()) {
      json_.counter(counters, name, offset_ + step.at, "KiB", step.bytes * 1000 / 1024);
    }
  };
  for (const Entry& e : entries) {
    for (const BufferUse& use : uses_of(*e.op, config_)) {
      const Cycle end = e.record->cycle + 1;
      const int track = static_cast<int>(use.buffer) * 2 + use.half;
      const std::string name =
          std::string(name_of(use.buffer)) + " half " + std::to_string(use.half);
      row_slice({buffer_process, track}, rows, name.c_str(), e, e.record->start, end,
                (use.writes ? "written: " : "read: ") + title_of(e));
      // Who reads the instruction buffer is no op: it has no fill level.
      if (use.buffer == Buffer::inst) continue;
      fills[static_cast<std::size_t>(use.buffer)][use.half].use(use, end);
      emit(use.buffer, use.half);
    }
  }
  for (std::size_t b = 0; b < buffer_count; ++b) {
    for (std::size_t half = 0; half < 2; ++half) {
      fills[b][half].finish();
      emit(static_cast<Buffer>(b), half);
    }
  }
}

void TimelineWriter::finish() {
  json_.finish(TraceArgs()
                   .text("tool", run_.tool)
                   .text("model", run_.model_name)
                   .text("backend", run_.backend)
                   .text("config_hash", run_.config_hash)
                   .text("time_unit", "1 us is 1 cycle")
                   .number("clock_mhz", static_cast<std::uint64_t>(config_.hw_clock_mhz))
                   .number("cycles", offset_));
}

}  // namespace tactus
