// SPDX-License-Identifier: Apache-2.0
#include "fast/timing.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "dataflow/output_stationary.hpp"
#include "dataflow/weight_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

/// Tokens from one queue to another. Ops of a queue retire in order, so the n-th push in program
/// order is the n-th in time and the n-th wait takes it.
struct Channel {
  std::vector<Cycle> pushed;  ///< retire cycles
  std::size_t taken = 0;
};

struct QueueState {
  std::vector<std::uint32_t> ops;  ///< dispatched, in order
  std::size_t head = 0;            ///< first op that has not started
  Cycle last_retire = 0;
};

bool is_instruction_load(const TileOp& op) {
  const auto* load = std::get_if<LoadOp>(&op.body);
  return load != nullptr && load->dest == static_cast<std::int64_t>(Dest::inst);
}

class Resolver {
 public:
  Resolver(const Program& program, const ArchNumbers& arch) : ops_(program.ops), arch_(arch) {
    timing_.dispatch.resize(ops_.size());
    timing_.start.resize(ops_.size());
    timing_.retire.resize(ops_.size());
    const std::int64_t boot_beats =
        ceil_div(std::int64_t{program.prog_ops} * op_bytes, arch.beat_bytes);
    segment_ready_ = static_cast<Cycle>(arch.latency + boot_beats * arch.interval) + 2;
  }

  Timing run() {
    // Every op is resolved as soon as all it depends on is; the order of attempts is free.
    std::size_t done = 0;
    while (done < ops_.size()) {
      std::size_t step = dispatch_next() ? 1 : 0;
      for (int q = 0; q < queue_count; ++q) {
        while (start_head(q)) {
          ++step;
          ++done;
        }
      }
      if (step == 0) report_deadlock();
    }
    for (const QueueState& queue : queues_) {
      if (!queue.ops.empty()) timing_.cycles = std::max(timing_.cycles, queue.last_retire + 1);
    }
    return std::move(timing_);
  }

 private:
  bool dispatch_next() {
    if (next_ == ops_.size()) return false;
    const TileOp& op = ops_[next_];
    Cycle earliest = next_ == 0 ? 0 : last_dispatch_ + 1;
    if (segment_first_) {
      if (segment_ > 0) {
        if (instruction_retires_.size() < segment_) return false;
        segment_ready_ = std::max(last_dispatch_ + 2, instruction_retires_[segment_ - 1] + 2);
      }
      earliest = std::max(earliest, segment_ready_);
    }
    QueueState& queue = queues_[static_cast<std::size_t>(queue_of(op))];
    const auto depth = static_cast<std::size_t>(arch_.queue_depth);
    if (queue.ops.size() >= depth) {
      const std::size_t before = queue.ops.size() - depth;
      if (before >= queue.head) return false;
      earliest = std::max(earliest, timing_.start[queue.ops[before]] + 1);
    }
    queue.ops.push_back(static_cast<std::uint32_t>(next_));
    timing_.dispatch[next_] = last_dispatch_ = earliest;
    segment_first_ = op.seg_end;
    if (op.seg_end) ++segment_;
    ++next_;
    return true;
  }

  bool start_head(int q) {
    QueueState& queue = queues_[static_cast<std::size_t>(q)];
    if (queue.head == queue.ops.size()) return false;
    const std::size_t index = queue.ops[queue.head];
    const TileOp& op = ops_[index];
    Cycle ready = timing_.dispatch[index] + 1;
    for (int source = 0; source < queue_count; ++source) {
      if ((op.wait >> source & 1) == 0) continue;
      const Channel& channel = channel_of(source, q);
      if (channel.taken == channel.pushed.size()) return false;
      ready = std::max(ready, channel.pushed[channel.taken] + 1);
    }
    for (int source = 0; source < queue_count; ++source) {
      if ((op.wait >> source & 1) != 0) ++channel_of(source, q).taken;
    }
    occupy(queue, index, ready);
    for (int target = 0; target < queue_count; ++target) {
      if ((op.push >> target & 1) != 0) {
        channel_of(q, target).pushed.push_back(timing_.retire[index]);
      }
    }
    if (is_instruction_load(op)) instruction_retires_.push_back(timing_.retire[index]);
    ++queue.head;
    return true;
  }

