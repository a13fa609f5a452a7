// SPDX-License-Identifier: Apache-2.0
#include "triage/triage.hpp"

#include <algorithm>
#include <array>

#include "backend/retire_checker.hpp"
#include "triage/parts.hpp"
#include "triage/tokens.hpp"

namespace tactus::triage {

FoundOp found_op(const Program& program, std::size_t op) {
  FoundOp out;
  out.queue = queue_of(program.ops.at(op));
  out.seq = seq_of(program, op);
  out.layer = program.layers.at(program.ops[op].layer).id;
  out.text = disassemble(program.ops[op]);
  return out;
}

const RetireRecord* record_of(const RunResult& run, const Program& program, std::size_t op) {
  const Queue queue = queue_of(program.ops.at(op));
  const std::uint32_t seq = seq_of(program, op);
  for (const RetireRecord& r : run.retired) {
    if (r.queue == queue && r.seq == seq) return &r;
  }
  return nullptr;
}

FoundElement found_element(const Coordinates& at, int n) {
  return {at.tensor, n, at.c, at.y, at.x};
}

std::pair<Cycle, Cycle> window_around(Cycle from, Cycle to) {
  constexpr Cycle before = 64, behind = 32;
  return {from > before ? from - before : 0, to + behind};
}

namespace {

bool explain_token(const Case& c, Finding& f) {
  const auto token = find_lost_token(c.program, c.expected.retired, c.actual.retired);
  if (!token) return false;
  f.fault_class = FaultClass::missing_token;
  f.reason = describe(*token, c.program);
  f.op = found_op(c.program, token->waited_by);
  f.from = found_op(c.program, token->pushed_by);
  f.quantity = "start cycle";
  if (const RetireRecord* r = record_of(c.expected, c.program, token->waited_by)) {
    f.expected = static_cast<std::int64_t>(r->start);
  }
  if (token->start) f.actual = static_cast<std::int64_t>(*token->start);
  if (const RetireRecord* r = record_of(c.actual, c.program, token->pushed_by)) {
    f.cycle = r->cycle;
    f.window = window_around(r->cycle, r->cycle);
  }
  f.step = "the token is due in the cycle behind the retirement of the op that pushes it";
  return true;
}

void explain_standstill(const Case& c, Finding& f) {
  if (explain_token(c, f)) return;
  f.fault_class = FaultClass::missing_token;
  f.reason = "the run stands still and no single lost token explains it";
  f.step = c.stands_still;
  std::array<std::uint32_t, queue_count> seen{}, done{};
  for (const RetireRecord& r : c.actual.retired) ++done[static_cast<std::size_t>(r.queue)];
  for (std::size_t i = 0; i < c.program.ops.size(); ++i) {
    const auto q = static_cast<std::size_t>(queue_of(c.program.ops[i]));
    if (seen[q]++ < done[q]) continue;
    f.op = found_op(c.program, i);
    return;
  }
}

/// Cycles or event counts differ and values do not.
void explain_counts(const Case& c, const Difference& d, Finding& f) {
  const std::size_t op = d.op.empty() ? c.program.ops.size() : op_index(c.program, d.queue, d.seq);
  const bool events = d.kind == DifferenceKind::events;
  f.fault_class = events ? FaultClass::counting_only : FaultClass::timing_only;
  f.reason = events ? "all values and cycles agree, a count does not"
                    : "all values agree, the cycles do not";
  f.quantity = d.kind == DifferenceKind::start    ? "start cycle"
               : d.kind == DifferenceKind::cycle  ? "retire cycle"
               : d.kind == DifferenceKind::events ? "event count"
                                                  : name_of(d.kind);
  if (op == c.program.ops.size()) return;
  f.op = found_op(c.program, op);
  const RetireRecord* a = record_of(c.expected, c.program, op);
  const RetireRecord* b = record_of(c.actual, c.program, op);
  if (a == nullptr || b == nullptr) return;
  if (events) {
    for (std::size_t e = 0; e < event_count; ++e) {
      if (a->events.count[e] == b->events.count[e]) continue;
      f.quantity = std::string("event ") + event_text[e].name;
      f.expected = static_cast<std::int64_t>(a->events.count[e]);
      f.actual = static_cast<std::int64_t>(b->events.count[e]);
      break;
    }
  } else {
    const bool start = d.kind == DifferenceKind::start;
    f.expected = static_cast<std::int64_t>(start ? a->start : a->cycle);
    f.actual = static_cast<std::int64_t>(start ? b->start : b->cycle);
    f.step = "the op takes " + std::to_string(a->cycle - a->start) + " cycles, here " +
             std::to_string(b->cycle - b->start);
  }
  f.cycle = b->cycle;
  f.window = window_around(std::min(a->start, b->start), std::max(a->cycle, b->cycle));
}

}  // namespace

Finding explain_difference(const Case& c) {
  Finding f;
  if (!c.stands_still.empty()) {
    explain_standstill(c, f);
    return f;
  }
  CompareOptions all, values;
  all.timing = c.timing;
  values.timing = values.events = false;
  const std::string a = "expected", b = "actual";
  const Difference first = compare(c.program, c.expected, a, c.actual, b, all);
  if (!first) return f;
  if (first.kind == DifferenceKind::start && explain_token(c, f)) return f;
  const Difference value = compare(c.program, c.expected, a, c.actual, b, values);
  if (!value) {
    explain_counts(c, first, f);
    return f;
  }
  if (value.kind == DifferenceKind::memory) {
    explain_memory(c, value.address, f);
    return f;
  }
  const std::size_t op = op_index(c.program, value.queue, value.seq);
  f.op = found_op(c.program, op);
  if (value.kind != DifferenceKind::digest) {
    f.reason = "one of the runs did not retire the op";
    return f;
  }
  switch (value.queue) {
    case Queue::load:
      explain_load(c, op, f);
      break;
    case Queue::compute:
      explain_compute(c, Budget(c.seconds), op, f);
      break;
    case Queue::post:
      explain_post(c, op, f);
      break;
    case Queue::store:
      explain_store(c, op, f);
      break;
  }
  return f;
}

std::optional<Finding> explain_tensors(const Network& network, int n,
                                       const std::map<std::string, QTensor>& expected,
                                       const std::map<std::string, QTensor>& actual) {
  for (const Layer& layer : network.layers) {
    const auto want = expected.find(layer.id);
    const auto have = actual.find(layer.id);
    if (want == expected.end() || have == actual.end()) continue;
    const auto plane = [](const QTensor& t) {
      Plane p{t.shape.c, std::int64_t{t.shape.h} * t.shape.w, {}};
      p.values.assign(t.data.begin(), t.data.end());
      return p;
    };
    const Plane e = plane(want->second), a = plane(have->second);
    if (e.values.size() != a.values.size() || e.values == a.values) continue;
    Finding f;
    f.quantity = "output value";
    f.bits = layer.out_format.bits;
    f.of = static_cast<std::int64_t>(e.values.size());
    for (std::size_t i = 0; i < e.values.size(); ++i) {
      if (e.values[i] == a.values[i]) continue;
      if (f.wrong++ > 0) continue;
      f.expected = e.values[i];
      f.actual = a.values[i];
      const auto pixel = static_cast<int>(static_cast<std::int64_t>(i) % e.pixels);
      f.element =
          FoundElement{layer.id, n, static_cast<int>(static_cast<std::int64_t>(i) / e.pixels),
                       pixel / layer.out_shape.w, pixel % layer.out_shape.w};
    }
    ResultEvidence evidence{e, a, layer.out_shape.w, std::nullopt, std::nullopt};
    if (layer.requant.convention != Convention::none) {
      evidence.clamp_min = layer.requant.clamp_min;
      evidence.clamp_max = layer.requant.clamp_max;
    }
    const Verdict verdict = classify_results(evidence);
    f.fault_class = verdict.fault_class;
    f.reason = verdict.reason;
    f.step = "only output tensors can be seen; every layer before agrees";
    return f;
  }
  return std::nullopt;
}

}  // namespace tactus::triage
