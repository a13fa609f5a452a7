// SPDX-License-Identifier: Apache-2.0
// Wrong bytes in off-chip memory, and loads that bring other data than lie there.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "triage/parts.hpp"

namespace tactus::triage {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Calls visit(address, bytes) for each line of a load or store.
template <typename Op, typename Visit>
void for_each_line(const Op& op, const Visit& visit) {
  for (std::int64_t p = 0; p < op.planes; ++p) {
    for (std::int64_t l = 0; l < op.lines; ++l) {
      visit(static_cast<std::uint64_t>(op.mem_addr + p * op.plane_stride + l * op.line_stride),
            static_cast<std::uint64_t>(op.line_bytes));
    }
  }
}

template <typename Op>
bool covers(const Op& op, std::uint64_t address) {
  bool found = false;
  for_each_line(op, [&](std::uint64_t begin, std::uint64_t bytes) {
    found = found || (address >= begin && address < begin + bytes);
  });
  return found;
}

/// Differing bytes among the lines of an op.
template <typename Op>
std::vector<std::uint64_t> wrong_in(const Op& op, const Bytes& expected, const Bytes& actual) {
  std::vector<std::uint64_t> wrong;
  for_each_line(op, [&](std::uint64_t begin, std::uint64_t bytes) {
    for (std::uint64_t a = begin; a < begin + bytes && a < expected.size(); ++a) {
      if (expected[a] != actual.at(a)) wrong.push_back(a);
    }
  });
  return wrong;
}

Verdict classify_bytes(const std::vector<std::uint64_t>& wrong, const Bytes& expected,
                       const Bytes& actual, const Bytes& initial, std::int64_t beat) {
  const auto untouched = [&](std::uint64_t a) {
    return actual[a] == (a < initial.size() ? initial[a] : 0);
  };
  for (std::int64_t distance = 1; distance <= 16 * beat; ++distance) {
    for (const std::int64_t d : {distance, -distance}) {
      std::size_t moved = 0;
      std::set<std::uint8_t> seen;
      bool fits = true;
      for (const std::uint64_t a : wrong) {
        const std::int64_t from = static_cast<std::int64_t>(a) + d;
        const bool inside = from >= 0 && from < static_cast<std::int64_t>(expected.size());
        if (inside && expected[static_cast<std::size_t>(from)] == actual[a] && actual[a] != 0) {
          ++moved;
          seen.insert(actual[a]);
        } else {
          fits = fits && (untouched(a) || actual[a] == 0);
        }
      }
      if (!fits || moved == 0 || (seen.size() < 2 && wrong.size() > moved + 8)) continue;
      return {FaultClass::index, std::to_string(moved) + " of " + std::to_string(wrong.size()) +
                                     " wrong bytes belong " + std::to_string(std::abs(d)) +
                                     " bytes further " + (d > 0 ? "up" : "down") +
                                     ", the others are not written"};
    }
  }
  if (std::all_of(wrong.begin(), wrong.end(), untouched)) {
    return {FaultClass::stale_value,
            std::to_string(wrong.size()) + " bytes are as they were before the run"};
  }
  return {FaultClass::unknown, "the differences follow no pattern that is looked for"};
}

/// The first store, in program order before `end`, that should have written one of the bytes.
std::optional<std::size_t> store_behind(const Program& program, std::size_t end,
                                        const std::vector<std::uint64_t>& wrong) {
  for (std::size_t i = 0; i < end; ++i) {
    const auto* store = std::get_if<StoreOp>(&program.ops[i].body);
    if (store == nullptr) continue;
    const bool hit =
        std::any_of(wrong.begin(), wrong.end(), [&](std::uint64_t a) { return covers(*store, a); });
    if (hit) return i;
  }
  return std::nullopt;
}

/// Element, values and class of wrong bytes.
void describe(const Case& c, const std::vector<std::uint64_t>& wrong, const Bytes& expected,
              const Bytes& actual, Finding& f) {
  const Places places(c.program, c.network);
  f.quantity = "byte in memory";
  f.expected = expected[wrong[0]];
  f.actual = actual[wrong[0]];
  f.bits = 8;
  f.wrong = static_cast<std::int64_t>(wrong.size());
  if (const auto place = places.of_address(wrong[0])) f.element = found_element(*place, c.n);
  const Verdict verdict = classify_bytes(wrong, expected, actual, c.memory, c.config.beat_bytes());
  f.fault_class = verdict.fault_class;
  f.reason = verdict.reason;
}

void set_window(const Case& c, std::size_t op, Finding& f) {
  const RetireRecord* r = record_of(c.expected, c.program, op);
  if (r == nullptr) return;
  f.cycle = r->cycle;
  f.window = window_around(r->start, r->cycle);
}

/// models/README.md, "Retire records, digests".
std::uint64_t mix(std::uint64_t a, std::uint64_t v) {
  const std::uint64_t h = (v ^ (a * 0x9E3779B97F4A7C15U)) * 0xC2B2AE3D27D4EB4FU;
  return h ^ (h >> 32);
}

/// Addresses of the beats of a load, in order.
std::vector<std::uint64_t> beats_of(const LoadOp& op, std::int64_t beat) {
  std::vector<std::uint64_t> beats;
  for_each_line(op, [&](std::uint64_t begin, std::uint64_t bytes) {
    for (std::uint64_t b = 0; b < bytes; b += static_cast<std::uint64_t>(beat)) {
      beats.push_back(begin + b);
    }
  });
  return beats;
}

std::uint64_t digest_of(const LoadOp& op, const Bytes& memory, std::int64_t beat) {
  std::uint64_t digest = 0, n = 0;
  for (const std::uint64_t address : beats_of(op, beat)) {
    std::uint64_t word = 0;
    for (std::int64_t b = 0; b < beat; ++b) {
      const std::uint64_t at = address + static_cast<std::uint64_t>(b);
      const std::uint64_t byte = at < memory.size() ? memory[at] : 0;
      word ^= byte << (8 * (b % 8));
    }
    digest += mix(n++, word);
  }
  return digest;
}

/// Other loads that a faulty address generator might do.
std::vector<std::pair<LoadOp, std::string>> variants(const LoadOp& op, std::int64_t beat) {
  std::vector<std::pair<LoadOp, std::string>> out;
  const auto add = [&](std::int64_t LoadOp::*field, const char* name) {
    for (std::int64_t d = -4; d <= 4; ++d) {
      LoadOp other = op;
      other.*field += d * beat;
      if (d == 0 || other.*field < 0) continue;
      out.emplace_back(other, std::string(name) + " = " + std::to_string(other.*field) +
                                  " in place of " + std::to_string(op.*field));
    }
  };
  add(&LoadOp::mem_addr, "mem_addr");
  if (op.lines > 1) add(&LoadOp::line_stride, "line_stride");
  if (op.planes > 1) add(&LoadOp::plane_stride, "plane_stride");
  return out;
}

}  // namespace

