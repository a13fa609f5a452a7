// SPDX-License-Identifier: Apache-2.0
// Skipping the periodic part of a program against the plain recurrence, op by op.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataflow/unit_order.hpp"
#include "fast/schedule_resolver.hpp"
#include "fast/timing.hpp"
#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {}
  std::int64_t in(std::int64_t low, std::int64_t high) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return low +
           static_cast<std::int64_t>((state_ >> 33) % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

/// Ops of one tile: loads, computes that wait for a load, a post, perhaps a store; each queue may
/// have to wait for what the tile before the last one did (two buffer halves).
std::vector<TileOp> tile_ops(Random& random) {
  std::vector<TileOp> ops;
  const std::int64_t loads = random.in(1, 3), computes = random.in(1, 3);
  for (std::int64_t i = 0; i < loads; ++i) {
    ops.push_back(tile(load(Dest::ifmap, 0, random.in(1, 40), 4 * random.in(1, 8))));
  }
  ops.front().wait = from_compute;
  ops.back().push = from_compute;
  for (std::int64_t i = 0; i < computes; ++i) {
    ComputeOp op = compute(random.in(1, 60), random.in(1, 40), 4);
    op.dataflow = random.in(0, 3) == 0 ? 1 : 0;
    if (op.dataflow == 1) op.folds = (pixels(op) + 3) / 4;
    ops.push_back(tile(op));
  }
  ops[static_cast<std::size_t>(loads)].wait = from_load;
  const bool stores = random.in(0, 3) != 0;
  ops.back().push = from_load | from_post;
  ops.push_back(tile(post(PostMode::requant, random.in(1, 4), random.in(1, 80)), from_compute,
                     stores ? from_store : 0));
  if (stores) ops.push_back(tile(store(0, random.in(1, 20), 4 * random.in(1, 8)), from_post));
  if (random.in(0, 2) == 0) ops.insert(ops.begin(), tile(FillOp{0, 0, 0, random.in(1, 90), 0}));
  return ops;
}

/// Cuts a list of ops into segments that the first op of the one before loads.
Program cut(const std::vector<TileOp>& list, std::size_t segment_ops) {
  std::vector<TileOp> ops;
  for (std::size_t next = 0; next < list.size();) {
    const std::size_t rest = list.size() - next;
    const std::size_t count = rest <= segment_ops ? rest : segment_ops - 1;
    if (rest > segment_ops) {
      const std::size_t size = std::min(segment_ops, rest - count);  // of the next segment
      ops.push_back(tile(load(Dest::inst, 0, 1, 64 * static_cast<std::int64_t>(size))));
      ops.back().layer = list[next].layer;
    }
    ops.insert(ops.end(), list.begin() + static_cast<std::ptrdiff_t>(next),
               list.begin() + static_cast<std::ptrdiff_t>(next + count));
    if (rest > segment_ops) ops.back().seg_end = true;
    next += count;
  }
  return make_program(std::move(ops));
}

/// Some layers, each a tile over and over again.
std::vector<TileOp> layers(Random& random, std::int64_t most_tiles) {
  std::vector<TileOp> list;
  std::int64_t tokens = 0;
  for (std::int64_t layer = random.in(1, 4); layer > 0; --layer) {
    const std::vector<TileOp> body = tile_ops(random);
    for (std::int64_t n = random.in(1, most_tiles); n > 0; --n) {
      for (TileOp op : body) {
        op.layer = static_cast<std::uint16_t>(4 - layer);
        // The first two tiles find both halves empty.
        if (queue_of(op) == Queue::load && (op.wait & from_compute) != 0 && ++tokens <= 2) {
          op.wait = 0;
        }
        list.push_back(op);
      }
    }
  }
  return list;
}

/// All cycles, those of skipped ops worked out from what they repeat.
struct Expanded {
  std::vector<Cycle> start, retire;
};
Expanded expand(const fast::ScheduleTimes& times) {
  Expanded out{times.start, times.retire};
  for (const fast::SkippedOps& s : times.skipped) {
    for (std::size_t i = s.first; i < s.last; ++i) {
      out.start[i] = out.start[i - s.shift] + s.delay;
      out.retire[i] = out.retire[i - s.shift] + s.delay;
    }
  }
  return out;
}

std::size_t skipped_ops(const fast::ScheduleTimes& times) {
  std::size_t count = 0;
  for (const fast::SkippedOps& s : times.skipped) count += s.last - s.first;
  return count;
}

bool is_segment_load(const TileOp& op) {
  const auto* load = std::get_if<LoadOp>(&op.body);
  return load != nullptr && load->dest == static_cast<std::int64_t>(Dest::inst);
}

/// A list of ops as blocks with the given first ops: tokens are taken in the order of the pushes.
struct Blocks {
  std::vector<std::unique_ptr<fast::ScheduleBlock>> blocks;
  std::vector<fast::PlacedBlock> placed;
};
Blocks blocks_of(const std::vector<TileOp>& list, const std::vector<std::size_t>& firsts,
                 const fast::ArchNumbers& arch) {
  std::vector<std::array<int, queue_count>> sources(list.size(), {-1, -1, -1, -1});
  std::array<std::array<std::vector<int>, queue_count>, queue_count> pushed;
  std::array<std::array<std::size_t, queue_count>, queue_count> taken{};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto q = static_cast<std::size_t>(queue_of(list[i]));
    for (std::size_t p = 0; p < queue_count; ++p) {
      if ((list[i].wait >> p & 1) != 0) sources[i][p] = pushed[p][q].at(taken[p][q]++);
      if ((list[i].push >> p & 1) != 0) pushed[q][p].push_back(static_cast<int>(i));
    }
  }
  Blocks out;
  for (std::size_t b = 0; b < firsts.size(); ++b) {
    const std::size_t first = firsts[b], end = b + 1 < firsts.size() ? firsts[b + 1] : list.size();
    fast::PlacedBlock placed;
    placed.first = first;
    std::vector<fast::ScheduleOp> ops;
    for (std::size_t i = first; i < end; ++i) {
      ops.push_back(fast::schedule_op(list[i], arch));
      ops.back().tag = static_cast<std::uint8_t>(queue_of(list[i]));
      for (std::size_t p = 0; p < queue_count; ++p) {
        if (sources[i][p] < 0) continue;
        const auto source = static_cast<std::size_t>(sources[i][p]);
        if (source >= first) {
          ops.back().tokens[p] = static_cast<std::uint32_t>(i - source);
        } else {
          placed.tokens.push_back({static_cast<std::uint32_t>(i - first), static_cast<Queue>(p),
                                   static_cast<std::uint32_t>(source)});
        }
      }
    }
    std::vector<std::uint32_t> seen;
    for (std::size_t i = end; i < list.size(); ++i) {
      for (const int source : sources[i]) {
        if (source >= static_cast<int>(first) && source < static_cast<int>(end)) {
          seen.push_back(static_cast<std::uint32_t>(source - static_cast<int>(first)));
        }
      }
    }
    out.blocks.push_back(std::make_unique<fast::ScheduleBlock>(std::move(ops), seen));
    placed.block = out.blocks.back().get();
    out.placed.push_back(std::move(placed));
  }
  return out;
}

