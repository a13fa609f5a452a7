// SPDX-License-Identifier: Apache-2.0
// Pending writes of buffer halves against writes done at once, on random loads and fills.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "fast/write_history.hpp"

using namespace tactus::fast;

namespace {

constexpr std::int64_t banks = 4, bank_bytes = 48;
using Bytes = std::array<std::uint8_t, banks * bank_bytes>;

struct Random {
  std::uint64_t state;
  std::int64_t operator()(std::int64_t limit) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::int64_t>((state >> 33U) % static_cast<std::uint64_t>(limit));
  }
};

BankBytes place(Bytes& bytes) { return {bytes.data(), banks, bank_bytes}; }

/// Few different writes, so that contents come back.
BankWrite random_write(Random& random, const std::vector<std::uint8_t>& memory) {
  BankWrite write;
  if (random(3) == 0) {
    write.first = 8 * random(2);
    write.end = random(2) == 0 ? bank_bytes : write.first + 16;
    write.whole = true;
    write.value = random(2) == 0 ? 0 : 0x04030201U;
    write.content = static_cast<std::uint64_t>(2 + 2 * (write.first + 100 * write.end) +
                                               (write.value == 0 ? 0 : 100000));
    return write;
  }
  write.from = memory.data() + 8 * random(2);
  write.from_end = write.from + 80;
  write.group = std::int64_t{1} << random(3);
  write.planes = write.group * 2 - random(2);
  write.lines = 2;
  write.line_bytes = 5 + random(3);
  write.tail_bytes = random(2) == 0 ? 8 - write.line_bytes : 0;
  write.plane_step = 16;
  write.line_step = 8;
  write.dst_line_step = 8;
  write.slot_step = 16;
  write.first = 8 * random(2);
  const std::int64_t slots = (write.planes + write.group - 1) / write.group;
  write.end = write.first + (slots - 1) * 16 + 16;
  write.content = static_cast<std::uint64_t>(2 * (200000 + (write.from - memory.data()) +
                                                  10 * write.group + 100 * write.planes +
                                                  1000 * write.line_bytes + 10000 * write.first) +
                                             (write.tail_bytes != 0 ? 1000000 : 0));
  return write;
}

}  // namespace

TEST_CASE("pending writes give the bytes of writes done at once, and equal names equal bytes") {
  Random random{17};
  std::vector<std::uint8_t> memory(160);
  for (auto& b : memory) b = static_cast<std::uint8_t>(random(255) + 1);
  using Name = std::pair<std::array<std::uint64_t, 4>, std::pair<std::int64_t, std::int64_t>>;
  std::map<Name, std::vector<std::uint8_t>> seen;
  int again = 0, lasting = 0;
  for (int run = 0; run < 300; ++run) {
    Bytes lazy{}, eager{};
    WriteHistory history;
    for (int step = 0; step < 80; ++step) {
      const BankWrite write = random_write(random, memory);
      history.add(write, place(lazy));
      write_banks(write, place(eager));
      if (random(20) == 0) {
        history.carry_out(place(lazy));
        REQUIRE(lazy == eager);
      }
      if (random(40) == 0) {
        history.carry_out(place(lazy));
        history.forget();
        lazy[static_cast<std::size_t>(random(banks * bank_bytes))] ^= 1;
        eager = lazy;
      }
      const std::int64_t first = random(24), end = first + 1 + random(20);
      const ContentName name =
          history.name(first, end, [&](const BankWrite& w) { return w.covers(first, end); });
      std::vector<std::uint8_t> bytes;
      for (std::int64_t bank = 0; bank < banks; ++bank) {
        const auto* from = eager.data() + bank * bank_bytes;
        bytes.insert(bytes.end(), from + first, from + end);
      }
      const auto [at, is_new] = seen.try_emplace({name.writes, {first, end}}, bytes);
      if (!is_new) {
        ++again;
        lasting += name.lasting ? 1 : 0;
        REQUIRE(at->second == bytes);
      }
    }
    history.carry_out(place(lazy));
    REQUIRE(lazy == eager);
  }
  CHECK(again > 1000);
  CHECK(lasting > 1000);
}

TEST_CASE("a write covers the bytes that every bank gets from it") {
  Random random{29};
  std::vector<std::uint8_t> memory(160, 7);
  int covered = 0;
  for (int i = 0; i < 2000; ++i) {
    const BankWrite write = random_write(random, memory);
    std::array<Bytes, 2> bytes;
    bytes[0].fill(0);
    bytes[1].fill(255);
    for (Bytes& b : bytes) write_banks(write, place(b));
    const std::int64_t first = random(40), end = first + 1 + random(6);
    if (!write.covers(first, std::min(end, bank_bytes))) continue;
    ++covered;
    for (std::int64_t bank = 0; bank < banks; ++bank) {
      for (std::int64_t b = first; b < std::min(end, bank_bytes); ++b) {
        const auto at = static_cast<std::size_t>(bank * bank_bytes + b);
        REQUIRE(bytes[0][at] == bytes[1][at]);
      }
    }
  }
  CHECK(covered > 200);
}

TEST_CASE("only pending writes still read the memory") {
  std::vector<std::uint8_t> memory(160, 7);
  Bytes bytes{};
  WriteHistory history;
  BankWrite write;
  write.content = 2;
  write.from = memory.data() + 16;
  write.from_end = memory.data() + 24;
  write.end = 8;
  write.line_bytes = 8;
  history.add(write, place(bytes));
  CHECK(history.reads(memory.data() + 23, memory.data() + 40));
  CHECK(history.reads(memory.data(), memory.data() + 17));
  CHECK_FALSE(history.reads(memory.data(), memory.data() + 16));
  CHECK_FALSE(history.reads(memory.data() + 24, memory.data() + 40));
  history.carry_out(place(bytes));
  CHECK(bytes[0] == 7);
  CHECK_FALSE(history.reads(memory.data(), memory.data() + 160));
}
