// SPDX-License-Identifier: Apache-2.0
#include "lower/program_builder.hpp"

#include <algorithm>
#include <cstring>

#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {
constexpr std::uint64_t allocation_align = 64;
}  // namespace

void check_op_count(std::size_t ops) {
  if (ops == 0) throw BadInput("the network has no layer that does any work");
}

ProgramBuilder::ProgramBuilder(const ArchConfig& config, bool contents)
    : config_(config), contents_(contents) {
  constexpr std::size_t usual_ops = 4096;
  ops_.reserve(usual_ops);
  links_.reserve(usual_ops);
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

void ProgramBuilder::restart() {
  if (contents_) throw InternalError("a lowering with memory contents begins anew");
  leave_out_ops();
  left_out_ = 0;
  image_bytes_ = 0;
  turn_.fill(1);
}

void ProgramBuilder::leave_out_ops() {
  left_out_ = op_count();
  ops_.clear();
  links_.clear();
}

void ProgramBuilder::skip(int count, std::uint64_t bytes) {
  if (contents_ || !ops_.empty()) throw InternalError("ops are left out between others");
  left_out_ += count;
  image_bytes_ += bytes;
}

std::uint16_t ProgramBuilder::turns() const {
  unsigned turns = 0;
  for (unsigned b = 0; b < buffer_count; ++b) turns |= static_cast<unsigned>(turn_[b]) << 2 * b;
  return static_cast<std::uint16_t>(turns);
}

void ProgramBuilder::set_turns(std::uint16_t turns) {
  for (unsigned b = 0; b < buffer_count; ++b) turn_[b] = turns >> 2 * b & 1;
}

void ProgramBuilder::set_tokens() {
  TokenOrder order;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const TokenOrder::Sources sources = order.next(links_[i]);
    for (unsigned p = 0; p < queue_count; ++p) {
      if (sources[p] < 0) continue;
      ops_[i].wait = static_cast<std::uint8_t>(ops_[i].wait | (1U << p));
      TileOp& producer = ops_[static_cast<std::size_t>(sources[p])];
      producer.push =
          static_cast<std::uint8_t>(producer.push | (1U << static_cast<unsigned>(links_[i].queue)));
    }
  }
}

void ProgramBuilder::place_segments(Program& program) {
  const SegmentCuts cuts(ops_.size(), static_cast<std::size_t>(config_.hw_segment_ops));
  const std::size_t segments = cuts.count();
  std::vector<std::uint64_t> address(segments);
  for (std::size_t s = 0; s < segments; ++s) address[s] = allocate(cuts.size(s) * op_bytes);
  for (std::size_t s = 0; s < segments; ++s) {
    const std::size_t begin = program.ops.size();
    if (s + 1 < segments) {
      TileOp op;
      op.layer = ops_[cuts.first(s)].layer;
      op.body = cuts.load_of_next(s, address[s + 1]);
      program.ops.push_back(op);
    }
    program.ops.insert(program.ops.end(), ops_.begin() + static_cast<std::ptrdiff_t>(cuts.first(s)),
                       ops_.begin() + static_cast<std::ptrdiff_t>(cuts.first(s + 1)));
    program.ops.back().seg_end = s + 1 < segments;
    program.ops.back().prog_end = s + 1 == segments;
    for (std::size_t i = begin; contents_ && i < program.ops.size(); ++i) {
      const EncodedOp bytes = encode(program.ops[i]);
      std::memcpy(at(address[s] + (i - begin) * op_bytes), bytes.data(), bytes.size());
    }
  }
  program.prog_addr = address[0];
  program.prog_ops = static_cast<std::uint32_t>(cuts.size(0));
}

Program ProgramBuilder::finish() {
  if (left_out_ != 0) throw InternalError("a program without all of its ops");
  check_op_count(ops_.size());
  set_tokens();
  Program program;
  program.ops.reserve(ops_.size() + ops_.size() / 8 + 1);
  place_segments(program);
  program.image = std::move(image_);
  return program;
}

}  // namespace tactus::lower
