// SPDX-License-Identifier: Apache-2.0
#include "program/validator.hpp"

#include <algorithm>

#include "numerics/errors.hpp"
#include "program/validator_parts.hpp"

namespace tactus {

void refuse_op(const Program& program, std::size_t index, const std::string& why) {
  throw InternalError("op " + std::to_string(index) + ": " + why + " (" +
                      disassemble(program.ops[index]) + ")");
}

void check_segments(const ValidatorInput& in) {
  const Program& program = in.program;
  if (program.ops.empty()) throw InternalError("the program has no ops");
  const auto beat = static_cast<std::uint64_t>(in.config.beat_bytes());
  if (program.prog_addr % beat != 0) throw InternalError("prog_addr is not beat aligned");
  std::uint64_t address = program.prog_addr;
  std::uint64_t announced = program.prog_ops;
  std::size_t segment = 0;
  for (std::size_t first = 0; first < program.ops.size(); ++segment) {
    std::size_t last = first;
    while (last + 1 < program.ops.size() && !program.ops[last].seg_end) ++last;
    const std::size_t count = last - first + 1;
    const bool is_final = last + 1 == program.ops.size();
    if (count > static_cast<std::size_t>(in.config.hw_segment_ops)) {
      refuse_op(program, last,
                "segment " + std::to_string(segment) + " has " + std::to_string(count) +
                    " ops, more than hw.segment_ops");
    }
    if (announced != count) {
      refuse_op(program, last,
                "segment " + std::to_string(segment) + " has " + std::to_string(count) +
                    " ops, but " + std::to_string(announced) + " are loaded");
    }
    const std::uint64_t bytes = count * op_bytes;
    if (address > program.image.size() || bytes > program.image.size() - address) {
      refuse_op(program, first, "its segment lies outside the image");
    }
    const LoadOp* next = nullptr;
    for (std::size_t i = first; i <= last; ++i) {
      const TileOp& op = program.ops[i];
      if (op.prog_end != (is_final && i == last)) {
        refuse_op(program, i, "prog_end must be set on the last op of the program only");
      }
      const EncodedOp code = encode(op);
      const std::uint64_t at = address + (i - first) * op_bytes;
      if (!std::equal(code.begin(), code.end(),
                      program.image.begin() + static_cast<std::ptrdiff_t>(at))) {
        refuse_op(program, i, "the image holds other bytes for it at " + std::to_string(at));
      }
      const auto* load = std::get_if<LoadOp>(&op.body);
      if (load == nullptr || load->dest != static_cast<std::int64_t>(Dest::inst)) continue;
      if (next != nullptr || is_final) {
        refuse_op(program, i, "it loads a segment that is not the next one");
      }
      next = load;
      if (load->half != static_cast<std::int64_t>((segment + 1) % 2) || load->dst_base != 0 ||
          load->planes != 1 || load->lines != 1) {
        refuse_op(program, i, "a segment is one line from beat 0 of the half that is not running");
      }
    }
    if (!is_final) {
      if (next == nullptr) refuse_op(program, last, "no op of its segment loads the next segment");
      address = static_cast<std::uint64_t>(next->mem_addr);
      announced = static_cast<std::uint64_t>(next->line_bytes) / op_bytes;
      if (next->line_bytes % op_bytes != 0) announced = 0;
    }
    first = last + 1;
  }
}

void validate_program(const Program& program, const ArchConfig& config) {
  const ValidatorInput in{program, config};
  if (program.ops.empty()) throw InternalError("the program has no ops");
  check_fields(in);
  check_segments(in);
  const Ordering order = check_tokens(in);
  check_ownership(in, order);
  check_memory_order(in, order);
}

}  // namespace tactus
