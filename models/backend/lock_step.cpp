// SPDX-License-Identifier: Apache-2.0
#include "backend/lock_step.hpp"

#include <algorithm>

namespace tactus {

LockStep::LockStep(const RunResult& expected, const CompareOptions& options)
    : expected_(expected), options_(options) {
  for (const RetireRecord& r : expected.retired) {
    queues_[static_cast<std::size_t>(r.queue)].push_back(&r);
  }
}

bool LockStep::accept(const RetireRecord& record) {
  const auto q = static_cast<std::size_t>(record.queue);
  ++done_[q];
  if (record.seq >= queues_[q].size()) {
    first_ = std::min(first_, record.cycle);
  } else {
    const RetireRecord& want = *queues_[q][record.seq];
    const bool differs =
        (options_.timing && (record.start != want.start || record.cycle != want.cycle)) ||
        (options_.values && record.digest != want.digest) ||
        (options_.events && record.events != want.events);
    if (differs) first_ = std::min(first_, want.cycle);
  }
  if (first_ == none) return true;
  for (std::size_t i = 0; i < queue_count; ++i) {
    if (done_[i] < queues_[i].size() && queues_[i][done_[i]]->cycle <= first_) return true;
  }
  return false;
}

RunResult LockStep::comparable(const RunResult& stopped) const {
  RunResult part;
  part.memory = stopped.memory;
  part.cycles = stopped.cycles;
  for (const RetireRecord& r : stopped.retired) {
    const auto& queue = queues_[static_cast<std::size_t>(r.queue)];
    if (r.seq < queue.size()) part.retired.push_back(*queue[r.seq]);
  }
  return part;
}

}  // namespace tactus
