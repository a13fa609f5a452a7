// SPDX-License-Identifier: Apache-2.0
#include "fast/fast_backend.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "fast/compute_unit.hpp"
#include "fast/dma_unit.hpp"
#include "fast/kernels.hpp"
#include "fast/occupancy.hpp"
#include "fast/post_unit.hpp"
#include "fast/shape_events.hpp"
#include "fast/thread_pool.hpp"
#include "fast/timing.hpp"
#include "memory/offchip_memory.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace fast {
namespace {

/// Buffer contents for an observer.
class View final : public BufferView {
 public:
  explicit View(const Buffers& buffers) : buffers_(buffers) {}

  [[nodiscard]] std::uint64_t bytes(BufferName buffer, std::int64_t half, std::int64_t bank,
                                    std::int64_t byte, int count) const override {
    const BankedHalf& from = half_of(halves(buffer), half);
    check_range(bank, 1, from.banks(), "banks");
    from.check(byte, count);
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      value |= std::uint64_t{from.bank(bank)[byte + i]} << 8 * i;
    }
    return value;
  }
  [[nodiscard]] std::int64_t psum(std::int64_t half, std::int64_t column,
                                  std::int64_t entry) const override {
    const PsumHalf& from = half_of(buffers_.psum, half);
    check_range(column, 1, from.columns(), "columns");
    from.check(entry, 1);
    return from.column(column)[entry];
  }

 private:
  [[nodiscard]] const std::array<BankedHalf, 2>& halves(BufferName buffer) const {
    switch (buffer) {
      case BufferName::ifmap:
        return buffers_.ifmap;
      case BufferName::weight:
        return buffers_.weight;
      case BufferName::index:
        return buffers_.index;
      case BufferName::param:
        return buffers_.param;
      case BufferName::ofmap:
        return buffers_.ofmap;
    }
    throw InternalError("an observer asks for an unknown buffer");
  }

  const Buffers& buffers_;
};

/// Executes ops on buffer contents; fills digest and value-dependent events.
class Machine {
 public:
  Machine(const ArchConfig& config, std::vector<std::uint8_t> memory, const RunOptions& options)
      : pool_(options.threads),
        buffers_(config),
        memory_(std::move(memory), config.latency(), config.beat_interval()),
        dma_(config, !options.observe),  // an observer sees the bytes
        compute_(config, *available_kernels().front(), pool_, !options.observe),
        post_(config) {}

  void execute(const TileOp& op, RetireRecord& record) {
    record_ = &record;
    std::visit([this](const auto& body) { run(body); }, op.body);
  }
  [[nodiscard]] View view() const { return View(buffers_); }
  [[nodiscard]] std::vector<std::uint8_t> take_memory() { return memory_.take(); }

 private:
  void run(const LoadOp& op) { record_->digest = dma_.run(op, memory_, buffers_); }
  void run(const FillOp& op) { record_->digest = dma_.run(op, buffers_); }
  void run(const StoreOp& op) { record_->digest = dma_.run(op, buffers_, memory_); }
  void run(const ComputeOp& op) {
    const ComputeValues values = compute_.run(op, buffers_);
    record_->digest = values.digest;
    record_->events[Event::act_zero] = values.act_zero;
    record_->events[Event::mac_gated] = values.mac_gated;
    record_->events[Event::acc_overflow] = values.acc_overflow;
  }
  void run(const PostOp& op) {
    if (reads_psum(op)) compute_.settle(buffers_);
    const PostValues values = post_.run(op, buffers_);
    record_->digest = values.digest;
    record_->events[Event::acc_overflow] = values.acc_overflow;
  }

  ThreadPool pool_;
  Buffers buffers_;
  OffchipMemory memory_;
  DmaUnit dma_;
  ComputeUnit compute_;
  PostUnit post_;
  RetireRecord* record_ = nullptr;
};

void check_program(const Program& program) {
  for (std::size_t i = 0; i + 1 < program.ops.size(); ++i) {
    if (program.ops[i].prog_end) {
      throw InternalError("op " + std::to_string(i) + " of " + std::to_string(program.ops.size()) +
                          " ends the program, but ops follow it");
    }
  }
  if (program.ops.empty() || !program.ops.back().prog_end) {
    throw InternalError("the last op of the program does not end it");
  }
}