  void occupy(QueueState& queue, std::size_t index, Cycle ready) {
    const TileOp& op = ops_[index];
    if (const auto* compute = std::get_if<ComputeOp>(&op.body)) {
      const ArrayShape array{static_cast<Cycle>(arch_.rows), static_cast<Cycle>(arch_.cols),
                             arch_.overlap};
      const Occupancy times = compute->dataflow == output_stationary::code
                                  ? output_stationary::occupy(array_, *compute, ready, array)
                                  : weight_stationary::occupy(array_, *compute, ready, array);
      timing_.start[index] = times.start;
      timing_.retire[index] = times.retire;
    } else {
      if (queue.head > 0) ready = std::max(ready, queue.last_retire + 1);
      timing_.start[index] = ready;
      timing_.retire[index] = ready + std::visit(DurationOf{arch_}, op.body);
    }
    queue.last_retire = timing_.retire[index];
  }

  struct DurationOf {
    const ArchNumbers& arch;
    Cycle operator()(const ComputeOp&) const {
      throw InternalError("a compute op has no duration of its own");
    }
    template <class Op>
    Cycle operator()(const Op& op) const {
      return duration(op, arch);
    }
  };

  [[noreturn]] void report_deadlock() const {
    for (int q = 0; q < queue_count; ++q) {
      const QueueState& queue = queues_[static_cast<std::size_t>(q)];
      if (queue.head == queue.ops.size()) continue;
      const std::size_t index = queue.ops[queue.head];
      for (int source = 0; source < queue_count; ++source) {
        if ((ops_[index].wait >> source & 1) == 0) continue;
        const Channel& channel = channel_of(source, q);
        if (channel.taken < channel.pushed.size()) continue;
        throw BadInput("the program deadlocks: op " + std::to_string(index) + ", number " +
                       std::to_string(queue.head) + " of queue " + name_of(static_cast<Queue>(q)) +
                       ", waits for token " + std::to_string(channel.taken + 1) + " from queue " +
                       name_of(static_cast<Queue>(source)) + ", which pushed only " +
                       std::to_string(channel.pushed.size()) + deadlock_dispatch());
      }
    }
    throw BadInput("the program deadlocks: segment " + std::to_string(segment_) +
                   " is never loaded, because only " + std::to_string(instruction_retires_.size()) +
                   " load ops went to the instruction buffer before op " + std::to_string(next_));
  }
  std::string deadlock_dispatch() const {
    return " (" + std::to_string(next_) + " of " + std::to_string(ops_.size()) +
           " ops were dispatched)";
  }

  Channel& channel_of(int source, int target) {
    return channels_[static_cast<std::size_t>(source) * queue_count +
                     static_cast<std::size_t>(target)];
  }
  const Channel& channel_of(int source, int target) const {
    return channels_[static_cast<std::size_t>(source) * queue_count +
                     static_cast<std::size_t>(target)];
  }

  const std::vector<TileOp>& ops_;
  const ArchNumbers& arch_;
  Timing timing_;
  std::array<QueueState, queue_count> queues_;
  std::array<Channel, queue_count * queue_count> channels_;
  ArrayState array_;
  std::vector<Cycle> instruction_retires_;
  std::size_t next_ = 0;  ///< next op to dispatch
  Cycle last_dispatch_ = 0;
  Cycle segment_ready_ = 0;
  std::size_t segment_ = 0;
  bool segment_first_ = true;
};

}  // namespace

Timing resolve_timing(const Program& program, const ArchNumbers& arch) {
  return Resolver(program, arch).run();
}

void check_watchdog(std::vector<Cycle> retires, Cycle limit) {
  std::sort(retires.begin(), retires.end());
  Cycle last = 0;
  for (const Cycle retire : retires) {
    if (retire - last > limit) {
      throw BadInput("no op retires between cycle " + std::to_string(last) + " and cycle " +
                     std::to_string(retire) + ", which is longer than the watchdog's " +
                     std::to_string(limit) + " cycles");
    }
    last = retire;
  }
}

}  // namespace tactus::fast
