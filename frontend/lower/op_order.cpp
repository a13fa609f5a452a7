// SPDX-License-Identifier: Apache-2.0
#include "lower/op_order.hpp"

#include <algorithm>

namespace tactus::lower {

TokenOrder::TokenOrder() {
  for (Sources& sources : last_access_) sources.fill(-1);
  for (Sources& sources : waited_) sources.fill(-1);
}

TokenOrder::Sources TokenOrder::next(const OpLink& link) {
  const auto number = static_cast<std::int32_t>(queues_.size());
  const auto own = static_cast<std::size_t>(link.queue);
  Sources needs;
  needs.fill(-1);
  for (unsigned bits = link.halves; bits != 0; bits &= bits - 1) {
    Sources& last = last_access_[static_cast<std::size_t>(__builtin_ctz(bits))];
    for (std::size_t q = 0; q < queue_count; ++q) needs[q] = std::max(needs[q], last[q]);
    last[own] = number;
  }
  if (link.after >= 0) {
    const auto q = static_cast<std::size_t>(queues_.at(static_cast<std::size_t>(link.after)));
    needs[q] = std::max(needs[q], link.after);
  }
  needs[own] = -1;
  Sources& waited = waited_[own];
  for (std::size_t q = 0; q < queue_count; ++q) {
    if (needs[q] <= waited[q]) {
      needs[q] = -1;
    } else {
      waited[q] = needs[q];
    }
  }
  queues_.push_back(link.queue);
  return needs;
}

SegmentCuts::SegmentCuts(std::size_t ops, std::size_t capacity) {
  for (std::size_t next = 0; next < ops;) {
    first_.push_back(next);
    const std::size_t rest = ops - next;
    next += rest <= capacity ? rest : capacity - 1;
  }
  first_.push_back(ops);
}

LoadOp SegmentCuts::load_of_next(std::size_t segment, std::uint64_t address) const {
  LoadOp load;
  load.mem_addr = static_cast<std::int64_t>(address);
  load.planes = 1;
  load.lines = 1;
  load.line_bytes = static_cast<std::int64_t>(size(segment + 1) * op_bytes);
  load.dest = static_cast<std::int64_t>(Dest::inst);
  load.half = static_cast<std::int64_t>((segment + 1) % 2);
  return load;
}

}  // namespace tactus::lower