/// Idle and busy cycles of the array, as they are told and by the tag of what was waited for.
struct ArraySums {
  Cycle busy_cycles = 0, held = 0;
  std::array<Cycle, queue_count + 1> idle_cycles{};
  void busy(Cycle cycles) { busy_cycles += cycles; }
  void idle(const fast::LastSource* last, Cycle from, Cycle to) {
    idle_cycles[last == nullptr ? queue_count : last->tag] += to - from;
    if (last != nullptr && last->held) {
      held += std::min(std::max(last->held_until, from), to) - from;
    }
  }
  void repeat(const ArraySums& before, Cycle times) {
    busy_cycles += times * (busy_cycles - before.busy_cycles);
    held += times * (held - before.held);
    for (std::size_t i = 0; i < idle_cycles.size(); ++i) {
      idle_cycles[i] += times * (idle_cycles[i] - before.idle_cycles[i]);
    }
  }
  bool operator==(const ArraySums& o) const {
    return busy_cycles == o.busy_cycles && held == o.held && idle_cycles == o.idle_cycles;
  }
};

/// Compares with the plain recurrence; returns how many ops were skipped.
std::size_t check(const std::vector<TileOp>& list, std::size_t segment_ops, ArchConfig config,
                  const std::vector<std::size_t>& firsts = {0}) {
  const Program program = cut(list, segment_ops);
  const Blocks blocks = blocks_of(list, firsts, fast::numbers_of(config));
  fast::SegmentSizes segments;
  segments.step = segment_ops - 1;
  segments.last = list.size();
  for (; segments.last > segment_ops; segments.last -= segments.step) ++segments.count;
  const fast::Schedule schedule(blocks.placed, segments, fast::numbers_of(config));
  fast::ScheduleTimes plain, skipping;
  std::size_t most = 0;
  for (const auto& [latency, interval] : {std::pair{1, 1}, {10, 2}, {200, 1}, {35, 7}}) {
    config.mem_latency_cycles = latency;
    config.mem_cycles_per_beat = interval;
    const fast::Timing expected = fast::resolve_timing(program, fast::numbers_of(config));
    std::vector<Cycle> start, retire;
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      if (is_segment_load(program.ops[i])) continue;
      start.push_back(expected.start[i]);
      retire.push_back(expected.retire[i]);
    }
    std::vector<ArraySums> sums[2];
    schedule.resolve<ArraySums>(
        latency, interval, false, plain,
        [&](const fast::PlacedBlock&, const ArraySums& s) { sums[0].push_back(s); });
    CHECK(plain.skipped.empty());
    CHECK(plain.cycles == expected.cycles);
    CHECK(plain.start == start);
    CHECK(plain.retire == retire);
    schedule.resolve<ArraySums>(
        latency, interval, true, skipping,
        [&](const fast::PlacedBlock&, const ArraySums& s) { sums[1].push_back(s); });
    const Expanded all = expand(skipping);
    CHECK(skipping.cycles == expected.cycles);
    CHECK(all.start == start);
    CHECK(all.retire == retire);
    CHECK(skipping.block_ends == plain.block_ends);
    CHECK(skipping.longest_wait == plain.longest_wait);
    CHECK(sums[0] == sums[1]);
    // Ends of blocks and sums by themselves; a load of a segment belongs to the op behind it.
    std::size_t block = 0, op = 0;
    Cycle end = 0, load = 0;
    for (std::size_t k = 0; k < program.ops.size(); ++k) {
      if (is_segment_load(program.ops[k])) {
        load = expected.retire[k] + 1;
        continue;
      }
      if (block + 1 < firsts.size() && op == firsts[block + 1]) {
        CHECK(plain.block_ends[block++] == end);
      }
      end = std::max({end, load, expected.retire[k] + 1});
      ++op;
    }
    CHECK(plain.block_ends[block] == end);
    Cycle busy = 0, free = 0;
    for (std::size_t k = 0; k < list.size(); ++k) {
      if (queue_of(list[k]) != Queue::compute) continue;
      busy += std::max(free, retire[k] + 1) - std::max(free, std::min(start[k], retire[k] + 1));
      free = std::max(free, retire[k] + 1);
    }
    Cycle told = 0;
    for (const ArraySums& s : sums[0]) told += s.busy_cycles;
    CHECK(told == busy);
    most = std::max(most, skipped_ops(skipping));
  }
  return most;
}

