// SPDX-License-Identifier: Apache-2.0
#include "lower/op_order.hpp"

#include <algorithm>

namespace tactus::lower {

namespace {

[[nodiscard]] TokenOrder::State nothing() {
  TokenOrder::State state;
  for (TokenOrder::Sources& sources : state.last_access) sources.fill(-1);
  for (TokenOrder::Sources& sources : state.waited) sources.fill(-1);
  return state;
}

/// Calls f(number) for each half of a set.
template <class F>
void for_each_half(std::uint16_t halves, F&& f) {
  for (unsigned bits = halves; bits != 0; bits &= bits - 1) {
    f(static_cast<std::size_t>(__builtin_ctz(bits)));
  }
}

}  // namespace

TokenOrder::TokenOrder() : state_(nothing()) {}

TokenOrder::Sources TokenOrder::next(const OpLink& link) {
  const auto number = static_cast<std::int32_t>(queues_.size());
  const auto own = static_cast<std::size_t>(link.queue);
  Sources needs;
  needs.fill(-1);
  for_each_half(link.halves, [&](std::size_t half) {
    Sources& last = state_.last_access[half];
    for (std::size_t q = 0; q < queue_count; ++q) needs[q] = std::max(needs[q], last[q]);
    last[own] = number;
  });
  if (link.after >= 0) {
    const auto q = static_cast<std::size_t>(queues_.at(static_cast<std::size_t>(link.after)));
    needs[q] = std::max(needs[q], link.after);
  }
  needs[own] = -1;
  Sources& waited = state_.waited[own];
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

PartOrder::PartOrder(const std::vector<OpLink>& links) : ops_(links.size()) {
  constexpr std::uint32_t open = ~std::uint32_t{0};
  for (auto& row : closed_) row.fill(open);
  std::array<std::uint16_t, queue_count> touched{};
  std::array<std::vector<std::int32_t>, queue_count> waited;
  TokenOrder order;
  inner_.reserve(links.size());
  for (std::size_t i = 0; i < links.size(); ++i) {
    const auto op = static_cast<std::uint32_t>(i);
    OpLink link = links[i];
    const auto own = static_cast<std::size_t>(link.queue);
    Outer outer;
    outer.op = op;
    outer.queue = link.queue;
    outer.halves = static_cast<std::uint16_t>(link.halves & ~touched[own]);
    touched[own] = static_cast<std::uint16_t>(touched[own] | link.halves);
    if (link.after < -1) {
      std::vector<std::int32_t>& known = waited[own];
      if (std::find(known.begin(), known.end(), link.after) == known.end()) {
        known.push_back(link.after);
        outer.before = -2 - link.after;
      }
      link.after = -1;
    }
    if (outer.halves != 0 || outer.before >= 0) outer_.push_back(outer);
    inner_.push_back(order.next(link));
    for (std::size_t q = 0; q < queue_count; ++q) {
      if (inner_.back()[q] >= 0 && closed_[own][q] == open) closed_[own][q] = op;
    }
  }
  left_ = order.state();
}

std::vector<std::uint32_t> PartOrder::seen() const {
  std::vector<std::uint32_t> out;
  for (const TokenOrder::Sources& last : left_.last_access) {
    for (const std::int32_t op : last) {
      if (op >= 0) out.push_back(static_cast<std::uint32_t>(op));
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

ProgramOrder::ProgramOrder() : state_(nothing()) {}

std::vector<ProgramOrder::Token> ProgramOrder::next(const PartOrder& part, std::uint16_t swapped,
                                                    const std::vector<Before>& before) {
  std::vector<Token> out;
  for (const PartOrder::Outer& outer : part.outer_) {
    const auto own = static_cast<std::size_t>(outer.queue);
    TokenOrder::Sources needs;
    needs.fill(-1);
    for_each_half(swap_halves(outer.halves, swapped), [&](std::size_t half) {
      const TokenOrder::Sources& last = state_.last_access[half];
      for (std::size_t q = 0; q < queue_count; ++q) needs[q] = std::max(needs[q], last[q]);
    });
    if (outer.before >= 0) {
      const Before& op = before[static_cast<std::size_t>(outer.before)];
      auto& need = needs[static_cast<std::size_t>(op.queue)];
      need = std::max(need, op.op);
    }
    for (std::size_t q = 0; q < queue_count; ++q) {
      // From the first token of the part's own ops on, none of the program before is needed.
      if (q == own || outer.op >= part.closed_[own][q]) continue;
      std::int32_t& waited = state_.waited[own][q];
      if (needs[q] <= waited) continue;
      waited = needs[q];
      out.push_back({outer.op, static_cast<Queue>(q), static_cast<std::uint32_t>(needs[q])});
    }
  }
  for (std::size_t half = 0; half < state_.last_access.size(); ++half) {
    const auto bit = static_cast<std::uint16_t>(1U << half);
    for_each_half(swap_halves(bit, swapped), [&](std::size_t to) {
      for (std::size_t q = 0; q < queue_count; ++q) {
        const std::int32_t last = part.left_.last_access[half][q];
        if (last >= 0) state_.last_access[to][q] = ops_ + last;
      }
    });
  }
  for (std::size_t own = 0; own < queue_count; ++own) {
    for (std::size_t q = 0; q < queue_count; ++q) {
      const std::int32_t last = part.left_.waited[own][q];
      if (last >= 0) state_.waited[own][q] = ops_ + last;
    }
  }
  ops_ += static_cast<std::int32_t>(part.ops_);
  return out;
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
