// SPDX-License-Identifier: Apache-2.0
// Ownership of buffer halves and order of off-chip accesses, given the happens-before relation.
#include <algorithm>

#include "program/validator_parts.hpp"

namespace tactus {
namespace {

enum Buffer : std::size_t {
  ifmap = 0,
  weight = 1,
  param = 2,
  ofmap = 3,
  psum = 4,
  index = 5,
  buffers = 6
};
constexpr const char* buffer_names[] = {"ifmap", "weight", "param", "ofmap", "psum", "index"};
constexpr auto queues = static_cast<std::size_t>(queue_count);

struct Use {
  std::size_t buffer, half;
};

void add(std::vector<Use>& uses, std::size_t buffer, std::int64_t half) {
  uses.push_back({buffer, static_cast<std::size_t>(half)});
}

// The codes of Dest and Buffer agree except for inst.
void add_uses(std::vector<Use>& uses, const LoadOp& op) {
  if (op.dest != static_cast<std::int64_t>(Dest::inst)) {
    add(uses, static_cast<std::size_t>(op.dest), op.half);
  }
}
void add_uses(std::vector<Use>& uses, const FillOp& op) {
  add(uses, static_cast<std::size_t>(op.dest), op.half);
}
void add_uses(std::vector<Use>& uses, const ComputeOp& op) {
  add(uses, ifmap, op.ifmap_half);
  add(uses, weight, op.weight_half);
  if (op.log2_m != 0) add(uses, index, op.weight_half);
  add(uses, psum, op.psum_half);
}
void add_uses(std::vector<Use>& uses, const PostOp& op) {
  const PostTraits traits = post_traits(static_cast<PostMode>(op.mode));
  if (traits.psum) add(uses, psum, op.psum_half);
  if (traits.source) add(uses, ofmap, op.src_half);
  if (traits.channel_records || traits.add_record || traits.table) add(uses, param, op.param_half);
  add(uses, op.dst == 0 ? ofmap : ifmap, op.dst_half);
}
void add_uses(std::vector<Use>& uses, const StoreOp& op) { add(uses, ofmap, op.half); }

/// Strided bytes of a load or store.
struct Bytes {
  std::uint64_t first = 0;
  std::uint64_t planes = 1, plane_stride = 0, lines = 1, line_stride = 0, length = 0;
  [[nodiscard]] std::uint64_t plane_extent() const { return (lines - 1) * line_stride + length; }
  [[nodiscard]] std::uint64_t end() const {
    return first + (planes - 1) * plane_stride + plane_extent();
  }
};

template <class Op>
Bytes bytes_of(const Op& op, std::uint64_t round_to) {
  const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  const std::uint64_t length = (u(op.line_bytes) + round_to - 1) / round_to * round_to;
  return {u(op.mem_addr), u(op.planes), u(op.plane_stride), u(op.lines), u(op.line_stride), length};
}

/// Numbers k < count of pieces [k * stride, k * stride + extent) that may meet [low, high).
std::pair<std::uint64_t, std::uint64_t> candidates(std::uint64_t low, std::uint64_t high,
                                                   std::uint64_t count, std::uint64_t stride,
                                                   std::uint64_t extent) {
  if (high == 0) return {0, 0};
  if (stride == 0) return {0, low < extent ? 1 : 0};
  const std::uint64_t from = low >= extent ? (low - extent) / stride + 1 : 0;
  return {from, std::min(count, (high - 1) / stride + 1)};
}

bool meets(const Bytes& bytes, std::uint64_t low, std::uint64_t high) {
  const auto minus = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  low = minus(low, bytes.first);
  high = minus(high, bytes.first);
  const auto planes = candidates(low, high, bytes.planes, bytes.plane_stride, bytes.plane_extent());
  for (std::uint64_t p = planes.first; p < planes.second; ++p) {
    const std::uint64_t at = p * bytes.plane_stride;
    const auto lines =
        candidates(minus(low, at), minus(high, at), bytes.lines, bytes.line_stride, bytes.length);
    if (lines.first < lines.second) return true;
  }
  return false;
}

bool overlap(const Bytes& a, const Bytes& b) {
  if (a.end() <= b.first || b.end() <= a.first) return false;
  for (std::uint64_t p = 0; p < a.planes; ++p) {
    for (std::uint64_t l = 0; l < a.lines; ++l) {
      const std::uint64_t low = a.first + p * a.plane_stride + l * a.line_stride;
      if (meets(b, low, low + a.length)) return true;
    }
  }
  return false;
}

}  // namespace

void check_ownership(const ValidatorInput& in, const Ordering& order) {
  const auto& ops = in.program.ops;
  std::vector<std::size_t> users[buffers][2][queues];
  std::vector<Use> uses;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    uses.clear();
    std::visit([&](const auto& body) { add_uses(uses, body); }, ops[i].body);
    for (const Use& use : uses) {
      auto& list = users[use.buffer][use.half][static_cast<std::size_t>(queue_of(ops[i]))];
      if (list.empty() || list.back() != i) list.push_back(i);
    }
  }
  const auto check = [&](std::size_t buffer, std::size_t half, std::size_t p, std::size_t q) {
    const auto& others = users[buffer][half][p];
    for (const std::size_t b : users[buffer][half][q]) {
      // `before` never decreases along a queue: the first op of p that has not surely retired
      // decides for all later ones.
      const auto a = std::partition_point(others.begin(), others.end(), [&](std::size_t other) {
        return order.precedes(other, static_cast<Queue>(p), b);
      });
      if (a == others.end() || order.precedes(b, static_cast<Queue>(q), *a)) continue;
      refuse_op(in.program, std::max(*a, b),
                "it may use half " + std::to_string(half) + " of the " + buffer_names[buffer] +
                    " buffer at the same time as op " + std::to_string(std::min(*a, b)) + ", " +
                    disassemble(ops[std::min(*a, b)]));
    }
  };
  for (std::size_t buffer = 0; buffer < buffers; ++buffer) {
    for (std::size_t half = 0; half < 2; ++half) {
      for (std::size_t q = 0; q < queues; ++q) {
        for (std::size_t p = 0; p < q; ++p) check(buffer, half, p, q);
      }
    }
  }
}

void check_memory_order(const ValidatorInput& in, const Ordering& order) {
  const auto& ops = in.program.ops;
  const auto beat = static_cast<std::uint64_t>(in.config.beat_bytes());
  const auto& stores = order.ops[static_cast<std::size_t>(Queue::store)];
  for (const std::size_t b : order.ops[static_cast<std::size_t>(Queue::load)]) {
    const auto* load = std::get_if<LoadOp>(&ops[b].body);
    if (load == nullptr) continue;
    const Bytes read = bytes_of(*load, beat);
    const auto first = order.before[b][static_cast<std::size_t>(Queue::store)];
    for (std::size_t s = first; s < stores.size(); ++s) {
      if (order.precedes(b, Queue::load, stores[s])) break;
      if (!overlap(read, bytes_of(std::get<StoreOp>(ops[stores[s]].body), 1))) continue;
      refuse_op(in.program, std::max(b, stores[s]),
                "it touches off-chip bytes of op " + std::to_string(std::min(b, stores[s])) +
                    " without an order between them, " + disassemble(ops[std::min(b, stores[s])]));
    }
  }
}

}  // namespace tactus