/// Some numbers of first ops, 0 among them.
std::vector<std::size_t> random_firsts(Random& random, std::size_t ops) {
  std::vector<std::size_t> firsts{0};
  while (firsts.back() + 2 < ops && random.in(0, 5) != 0) {
    firsts.push_back(static_cast<std::size_t>(random.in(
        static_cast<std::int64_t>(firsts.back()) + 1, static_cast<std::int64_t>(ops) - 1)));
  }
  return firsts;
}

}  // namespace

TEST_CASE("skipping gives the cycles of the plain recurrence") {
  std::size_t skipping = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    ArchConfig config = small_config();
    config.hw_queue_depth = 2 << random.in(0, 2);
    config.hw_fold_overlap = random.in(0, 2) != 0;
    const auto segment_ops = static_cast<std::size_t>(8 << random.in(0, 5));
    const std::vector<TileOp> list = layers(random, seed % 4 == 0 ? 400 : 40);
    skipping += check(list, segment_ops, config) > 0 ? 1 : 0;
    check(list, segment_ops, config, random_firsts(random, list.size()));
  }
  // Not a test of nothing.
  CHECK(skipping > 100);
}

TEST_CASE("most of a long layer is skipped") {
  Random random(7);
  const std::vector<TileOp> body = tile_ops(random);
  std::vector<TileOp> list;
  for (int n = 0; n < 20000; ++n) {
    for (TileOp op : body) {
      if (n < 2 && queue_of(op) == Queue::load) op.wait = 0;
      list.push_back(op);
    }
  }
  for (const std::size_t segment_ops : {8, 32, 64, 256}) {
    CHECK(check(list, segment_ops, small_config()) > list.size() * 9 / 10);
  }
}

TEST_CASE("ops behind a skipped part see what they wait for") {
  // Each tile's post pushes a token that only the second layer takes, long after.
  for (const int late : {1, 5, 60}) {
    CAPTURE(late);
    std::vector<TileOp> list;
    for (int n = 0; n < 100; ++n) {
      list.push_back(tile(load(Dest::ifmap, 0, 3, 8), 0, from_compute));
      list.push_back(tile(compute(9, 7, 4), from_load, from_post));
      list.push_back(tile(post(PostMode::requant, 4, 30), from_compute, from_store));
    }
    for (int n = 0; n < late; ++n) {
      TileOp op = tile(store(0, 2, 8), from_post);
      op.layer = 1;
      list.push_back(op);
    }
    check(list, 512, small_config());
    check(list, 64, small_config(), {0, 300});
  }
}