void explain_load(const Case& c, std::size_t op, Finding& f) {
  const auto& load = std::get<LoadOp>(c.program.ops[op].body);
  const std::int64_t beat = c.config.beat_bytes();
  const Prober prober(c.program, c.config, c.memory);
  const Probe probe = prober.before(op);
  const Bytes expected = prober.memory_after(probe, c.run_expected);
  const Bytes actual = prober.memory_after(probe, c.run_actual);
  set_window(c, op, f);
  const auto wrong = wrong_in(load, expected, actual);
  if (!wrong.empty()) {
    describe(c, wrong, expected, actual, f);
    f.step = "the load reads what is in memory, and that is wrong";
    if (const auto store = store_behind(c.program, op, wrong)) {
      f.from = found_op(c.program, *store);
      set_window(c, *store, f);
    }
    return;
  }
  f.quantity = "beat of the load";
  f.fault_class = FaultClass::index;
  f.reason = "memory holds the right data at the load's addresses, what arrived is something else";
  f.step = "the beats of a load are seen as one digest only";
  const RetireRecord* record = record_of(c.actual, c.program, op);
  if (record == nullptr) return;
  for (const auto& [other, what] : variants(load, beat)) {
    if (digest_of(other, expected, beat) != record->digest) continue;
    f.reason = "memory is right, and the digest is that of a load with " + what;
    const auto own = beats_of(load, beat), taken = beats_of(other, beat);
    const Places places(c.program, c.network);
    for (std::size_t n = 0; n < own.size(); ++n) {
      for (std::uint64_t b = 0; b < static_cast<std::uint64_t>(beat); ++b) {
        const std::uint64_t have = own[n] + b, got = taken[n] + b;
        if (have >= expected.size() || got >= expected.size() || expected[have] == expected[got]) {
          continue;
        }
        f.expected = expected[have];
        f.actual = expected[got];
        f.bits = 8;
        f.step = "equal up to beat " + std::to_string(n) + " of " + std::to_string(own.size());
        if (const auto place = places.of_address(have)) f.element = found_element(*place, c.n);
        return;
      }
    }
    return;
  }
}

void explain_store(const Case& c, std::size_t op, Finding& f) {
  const auto& store = std::get<StoreOp>(c.program.ops[op].body);
  const Prober prober(c.program, c.config, c.memory);
  const Probe probe = prober.before(op + 1);
  const Bytes expected = prober.memory_after(probe, c.run_expected);
  const Bytes actual = prober.memory_after(probe, c.run_actual);
  set_window(c, op, f);
  const auto wrong = wrong_in(store, expected, actual);
  if (wrong.empty()) {
    f.fault_class = FaultClass::index;
    f.reason = "the stored data differ, the memory at the store's addresses does not";
    return;
  }
  describe(c, wrong, expected, actual, f);
  f.step = "the results in the ofmap buffer were right when they were made";
}

void explain_memory(const Case& c, std::uint64_t address, Finding& f) {
  std::vector<std::uint64_t> wrong;
  for (std::uint64_t a = address; a < c.expected.memory.size() && a < c.actual.memory.size(); ++a) {
    if (c.expected.memory[a] != c.actual.memory[a]) wrong.push_back(a);
  }
  if (wrong.empty()) return;
  describe(c, wrong, c.expected.memory, c.actual.memory, f);
  f.step = "all retire records agree, the memory after the run does not";
  if (const auto store = store_behind(c.program, c.program.ops.size(), wrong)) {
    f.op = found_op(c.program, *store);
    set_window(c, *store, f);
  }
}

}  // namespace tactus::triage
