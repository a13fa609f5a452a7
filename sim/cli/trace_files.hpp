// SPDX-License-Identifier: Apache-2.0
// The trace files that a run writes besides its report.
#pragma once

#include <memory>
#include <string>

#include "run/job.hpp"
#include "timeline/memory_trace.hpp"
#include "timeline/timeline.hpp"

namespace tactus {

class TraceFiles {
 public:
  /// Empty names: no such file. Keeps references to the job. Throws BadInput for a back end without
  /// timing and for files that cannot be created.
  TraceFiles(const Job& job, const std::string& backend, const std::string& timeline,
             const std::string& memory_trace);
  void add(const std::string& inference, const RunResult& result);
  /// The files are there after this.
  void finish();

 private:
  const Job& job_;
  std::unique_ptr<TimelineWriter> timeline_;
  std::unique_ptr<MemoryTraceWriter> memory_trace_;
};

}  // namespace tactus
