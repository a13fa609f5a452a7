// SPDX-License-Identifier: Apache-2.0
#include "lower/program_builder.hpp"

#include <algorithm>
#include <cstring>

#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {
constexpr std::uint64_t allocation_align = 64;

[[nodiscard]] unsigned index_of(Queue q) { return static_cast<unsigned>(q); }
}  // namespace

ProgramBuilder::ProgramBuilder(const ArchConfig& config, bool contents)
    : config_(config), contents_(contents) {
  for (auto& half : last_access_) half.fill(-1);
  constexpr std::size_t usual_ops = 4096;
  ops_.reserve(usual_ops);
  needs_.reserve(usual_ops);
}

std::uint64_t ProgramBuilder::allocate(std::uint64_t bytes) {
  const std::uint64_t address = image_bytes_;
  image_bytes_ += (bytes + allocation_align - 1) / allocation_align * allocation_align;
  if (contents_) image_.resize(image_bytes_, 0);
  return address;
}

std::uint8_t* ProgramBuilder::at(std::uint64_t address) {
  if (!contents_) throw InternalError("a lowering without memory contents writes to memory");
  return image_.data() + address;
}

void HalfList::add(const Half* first, const Half* last) {
  if (static_cast<std::size_t>(last - first) > halves_.size()) {
    throw InternalError("an op touches more buffer halves than there are");
  }
  count_ = static_cast<std::size_t>(last - first);
  std::copy(first, last, halves_.begin());
}

int ProgramBuilder::append(const TileOp& op, const HalfList& touches,
                           const std::vector<int>& after) {
  const int number = op_count();
  const Queue own = queue_of(op);
  std::array<int, queue_count> needs{-1, -1, -1, -1};
  for (const Half& touch : touches) {
    auto& last =
        last_access_[static_cast<unsigned>(touch.buffer) * 2 + static_cast<unsigned>(touch.half)];
    for (unsigned q = 0; q < queue_count; ++q) {
      if (q != index_of(own)) needs[q] = std::max(needs[q], last[q]);
    }
    last[index_of(own)] = number;
  }
  for (const int earlier : after) {
    if (earlier < 0) continue;
    const unsigned q = index_of(queue_of(ops_.at(static_cast<std::size_t>(earlier))));
    if (q != index_of(own)) needs[q] = std::max(needs[q], earlier);
  }
  ops_.push_back(op);
  needs_.push_back(needs);
  return number;
}

void ProgramBuilder::set_tokens() {
  // waited[p][q]: latest op of queue p that an op of queue q has waited for.
  std::array<std::array<int, queue_count>, queue_count> waited{};
  for (auto& row : waited) row.fill(-1);
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const unsigned q = index_of(queue_of(ops_[i]));
    for (unsigned p = 0; p < queue_count; ++p) {
      const int needed = needs_[i][p];
      if (needed <= waited[p][q]) continue;
      waited[p][q] = needed;
      ops_[i].wait = static_cast<std::uint8_t>(ops_[i].wait | (1U << p));
      auto& producer = ops_[static_cast<std::size_t>(needed)];
      producer.push = static_cast<std::uint8_t>(producer.push | (1U << q));
    }
  }
}

void ProgramBuilder::place_segments(Program& program) {
  const auto capacity = static_cast<std::size_t>(config_.hw_segment_ops);
  // Every segment but the last begins with the load of the next one.
  std::vector<std::size_t> first;  // first op of each segment, in ops_
  for (std::size_t next = 0; next < ops_.size();) {
    first.push_back(next);
    const std::size_t rest = ops_.size() - next;
    next += rest <= capacity ? rest : capacity - 1;
  }
  const std::size_t segments = first.size();
  first.push_back(ops_.size());
  const auto size_of = [&](std::size_t s) {
    return first[s + 1] - first[s] + (s + 1 < segments ? 1 : 0);
  };
  std::vector<std::uint64_t> address(segments);
  for (std::size_t s = 0; s < segments; ++s) address[s] = allocate(size_of(s) * op_bytes);
  for (std::size_t s = 0; s < segments; ++s) {
    const std::size_t begin = program.ops.size();
    if (s + 1 < segments) {
      LoadOp load;
      load.mem_addr = static_cast<std::int64_t>(address[s + 1]);
      load.planes = 1;
      load.lines = 1;
      load.line_bytes = static_cast<std::int64_t>(size_of(s + 1) * op_bytes);
      load.dest = static_cast<std::int64_t>(Dest::inst);
      load.half = static_cast<std::int64_t>((s + 1) % 2);
      TileOp op;
      op.layer = ops_[first[s]].layer;
      op.body = load;
      program.ops.push_back(op);
    }
    program.ops.insert(program.ops.end(), ops_.begin() + static_cast<std::ptrdiff_t>(first[s]),
                       ops_.begin() + static_cast<std::ptrdiff_t>(first[s + 1]));
    program.ops.back().seg_end = s + 1 < segments;
    program.ops.back().prog_end = s + 1 == segments;
    for (std::size_t i = begin; contents_ && i < program.ops.size(); ++i) {
      const EncodedOp bytes = encode(program.ops[i]);
      std::memcpy(at(address[s] + (i - begin) * op_bytes), bytes.data(), bytes.size());
    }
  }
  program.prog_addr = address[0];
  program.prog_ops = static_cast<std::uint32_t>(size_of(0));
}

Program ProgramBuilder::finish() {
  if (ops_.empty()) throw BadInput("the network has no layer that does any work");
  set_tokens();
  Program program;
  program.ops.reserve(ops_.size() + ops_.size() / 8 + 1);
  place_segments(program);
  program.image = std::move(image_);
  return program;
}

}  // namespace tactus::lower
