// SPDX-License-Identifier: Apache-2.0
// The timeline of a run for chrome://tracing and ui.perfetto.dev: what each queue, block and buffer
// half did in which cycle. Made from the retire stream alone, so every back end with timing gives
// one. traces/README.md says what the rows show.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "program/program.hpp"
#include "timeline/trace_json.hpp"

namespace tactus {

/// Idle cycles [from, to) of the PE array before a compute op, with their cause.
struct TimelineStall {
  std::uint32_t seq = 0;  ///< of the op in the compute queue
  std::string cause;
  Cycle from = 0, to = 0;
};

/// What a timeline says of its run.
struct TimelineRun {
  std::string tool, model_name, backend, config_hash;
};

/// Writes inferences one behind the other. Needs no more memory than one of them.
class TimelineWriter {
 public:
  /// Keeps references to program and config. Throws BadInput when the file cannot be created.
  TimelineWriter(const std::string& path, const Program& program, const ArchConfig& config,
                 TimelineRun run);
  /// `retired` is the program's complete stream (InternalError otherwise).
  void add(const std::string& inference, const RunResult& result,
           const std::vector<TimelineStall>& stalls);
  /// The file is there after this.
  void finish();

 private:
  /// An op with its record, in the order of the program.
  struct Entry {
    const TileOp* op = nullptr;
    const RetireRecord* record = nullptr;
    std::size_t number = 0;  ///< in the program
  };
  void name_tracks();
  void row_slice(Track first, std::vector<Rows>& rows, const char* name, const Entry& entry,
                 Cycle from, Cycle to, const std::string& title);
  [[nodiscard]] std::string title_of(const Entry& entry) const;
  void write_layers(const std::vector<Entry>& entries);
  void write_stalls(const std::vector<TimelineStall>& stalls);
  void write_queues(const std::vector<Entry>& entries);
  void write_blocks(const std::vector<Entry>& entries);
  void write_buffers(std::vector<Entry> entries);

  const Program& program_;
  const ArchConfig& config_;
  TimelineRun run_;
  TraceJson json_;
  std::set<std::pair<int, int>> named_;  ///< tracks of row_slice() that have their name
  Cycle offset_ = 0;                     ///< cycles of the inferences before
};

}  // namespace tactus
