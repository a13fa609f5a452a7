// SPDX-License-Identifier: Apache-2.0
#include "triage/tokens.hpp"

#include <algorithm>
#include <array>

#include "triage/places.hpp"

namespace tactus::triage {
namespace {

bool has_bit(unsigned mask, Queue q) { return (mask >> static_cast<unsigned>(q) & 1U) != 0; }

/// When each op of a program started and retired, by program index.
struct Times {
  std::vector<std::optional<Cycle>> start, retire;

  Times(const Program& program, const std::vector<RetireRecord>& records) {
    start.resize(program.ops.size());
    retire.resize(program.ops.size());
    std::array<std::vector<std::size_t>, queue_count> queues;
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      queues[static_cast<std::size_t>(queue_of(program.ops[i]))].push_back(i);
    }
    for (const RetireRecord& r : records) {
      const std::size_t op = queues[static_cast<std::size_t>(r.queue)].at(r.seq);
      start[op] = r.start;
      retire[op] = r.cycle;
    }
  }
};

/// The pushes and the waits of one pair of queues, in order: the n-th wait takes the n-th push.
struct Channel {
  std::vector<std::size_t> pushes, waits;

  Channel(const Program& program, Queue from, Queue to) {
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      const TileOp& op = program.ops[i];
      if (queue_of(op) == from && has_bit(op.push, to)) pushes.push_back(i);
      if (queue_of(op) == to && has_bit(op.wait, from)) waits.push_back(i);
    }
  }
};

/// Whether op waits[i] started no earlier than push i + 1 allows, as it must once a token is gone.
bool took_next(const Channel& channel, const Times& actual, std::size_t i) {
  const auto start = actual.start[channel.waits[i]];
  if (!start) return true;
  if (i + 1 >= channel.pushes.size()) return false;
  const auto next = actual.retire[channel.pushes[i + 1]];
  return next && *start > *next;
}

std::optional<LostToken> lost_from(const Program& program, const Times& actual, Queue from,
                                   std::size_t victim) {
  const Queue to = queue_of(program.ops[victim]);
  const Channel channel(program, from, to);
  const auto at = std::find(channel.waits.begin(), channel.waits.end(), victim);
  if (at == channel.waits.end()) return std::nullopt;
  const auto number = static_cast<std::size_t>(at - channel.waits.begin());
  if (number >= channel.pushes.size() || !actual.retire[channel.pushes[number]]) {
    return std::nullopt;  // its token was never due
  }
  for (std::size_t i = number; i < channel.waits.size(); ++i) {
    if (!took_next(channel, actual, i)) return std::nullopt;
  }
  std::size_t first = number;
  while (first > 0 && took_next(channel, actual, first - 1)) --first;
  LostToken token;
  token.from = from;
  token.to = to;
  token.first = static_cast<std::int64_t>(first) + 1;
  token.last = static_cast<std::int64_t>(number) + 1;
  token.pushed_by = channel.pushes[number];
  token.waited_by = victim;
  token.start = actual.start[victim];
  return token;
}

std::string op_name(const Program& program, std::size_t op) {
  const TileOp& o = program.ops[op];
  return program.layers.at(o.layer).id + ", " + name_of(queue_of(o)) + " op " +
         std::to_string(seq_of(program, op));
}

}  // namespace

std::optional<LostToken> find_lost_token(const Program& program,
                                         const std::vector<RetireRecord>& expected,
                                         const std::vector<RetireRecord>& actual) {
  const Times want(program, expected), have(program, actual);
  std::optional<std::size_t> victim;
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    if (!want.start[i] || want.start[i] == have.start[i]) continue;
    if (have.start[i] && *have.start[i] < *want.start[i]) return std::nullopt;
    if (!victim || *want.start[i] < *want.start[*victim]) victim = i;
  }
  if (!victim) return std::nullopt;
  for (const Queue from : {Queue::load, Queue::compute, Queue::post, Queue::store}) {
    if (!has_bit(program.ops[*victim].wait, from)) continue;
    if (auto token = lost_from(program, have, from, *victim)) return token;
  }
  return std::nullopt;
}

std::string describe(const LostToken& token, const Program& program) {
  const std::string numbers = token.first == token.last
                                  ? "token " + std::to_string(token.last)
                                  : "one of the tokens " + std::to_string(token.first) + " to " +
                                        std::to_string(token.last);
  return numbers + " from " + name_of(token.from) + " to " + name_of(token.to) +
         " did not arrive: " + op_name(program, token.pushed_by) + " retired, " +
         op_name(program, token.waited_by) +
         (token.start
              ? " started only with the next token, in cycle " + std::to_string(*token.start)
              : std::string(" never started"));
}

}  // namespace tactus::triage