/// Index of each op's record when the records are sorted by queue and sequence number.
std::vector<std::size_t> record_places(const Program& program) {
  std::array<std::size_t, queue_count> next{};
  for (const TileOp& op : program.ops) ++next[static_cast<std::size_t>(queue_of(op))];
  std::size_t first = 0;
  for (std::size_t& n : next) first += std::exchange(n, first);
  std::vector<std::size_t> places(program.ops.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = next[static_cast<std::size_t>(queue_of(program.ops[i]))]++;
  }
  return places;
}

/// A valid order of execution: a producer retires before its consumer starts.
std::vector<std::size_t> start_order(const Program& program, const Timing& timing) {
  // The ops of a queue start one after the other: merge the queues by start, then by place.
  using Start = std::pair<Cycle, std::size_t>;
  constexpr Start never{std::numeric_limits<Cycle>::max(), 0};
  std::array<std::vector<Start>, queue_count> queues;
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    queues[static_cast<std::size_t>(queue_of(program.ops[i]))].emplace_back(timing.start[i], i);
  }
  std::array<const Start*, queue_count> next{};
  for (std::size_t q = 0; q < queues.size(); ++q) {
    queues[q].push_back(never);
    next[q] = queues[q].data();
  }
  std::vector<std::size_t> order(program.ops.size());
  for (std::size_t& i : order) {
    i = (*std::min_element(next.begin(), next.end(),
                           [](const Start* a, const Start* b) { return *a < *b; }))++->second;
  }
  return order;
}

/// Asks for the lines of an object that is needed soon: the queues' ops and records lie far apart.
template <class T>
void fetch(const T& object) {
  const auto* bytes = reinterpret_cast<const char*>(&object);
  for (std::size_t line = 0; line < sizeof(T); line += 64) __builtin_prefetch(bytes + line);
}

class FastBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "fast"; }

  [[nodiscard]] RunResult run(const Program& program, const ArchConfig& config,
                              std::vector<std::uint8_t> memory,
                              const RunOptions& options) override {
    const auto begin = std::chrono::steady_clock::now();
    check_program(program);
    const ArchNumbers arch = numbers_of(config);
    const Timing timing = resolve_timing(program, arch);
    if (timing.cycles > options.watchdog_cycles) {
      check_watchdog(timing.retire, options.watchdog_cycles);
    }

    RunResult result;
    result.cycles = timing.cycles;
    const std::vector<std::size_t> places = record_places(program);
    result.retired.resize(program.ops.size());
    std::array<std::uint32_t, queue_count> seq{};
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      RetireRecord& record = result.retired[places[i]];
      record.queue = queue_of(program.ops[i]);
      record.seq = seq[static_cast<std::size_t>(record.queue)]++;
      record.start = timing.start[i];
      record.cycle = timing.retire[i];
      record.events = shape_events(program.ops[i], arch);
    }
    if (options.timing_only) {
      result.memory = std::move(memory);
    } else {
      Machine machine(config, std::move(memory), options);
      constexpr std::uint64_t progress_ops = 512;
      constexpr std::size_t ahead = 3;  // ops
      std::uint64_t done = 0;
      const std::vector<std::size_t> order = start_order(program, timing);
      for (std::size_t n = 0; n < order.size(); ++n) {
        if (n + ahead < order.size()) {
          const std::size_t later = order[n + ahead];
          fetch(program.ops[later]);
          fetch(result.retired[places[later]]);
        }
        const std::size_t i = order[n];
        if (options.progress && done % progress_ops == 0) options.progress(timing.start[i], done);
        if (options.observe) options.observe(i, false, machine.view());
        machine.execute(program.ops[i], result.retired[places[i]]);
        if (options.observe) options.observe(i, true, machine.view());
        ++done;
      }
      result.memory = machine.take_memory();
    }
    if (options.progress) options.progress(timing.cycles, program.ops.size());
    result.wall_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
  }
};

}  // namespace
}  // namespace fast

std::unique_ptr<Backend> make_fast_backend() { return std::make_unique<fast::FastBackend>(); }

}  // namespace tactus
