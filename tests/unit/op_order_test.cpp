// SPDX-License-Identifier: Apache-2.0
// Tokens of programs: which are needed at all, and part by part the same as in one go.
#include "lower/op_order.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

using namespace tactus;
using namespace tactus::lower;

namespace {

struct Token {
  std::size_t op = 0, queue = 0, source = 0;
  bool operator==(const Token& o) const {
    return op == o.op && queue == o.queue && source == o.source;
  }
};
bool operator<(const Token& a, const Token& b) {
  return a.op != b.op ? a.op < b.op : a.queue < b.queue;
}

/// By the rule: every earlier op of another queue that touched a half of the op's, and `after`; of
/// each queue the latest one, unless an earlier op of the own queue has waited for it or a later
/// one.
std::vector<Token> by_the_rule(const std::vector<OpLink>& links) {
  std::vector<Token> out;
  for (std::size_t i = 0; i < links.size(); ++i) {
    for (std::size_t q = 0; q < queue_count; ++q) {
      if (q == static_cast<std::size_t>(links[i].queue)) continue;
      for (std::size_t j = i; j-- > 0;) {
        if (static_cast<std::size_t>(links[j].queue) != q) continue;
        const bool needed = (links[j].halves & links[i].halves) != 0 ||
                            links[i].after == static_cast<std::int32_t>(j);
        if (!needed) continue;
        const bool known = std::any_of(out.begin(), out.end(), [&](const Token& t) {
          return t.queue == q && links[t.op].queue == links[i].queue && t.source >= j;
        });
        if (!known) out.push_back({i, q, j});
        break;
      }
    }
  }
  return out;
}

std::vector<Token> in_one_go(const std::vector<OpLink>& links) {
  std::vector<Token> out;
  TokenOrder order;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const TokenOrder::Sources sources = order.next(links[i]);
    for (std::size_t q = 0; q < queue_count; ++q) {
      if (sources[q] >= 0) out.push_back({i, q, static_cast<std::size_t>(sources[q])});
    }
  }
  return out;
}

/// Parts that begin with the given ops, each recorded with some halves exchanged.
std::vector<Token> in_parts(const std::vector<OpLink>& links,
                            const std::vector<std::size_t>& firsts, std::mt19937& random) {
  std::vector<Token> out;
  ProgramOrder order;
  for (std::size_t p = 0; p < firsts.size(); ++p) {
    const std::size_t first = firsts[p], end = p + 1 < firsts.size() ? firsts[p + 1] : links.size();
    const auto swapped = static_cast<std::uint16_t>(random() & 0x555U);
    std::vector<OpLink> own(links.begin() + static_cast<std::ptrdiff_t>(first),
                            links.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<ProgramOrder::Before> before;
    for (OpLink& link : own) {
      link.halves = swap_halves(link.halves, swapped);
      if (link.after < 0) continue;
      if (link.after >= static_cast<std::int32_t>(first)) {
        link.after -= static_cast<std::int32_t>(first);
        continue;
      }
      before.push_back({link.after, links[static_cast<std::size_t>(link.after)].queue});
      link.after = -1 - static_cast<std::int32_t>(before.size());
    }
    const PartOrder part(own);
    for (std::size_t i = 0; i < own.size(); ++i) {
      for (std::size_t q = 0; q < queue_count; ++q) {
        const std::int32_t source = part.inner()[i][q];
        if (source >= 0) out.push_back({first + i, q, first + static_cast<std::size_t>(source)});
      }
    }
    for (const ProgramOrder::Token& t : order.next(part, swapped, before)) {
      out.push_back({first + t.op, static_cast<std::size_t>(t.queue), t.source});
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("tokens part by part are those of the whole program") {
  std::mt19937 random(5);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::size_t tokens = 0;
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::vector<OpLink> links(1 + below(120));
    for (std::size_t i = 0; i < links.size(); ++i) {
      links[i].queue = static_cast<Queue>(below(queue_count));
      for (std::size_t k = below(4); k > 0; --k) {
        links[i].halves = static_cast<std::uint16_t>(links[i].halves | 1U << below(12));
      }
      if (i > 0 && below(6) == 0) links[i].after = static_cast<std::int32_t>(below(i));
    }
    std::vector<std::size_t> firsts{0};
    for (std::size_t i = 1; i < links.size(); ++i) {
      if (below(12) == 0) firsts.push_back(i);
    }
    const std::vector<Token> expected = by_the_rule(links);
    tokens += expected.size();
    CHECK(in_one_go(links) == expected);
    CHECK(in_parts(links, firsts, random) == expected);
  }
  CHECK(tokens > 1000);
}

TEST_CASE("halves change places") {
  CHECK(swap_halves(0b01, 0b01) == 0b10);
  CHECK(swap_halves(0b10, 0b01) == 0b01);
  CHECK(swap_halves(0b11, 0b01) == 0b11);
  CHECK(swap_halves(0b0110, 0b0100) == 0b1010);
  CHECK(swap_halves(0b0110, 0) == 0b0110);
}

TEST_CASE("segments begin with the load of the next one") {
  for (std::size_t ops = 1; ops < 60; ++ops) {
    CAPTURE(ops);
    const SegmentCuts cuts(ops, 8);
    std::size_t all = 0;
    for (std::size_t s = 0; s < cuts.count(); ++s) {
      CHECK(cuts.first(s) == 7 * s);
      CHECK(cuts.size(s) <= 8);
      all += cuts.size(s);
    }
    CHECK(all == ops + cuts.count() - 1);
    CHECK((cuts.count() == 1 || cuts.first(cuts.count() - 1) + 8 < ops + 7));
  }
}
