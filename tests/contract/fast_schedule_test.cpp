// SPDX-License-Identifier: Apache-2.0
// Skipping the periodic part of a program against the plain recurrence, op by op.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataflow/unit_order.hpp"
#include "fast/schedule.hpp"
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
      ops.push_back(tile(load(Dest::inst, 0, 1, 64 * static_cast<std::int64_t>(segment_ops))));
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
Program layers(Random& random, std::int64_t most_tiles, std::size_t segment_ops) {
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
  return cut(list, segment_ops);
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

/// Compares with the plain recurrence; returns how many ops were skipped.
std::size_t check(const Program& program, ArchConfig config) {
  const fast::Schedule schedule(program, fast::numbers_of(config));
  fast::ScheduleTimes plain, skipping;
  std::size_t most = 0;
  for (const auto& [latency, interval] : {std::pair{1, 1}, {10, 2}, {200, 1}, {35, 7}}) {
    config.mem_latency_cycles = latency;
    config.mem_cycles_per_beat = interval;
    const fast::Timing expected = fast::resolve_timing(program, fast::numbers_of(config));
    schedule.resolve(latency, interval, false, plain);
    CHECK(plain.skipped.empty());
    CHECK(plain.cycles == expected.cycles);
    CHECK(plain.dispatch == expected.dispatch);
    CHECK(plain.start == expected.start);
    CHECK(plain.retire == expected.retire);
    schedule.resolve(latency, interval, true, skipping);
    const Expanded all = expand(skipping);
    CHECK(skipping.cycles == expected.cycles);
    CHECK(all.start == expected.start);
    CHECK(all.retire == expected.retire);
    most = std::max(most, skipped_ops(skipping));
  }
  return most;
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
    const auto segment_ops = static_cast<std::size_t>(8 << random.in(0, 3));
    skipping += check(layers(random, seed % 4 == 0 ? 400 : 40, segment_ops), config) > 0 ? 1 : 0;
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
  const Program program = cut(list, 32);
  CHECK(check(program, small_config()) > program.ops.size() * 9 / 10);
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
    check(cut(list, 512), small_config());
  }
}

TEST_CASE("a program that waits for a later op is refused") {
  const Program program = make_program({
      tile(compute(4, 4, 4), from_load),
      tile(load(Dest::ifmap, 0, 4, 4), 0, from_compute),
  });
  CHECK_THROWS_AS(fast::Schedule(program, fast::numbers_of(small_config())), InternalError);
}
