// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_files.hpp"

#include "numerics/errors.hpp"
#include "report/report.hpp"
#include "report/stalls.hpp"

namespace tactus {

TraceFiles::TraceFiles(const Job& job, const std::string& backend, const std::string& timeline,
                       const std::string& memory_trace)
    : job_(job) {
  if (backend == "ref" && !(timeline.empty() && memory_trace.empty())) {
    throw BadInput("back end ref has no cycles: " +
                   std::string(timeline.empty() ? "--memory-trace" : "--timeline") +
                   " needs fast, systemc or rtl");
  }
  if (!timeline.empty()) {
    timeline_ = std::make_unique<TimelineWriter>(
        timeline, job.program, job.config,
        TimelineRun{tool_text, job.workload.network.name, backend, config_hash(job.config)});
  }
  if (!memory_trace.empty()) {
    memory_trace_ =
        std::make_unique<MemoryTraceWriter>(memory_trace, job.program, job.config, tool_text);
  }
}

void TraceFiles::add(const std::string& inference, const RunResult& result) {
  if (timeline_) {
    std::vector<TimelineStall> stalls;
    for (const StallGap& gap : stall_gaps(job_.program, result.retired)) {
      stalls.push_back({gap.seq, name_of(gap.cause), gap.from, gap.to});
    }
    timeline_->add(inference, result, stalls);
  }
  if (memory_trace_) memory_trace_->add(result);
}

void TraceFiles::finish() {
  if (timeline_) timeline_->finish();
  if (memory_trace_) memory_trace_->finish();
}

}  // namespace tactus
