// SPDX-License-Identifier: Apache-2.0
#include "backend/retire_checker.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <tuple>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

using Names = std::pair<const std::string&, const std::string&>;
using OpsByQueue = std::array<std::vector<const TileOp*>, queue_count>;

auto key_of(const RetireRecord& r) { return std::make_tuple(r.core, r.queue, r.seq); }

void check_sorted(const RunResult& run, const std::string& name) {
  for (std::size_t i = 1; i < run.retired.size(); ++i) {
    if (key_of(run.retired[i - 1]) < key_of(run.retired[i])) continue;
    throw InternalError("retire records of " + name + " are not sorted by core, queue and seq");
  }
}

OpsByQueue ops_by_queue(const Program& program) {
  OpsByQueue ops;
  for (const TileOp& op : program.ops) ops[static_cast<std::size_t>(queue_of(op))].push_back(&op);
  return ops;
}

std::string hex(std::uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string layer_name(const Program& program, std::size_t index) {
  return index < program.layers.size() ? program.layers[index].id
                                       : "layer " + std::to_string(index);
}

Difference at_record(const Program& program, const OpsByQueue& ops, const RetireRecord& record) {
  Difference d;
  d.queue = record.queue;
  d.seq = record.seq;
  const auto& queue = ops[static_cast<std::size_t>(record.queue)];
  if (record.seq < queue.size()) {
    d.op = disassemble(*queue[record.seq]);
    d.layer = layer_name(program, queue[record.seq]->layer);
  }
  return d;
}

void finish(Difference& d, const std::string& what, const Names& names) {
  d.text = what + ": " + names.first + " " + d.expected + ", " + names.second + " " + d.actual;
}

void finish_record(Difference& d, const std::string& what, const Names& names) {
  std::string place = std::string(name_of(d.queue)) + " op " + std::to_string(d.seq);
  if (!d.layer.empty()) place = d.layer + ", " + place;
  finish(d, place + ", " + what, names);
  if (!d.op.empty()) d.text += " (" + d.op + ")";
}

/// First differing property of two records of one op.
std::optional<Difference> differ(const Program& program, const OpsByQueue& ops,
                                 const RetireRecord& a, const RetireRecord& b, const Names& names,
                                 const CompareOptions& options) {
  const auto report = [&](DifferenceKind kind, const std::string& what, std::string expected,
                          std::string actual) {
    Difference d = at_record(program, ops, a);
    d.kind = kind;
    d.expected = std::move(expected);
    d.actual = std::move(actual);
    finish_record(d, what, names);
    return d;
  };
  if (options.timing && a.start != b.start) {
    return report(DifferenceKind::start, "start cycle", std::to_string(a.start),
                  std::to_string(b.start));
  }
  if (options.timing && a.cycle != b.cycle) {
    return report(DifferenceKind::cycle, "retire cycle", std::to_string(a.cycle),
                  std::to_string(b.cycle));
  }
  if (options.values && a.digest != b.digest) {
    return report(DifferenceKind::digest, "digest", hex(a.digest), hex(b.digest));
  }
  if (options.events && a.events != b.events) {
    for (std::size_t e = 0; e < event_count; ++e) {
      if (a.events.count[e] == b.events.count[e]) continue;
      return report(DifferenceKind::events, std::string("event ") + event_text[e].name,
                    std::to_string(a.events.count[e]), std::to_string(b.events.count[e]));
    }
  }
  return std::nullopt;
}

/// The record that only one side has, as a difference.
Difference missing(const Program& program, const OpsByQueue& ops, const RetireRecord& record,
                   bool in_a, const Names& names) {
  Difference d = at_record(program, ops, record);
  d.kind = DifferenceKind::retire_count;
  const std::string present = "retired in cycle " + std::to_string(record.cycle);
  d.expected = in_a ? present : "not retired";
  d.actual = in_a ? "not retired" : present;
  finish_record(d, "retired by one side only", names);
  return d;
}

Difference compare_records(const Program& program, const RunResult& a, const RunResult& b,
                           const Names& names, const CompareOptions& options) {
  const OpsByQueue ops = ops_by_queue(program);
  std::optional<Difference> first;
  auto first_order = std::make_tuple(Cycle{0}, Queue::load, std::uint32_t{0});
  const auto consider = [&](const RetireRecord& record, const auto& make) {
    const auto order = std::make_tuple(record.cycle, record.queue, record.seq);
    if (first && order >= first_order) return;
    if (std::optional<Difference> found = make()) {
      first = std::move(found);
      first_order = order;
    }
  };
  auto i = a.retired.begin();
  auto j = b.retired.begin();
  while (i != a.retired.end() || j != b.retired.end()) {
    const bool take_a = j == b.retired.end() || (i != a.retired.end() && key_of(*i) <= key_of(*j));
    const bool take_b = i == a.retired.end() || (j != b.retired.end() && key_of(*j) <= key_of(*i));
    const RetireRecord& record = take_a ? *i : *j;
    consider(record, [&]() -> std::optional<Difference> {
      if (take_a && take_b) return differ(program, ops, *i, *j, names, options);
      return missing(program, ops, record, take_a, names);
    });
    if (take_a) ++i;
    if (take_b) ++j;
  }
  return first ? *first : Difference{};
}

/// An element of a tensor that covers an address.
struct Element {
  const TensorPlace* tensor;
  std::uint64_t address;  ///< of the element's first byte
  int c, y, x;
};

std::optional<Element> locate(const Program& program, std::uint64_t address) {
  for (const TensorPlace& t : program.tensors) {
    if (!t.in_memory || address < t.address || t.element_bytes <= 0) continue;
    const auto bytes = static_cast<std::uint64_t>(t.element_bytes);
    const std::uint64_t offset = address - t.address;
    const std::uint64_t c = t.plane_stride == 0 ? 0 : offset / t.plane_stride;
    const std::uint64_t in_plane = offset - c * t.plane_stride;
    const std::uint64_t y = t.line_stride == 0 ? 0 : in_plane / t.line_stride;
    const std::uint64_t in_line = in_plane - y * t.line_stride;
    const std::uint64_t x = in_line / bytes;
    if (c >= static_cast<std::uint64_t>(t.c) || y >= static_cast<std::uint64_t>(t.h) ||
        x >= static_cast<std::uint64_t>(t.w)) {
      continue;
    }
    return Element{&t, address - in_line % bytes, static_cast<int>(c), static_cast<int>(y),
                   static_cast<int>(x)};
  }
  return std::nullopt;
}

std::string element_value(const std::vector<std::uint8_t>& memory, const Element& element) {
  const TensorPlace& t = *element.tensor;
  std::uint64_t v = 0;
  for (int k = 0; k < t.element_bytes; ++k) {
    const std::uint64_t at = element.address + static_cast<unsigned>(k);
    if (at < memory.size()) v |= std::uint64_t{memory[at]} << (8 * k);
  }
  const int bits = 8 * t.element_bytes;
  if (t.is_signed && bits < 64 && (v >> (bits - 1) & 1U) != 0) v |= ~std::uint64_t{0} << bits;
  return std::to_string(static_cast<std::int64_t>(v));
}

Difference compare_memory(const Program& program, const RunResult& a, const RunResult& b,
                          const Names& names) {
  Difference d;
  const auto [i, j] =
      std::mismatch(a.memory.begin(), a.memory.end(), b.memory.begin(), b.memory.end());
  if (i == a.memory.end() && j == b.memory.end()) return d;
  d.kind = DifferenceKind::memory;
  d.address = static_cast<std::uint64_t>(i - a.memory.begin());
  if (i == a.memory.end() || j == b.memory.end()) {
    d.expected = std::to_string(a.memory.size()) + " bytes";
    d.actual = std::to_string(b.memory.size()) + " bytes";
    finish(d, "size of off-chip memory", names);
    return d;
  }
  const std::string where = "off-chip byte " + std::to_string(d.address);
  if (const auto element = locate(program, d.address)) {
    d.tensor = d.layer = element->tensor->name;
    d.c = element->c;
    d.y = element->y;
    d.x = element->x;
    d.expected = element_value(a.memory, *element);
    d.actual = element_value(b.memory, *element);
    finish(d,
           d.tensor + " element c=" + std::to_string(d.c) + " y=" + std::to_string(d.y) +
               " x=" + std::to_string(d.x) + " (" + where + ")",
           names);
    return d;
  }
  d.expected = std::to_string(*i);
  d.actual = std::to_string(*j);
  finish(d, where + ", outside every tensor", names);
  return d;
}

}  // namespace

const char* name_of(DifferenceKind kind) {
  constexpr const char* names[] = {"none",   "retire_count", "start",  "cycle",
                                   "digest", "events",       "memory", "cycles"};
  return names[static_cast<unsigned>(kind)];
}

Difference compare(const Program& program, const RunResult& a, const std::string& name_a,
                   const RunResult& b, const std::string& name_b, const CompareOptions& options) {
  check_sorted(a, name_a);
  check_sorted(b, name_b);
  const Names names(name_a, name_b);
  Difference d = compare_records(program, a, b, names, options);
  if (d) return d;
  if (options.values) d = compare_memory(program, a, b, names);
  if (!d && options.timing && a.cycles != b.cycles) {
    d.kind = DifferenceKind::cycles;
    d.expected = std::to_string(a.cycles);
    d.actual = std::to_string(b.cycles);
    finish(d, "total cycles", names);
  }
  return d;
}

}  // namespace tactus
