// SPDX-License-Identifier: Apache-2.0
// Threads that share an op's pixels change nothing.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "backend/retire_checker.hpp"
#include "fast/thread_pool.hpp"
#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

TEST_CASE("every part is called once, and again for the next work") {
  for (const int threads : {1, 2, 3, 7}) {
    fast::ThreadPool pool(threads);
    REQUIRE(pool.size() == threads);
    std::vector<int> calls(static_cast<std::size_t>(threads));
    for (int round = 1; round <= 300; ++round) {
      pool.run([&](int part) { ++calls[static_cast<std::size_t>(part)]; });
      CHECK(calls == std::vector<int>(calls.size(), round));
    }
  }
}

TEST_CASE("an exception of a part reaches the caller and the pool goes on") {
  fast::ThreadPool pool(3);
  const auto fail = [](int part) {
    if (part == 2) throw InternalError("part 2");
  };
  CHECK_THROWS_AS(pool.run(fail), InternalError);
  std::atomic<int> calls{0};
  pool.run([&](int) { ++calls; });
  CHECK(calls == 3);
}

TEST_CASE("values, digests and events do not depend on the number of threads") {
  ArchConfig config = small_config();
  config.buf_ifmap_kib = 2048;
  config.hw_zero_gating = true;
  std::vector<std::uint8_t> image(1 << 20);
  std::uint64_t state = 5;
  for (std::uint8_t& b : image) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    b = static_cast<std::uint8_t>(state >> 40);
  }
  ChannelRecord record;
  record.mult = 3;
  record.shift = 9;
  constexpr std::size_t records_at = 800000;
  for (std::size_t i = 0; i < 4; ++i) put(image, records_at + i * record_bytes, encode(record));
  for (const char* policy : {"wrap", "saturate"}) {
    for (const int bits : {17, 32}) {
      for (const std::int64_t pixels : {1001, 1024, 263}) {
        CAPTURE(policy);
        CAPTURE(bits);
        CAPTURE(pixels);
        config.hw_acc_bits = bits;
        config.hw_acc_overflow = policy;
        constexpr std::int64_t k_rows = 530;
        ComputeOp first = compute(pixels, k_rows, 3), second = first;
        second.accumulate = 1;
        second.act_zp = 100;
        PostOp requant = post(PostMode::requant, 3, pixels);
        requant.dst_slot_stride = 1024;
        const Program program = make_program(
            {
                tile(load(Dest::ifmap, 0, (k_rows + 3) / 4 * 4, pixels, 2)),
                tile(load(Dest::weight, 1000, 1, 4 * k_rows)),
                tile(load(Dest::param, records_at, 1, 128), 0, from_compute),
                tile(first, from_load, 0),
                tile(second, 0, from_post),
                tile(requant, from_compute, from_store),
                tile(store(900000, 3, pixels), from_post),
            },
            image);
        RunOptions options;
        const RunResult alone = run(program, config, options);
        for (const int threads : {2, 3, 5}) {
          options.threads = threads;
          const Difference difference =
              compare(program, alone, "one", run(program, config, options), "several");
          CHECK_MESSAGE(!difference, difference.text);
        }
      }
    }
  }
}
