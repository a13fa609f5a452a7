// SPDX-License-Identifier: Apache-2.0
#include "timeline/memory_trace.hpp"

#include <algorithm>
#include <array>

#include "numerics/errors.hpp"
#include "timeline/memory_sinks.hpp"
#include "timeline/transfer.hpp"

namespace tactus {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// What a load into a buffer carries when it is no tensor.
const char* constant_name(const LoadOp& op) {
  switch (static_cast<Dest>(op.dest)) {
    case Dest::index:
      return "index";
    case Dest::param:
      return "param";
    default:
      return "weight";
  }
}

}  // namespace

/// Walks over the loads or the stores of a run.
struct MemoryTraceWriter::Stream {
  std::vector<const TileOp*> ops;
  std::vector<const RetireRecord*> records;
  std::size_t next = 0;  ///< op to be unfolded
  std::vector<MemoryAccess> ready;
  std::size_t at = 0;  ///< in ready

  [[nodiscard]] bool empty() const { return at == ready.size(); }
  void refill(MemoryTraceWriter& writer) {
    while (empty() && next < ops.size()) {
      ready.clear();
      at = 0;
      writer.accesses_of(*ops[next], *records[next], ready);
      ++next;
    }
  }
};

MemoryTraceWriter::MemoryTraceWriter(const std::string& path, const Program& program,
                                     const ArchConfig& config, const std::string& tool)
    : program_(program), config_(config), path_(path) {
  std::vector<std::string> layers;
  for (const LayerInfo& layer : program.layers) layers.push_back(layer.id);
  if (ends_with(path, ".csv")) {
    sink_ = make_csv_sink(path, layers);
  } else if (ends_with(path, ".h5") || ends_with(path, ".hdf5")) {
    sink_ = make_hdf5_sink(path, {tool, config_hash(config), config.beat_bytes(), layers});
  } else {
    throw BadInput("--memory-trace " + path + " ends neither in .csv nor in .h5", path);
  }
  for (const TensorPlace& t : program.tensors) {
    if (!t.in_memory) continue;
    const auto channels = static_cast<std::uint64_t>(t.bundle * t.pack);
    const std::uint64_t planes = (static_cast<std::uint64_t>(t.c) + channels - 1) / channels;
    ranges_.push_back({t.address, t.address + planes * t.plane_stride, name_number(t.name)});
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.from < b.from; });
}

std::uint32_t MemoryTraceWriter::name_number(const std::string& name) {
  const auto [it, added] = numbers_.emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (added) names_.push_back(name);
  return it->second;
}

std::uint32_t MemoryTraceWriter::tensor_at(const TileOp& op, std::uint64_t address) {
  const auto* load = std::get_if<LoadOp>(&op.body);
  if (load != nullptr && static_cast<Dest>(load->dest) == Dest::inst) return name_number("program");
  auto it = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                             [](std::uint64_t a, const Range& r) { return a < r.from; });
  if (it != ranges_.begin() && address < std::prev(it)->to) return std::prev(it)->name;
  if (load == nullptr) {
    throw InternalError("a store op writes to address " + std::to_string(address) +
                        ", where there is no tensor");
  }
  return name_number(program_.layers.at(op.layer).id + "/" + constant_name(*load));
}

/// Segment 0 is read before the first op, with the timing of a load that starts in cycle 0.
void MemoryTraceWriter::read_boot(std::vector<MemoryAccess>& out) {
  TileOp op;
  LoadOp load;
  load.mem_addr = static_cast<std::int64_t>(program_.prog_addr);
  load.planes = load.lines = 1;
  load.line_bytes = static_cast<std::int64_t>(program_.prog_ops) * op_bytes;
  load.dest = static_cast<std::int64_t>(Dest::inst);
  op.body = load;
  RetireRecord record;
  const std::int64_t beats = (load.line_bytes + config_.beat_bytes() - 1) / config_.beat_bytes();
  record.cycle = static_cast<Cycle>(config_.latency() + beats * config_.beat_interval());
  accesses_of(op, record, out);
  for (MemoryAccess& access : out) access.layer = -1;
}

void MemoryTraceWriter::accesses_of(const TileOp& op, const RetireRecord& record,
                                    std::vector<MemoryAccess>& out) {
  const std::optional<Transfer> transfer = transfer_of(op, record, config_);
  if (!transfer) return;
  const auto interval = static_cast<Cycle>(config_.beat_interval());
  if (transfer->to - transfer->from != transfer->beats * interval) {
    throw BadInput("--memory-trace needs ports that are never held up, but " +
                       std::string(name_of(record.queue)) + " op " + std::to_string(record.seq) +
                       " took " + std::to_string(transfer->to - transfer->from) + " cycles for " +
                       std::to_string(transfer->beats) + " beats; run without --backpressure",
                   path_);
  }
  // A beat passes in the last of its cycles.
  Cycle cycle = transfer->from + interval - 1;
  const bool write = record.queue == Queue::store;
  for_each_beat(op, config_, [&](std::uint64_t address, std::uint32_t bytes) {
    out.push_back({cycle, address, bytes, write, tensor_at(op, address), op.layer});
    cycle += interval;
  });
}

void MemoryTraceWriter::add(const RunResult& result) {
  std::array<std::vector<const TileOp*>, queue_count> queues;
  for (const TileOp& op : program_.ops) {
    queues[static_cast<std::size_t>(queue_of(op))].push_back(&op);
  }
  Stream reads, writes;
  read_boot(reads.ready);
  for (const RetireRecord& record : result.retired) {
    if (record.queue != Queue::load && record.queue != Queue::store) continue;
    Stream& stream = record.queue == Queue::load ? reads : writes;
    const auto& ops = queues[static_cast<std::size_t>(record.queue)];
    if (record.seq >= ops.size()) {
      throw InternalError("the retire stream has an op that the program does not have");
    }
    stream.ops.push_back(ops[record.seq]);
    stream.records.push_back(&record);
  }
  while (true) {
    reads.refill(*this);
    writes.refill(*this);
    if (reads.empty() && writes.empty()) break;
    const bool write = reads.empty() || (!writes.empty() && writes.ready[writes.at].cycle <
                                                                reads.ready[reads.at].cycle);
    Stream& stream = write ? writes : reads;
    MemoryAccess access = stream.ready[stream.at++];
    access.cycle += offset_;
    sink_->put(access, names_);
  }
  offset_ += result.cycles;
}

void MemoryTraceWriter::finish() { sink_->finish(names_); }

}  // namespace tactus
