// SPDX-License-Identifier: Apache-2.0
// Waits, pushes and what they order. A push counts when its op retires; the n-th wait of a queue
// pair takes the n-th push. Queues are in order and a program is a marked graph, so one abstract
// execution decides whether any execution can deadlock.
#include <algorithm>
#include <deque>

#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "program/validator_parts.hpp"

namespace tactus {
namespace {

constexpr auto queues = static_cast<std::size_t>(queue_count);

bool has(unsigned mask, std::size_t queue) { return (mask >> queue & 1U) != 0; }

class TokenCheck {
 public:
  explicit TokenCheck(const ValidatorInput& in) : in_(in), ops_(in.program.ops) {
    const std::size_t n = ops_.size();
    queue_.resize(n);
    order_.before.resize(n);
    order_.seq.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto q = static_cast<std::size_t>(queue_of(ops_[i]));
      queue_[i] = q;
      order_.seq[i] = static_cast<std::uint32_t>(order_.ops[q].size());
      order_.ops[q].push_back(i);
    }
  }

  Ordering run() {
    check_masks();
    execute();
    check_bounds();
    return std::move(order_);
  }

 private:
  void check_masks() {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (ops_[i].wait > 15 || ops_[i].push > 15) {
        refuse_op(in_.program, i, "wait and push have one bit per queue");
      }
      if (has(ops_[i].wait, queue_[i]) || has(ops_[i].push, queue_[i])) {
        refuse_op(in_.program, i, "a queue cannot wait for itself or push to itself");
      }
    }
  }

  [[nodiscard]] bool can_dispatch() const {
    if (next_ == ops_.size() || !segment_loaded_) return false;
    return waiting_[queue_[next_]].size() < static_cast<std::size_t>(in_.config.hw_queue_depth);
  }

  [[nodiscard]] bool can_start(std::size_t q) const {
    if (waiting_[q].empty()) return false;
    for (std::size_t p = 0; p < queues; ++p) {
      if (has(ops_[waiting_[q].front()].wait, p) && tokens_[p][q].empty()) return false;
    }
    return true;
  }

  void dispatch() {
    waiting_[queue_[next_]].push_back(next_);
    if (ops_[next_].seg_end && next_ + 1 < ops_.size()) {
      ++segment_;
      segment_loaded_ = inst_loads_ >= segment_;
    }
    ++next_;
  }

  /// Starts and retires the head of queue q.
  void step(std::size_t q) {
    const std::size_t i = waiting_[q].front();
    waiting_[q].pop_front();
    auto& before = order_.before[i];
    if (order_.seq[i] > 0) before = order_.before[order_.ops[q][order_.seq[i] - 1]];
    // A compute op may start while its predecessor drains.
    if (q != static_cast<std::size_t>(Queue::compute)) before[q] = order_.seq[i];
    for (std::size_t p = 0; p < queues; ++p) {
      if (!has(ops_[i].wait, p)) continue;
      const std::size_t pusher = tokens_[p][q].front();
      tokens_[p][q].pop_front();
      for (std::size_t k = 0; k < queues; ++k) {
        before[k] = std::max(before[k], order_.before[pusher][k]);
      }
      before[p] = std::max(before[p], order_.seq[pusher] + 1);
    }
    for (std::size_t p = 0; p < queues; ++p) {
      if (has(ops_[i].push, p)) tokens_[q][p].push_back(i);
    }
    const auto* load = std::get_if<LoadOp>(&ops_[i].body);
    if (load != nullptr && load->dest == static_cast<std::int64_t>(Dest::inst)) {
      ++inst_loads_;
      segment_loaded_ = inst_loads_ >= segment_;
    }
  }

  void execute() {
    for (bool progress = true; progress;) {
      progress = false;
      for (; can_dispatch(); progress = true) dispatch();
      for (std::size_t q = 0; q < queues; ++q) {
        for (; can_start(q); progress = true) step(q);
      }
    }
    std::size_t stuck = next_;
    for (const auto& queue : waiting_) {
      if (!queue.empty()) stuck = std::min(stuck, queue.front());
    }
    if (stuck != ops_.size()) refuse_op(in_.program, stuck, stuck_reason(stuck));
    for (std::size_t p = 0; p < queues; ++p) {
      for (std::size_t q = 0; q < queues; ++q) {
        if (tokens_[p][q].empty()) continue;
        refuse_op(in_.program, tokens_[p][q].front(),
                  std::string("its token to the ") + name_of(static_cast<Queue>(q)) +
                      " queue is never consumed");
      }
    }
  }

  [[nodiscard]] std::string stuck_reason(std::size_t i) const {
    std::string missing;
    for (std::size_t p = 0; p < queues; ++p) {
      if (!has(ops_[i].wait, p) || !tokens_[p][queue_[i]].empty()) continue;
      missing += missing.empty() ? "" : ", ";
      missing += name_of(static_cast<Queue>(p));
    }
    if (missing.empty()) return "the program deadlocks before it is dispatched";
    return "the program deadlocks, it waits for ever for a token of queue " + missing;
  }

  /// Upper bound of each counter when an op retires: pushes so far, less the waits that have surely
  /// started, by tokens or because dispatch is in order and a queue holds queue_depth ops.
  void check_bounds() const {
    for (std::size_t p = 0; p < queues; ++p) {
      for (std::size_t q = 0; q < queues; ++q) {
        if (p != q) check_pair(p, q);
      }
    }
  }

  void check_pair(std::size_t p, std::size_t q) const {
    const auto& consumers = order_.ops[q];
    std::vector<std::size_t> waits(consumers.size() + 1, 0);  // among the first k ops of q
    for (std::size_t k = 0; k < consumers.size(); ++k) {
      waits[k + 1] = waits[k] + (has(ops_[consumers[k]].wait, p) ? 1 : 0);
    }
    const auto depth = static_cast<std::size_t>(in_.config.hw_queue_depth);
    std::size_t pushes = 0;
    for (const std::size_t i : order_.ops[p]) {
      if (!has(ops_[i].push, q)) continue;
      ++pushes;
      const auto dispatched = static_cast<std::size_t>(
          std::lower_bound(consumers.begin(), consumers.end(), i) - consumers.begin());
      const std::size_t started =
          std::max<std::size_t>(order_.before[i][q], dispatched > depth ? dispatched - depth : 0);
      // Waits can be ahead of pushes of later ops only by taking earlier tokens.
      const std::size_t taken = std::min(pushes, waits[started]);
      if (pushes - taken > static_cast<std::size_t>(max_tokens)) {
        refuse_op(in_.program, i,
                  std::string("more than ") + std::to_string(max_tokens) + " tokens to the " +
                      name_of(static_cast<Queue>(q)) + " queue may be outstanding");
      }
    }
  }

  const ValidatorInput& in_;
  const std::vector<TileOp>& ops_;
  std::vector<std::size_t> queue_;
  Ordering order_;
  std::array<std::deque<std::size_t>, queues> waiting_;
  std::array<std::array<std::deque<std::size_t>, queues>, queues> tokens_;
  std::size_t next_ = 0, segment_ = 0, inst_loads_ = 0;
  bool segment_loaded_ = true;
};

}  // namespace

Ordering check_tokens(const ValidatorInput& in) { return TokenCheck(in).run(); }

}  // namespace tactus
