// SPDX-License-Identifier: Apache-2.0
#include "perf.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tactus::systemc {

Perf::Perf(const sc_core::sc_module_name& name, const Context& context)
    : sc_module(name), context_(context) {}

void Perf::retire(Queue queue, Cycle start, std::uint64_t digest, const EventCounts& events) {
  RetireRecord record;
  record.queue = queue;
  record.seq = next_seq_[static_cast<std::size_t>(queue)]++;
  record.start = start;
  record.cycle = context_.clock.now();
  record.digest = digest;
  record.events = events;
  last_retire_ = record.cycle;
  records_.push_back(record);
}

std::vector<RetireRecord> Perf::take() {
  std::sort(records_.begin(), records_.end(), [](const RetireRecord& a, const RetireRecord& b) {
    return std::tie(a.core, a.queue, a.seq) < std::tie(b.core, b.queue, b.seq);
  });
  return std::move(records_);
}

}  // namespace tactus::systemc
