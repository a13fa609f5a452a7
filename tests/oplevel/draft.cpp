// SPDX-License-Identifier: Apache-2.0
#include "draft.hpp"

#include <algorithm>

#include "lower/program_builder.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "rng.hpp"

namespace tactus::oplevel {

namespace {

using lower::Buffer;
using lower::Half;

Half half(Buffer buffer, std::int64_t number) { return {buffer, static_cast<int>(number)}; }

// The index half has the number of the weight half, so one owner for both is enough.
std::vector<Half> touches(const LoadOp& op) {
  constexpr Buffer buffers[] = {Buffer::ifmap, Buffer::weight, Buffer::param,
                                Buffer::ofmap, Buffer::param,  Buffer::weight};
  return {half(buffers[op.dest], op.half)};
}
std::vector<Half> touches(const FillOp& op) {
  return {half(op.dest == 0 ? Buffer::ifmap : Buffer::ofmap, op.half)};
}
std::vector<Half> touches(const ComputeOp& op) {
  return {half(Buffer::ifmap, op.ifmap_half), half(Buffer::weight, op.weight_half),
          half(Buffer::psum, op.psum_half)};
}
std::vector<Half> touches(const PostOp& op) {
  std::vector<Half> out{half(op.dst == 0 ? Buffer::ofmap : Buffer::ifmap, op.dst_half)};
  if (op.mode <= 1) out.push_back(half(Buffer::psum, op.psum_half));
  if (op.mode != 0) out.push_back(half(Buffer::ofmap, op.src_half));
  if (op.mode != 2 && op.mode != 5) out.push_back(half(Buffer::param, op.param_half));
  return out;
}
std::vector<Half> touches(const StoreOp& op) { return {half(Buffer::ofmap, op.half)}; }

}  // namespace

Kinds all_kinds() {
  return {"ws",         "os",   "nm",   "multi", "bundle",      "bipolar",    "pack",
          "transposed", "fill", "pool", "add",   "elementwise", "tflite_add", "rows"};
}

Program build(const Draft& draft, const ArchConfig& config) {
  lower::ProgramBuilder builder(config);
  const std::uint64_t base = builder.allocate(draft.data.size());
  if (base != 0) throw InternalError("the data of a draft must begin at address 0");
  std::copy(draft.data.begin(), draft.data.end(), builder.at(0));
  for (const Body& body : draft.ops) {
    std::visit([&](const auto& op) { builder.emit(op, 0, touches(op)); }, body);
  }
  Program program = builder.finish();
  validate_program(program, config);
  return program;
}

void vary(ArchConfig& config, std::uint64_t seed, bool elaborated) {
  Rng rng(seed ^ 0x5DEECE66DU);
  config.mem_ideal = rng.chance(1, 8);
  config.mem_latency_cycles = rng.in(1, 30);
  config.mem_cycles_per_beat = rng.pick({1, 1, 2, 3});
  if (!elaborated) return;
  config.hw_acc_bits = rng.pick({12, 14, 16, 20, 24, 32, 32, 40, 48});
  config.hw_acc_overflow = rng.chance(1, 2) ? "saturate" : rng.chance(1, 2) ? "wrap" : "error";
  config.hw_fold_overlap = !rng.chance(1, 4);
  config.hw_zero_gating = rng.chance(1, 2);
  config.hw_queue_depth = rng.pick({2, 4, 8});
  config.hw_segment_ops = rng.pick({8, 16, 32});
  config.mem_burst_beats = rng.pick({1, 3, 16});
  const std::int64_t word = config.hw_operand_bits;
  if (config.hw_nm_patterns != "dense") {
    config.hw_edge_words = rng.pick({2, 4, 4, 8});
    while (word * config.hw_edge_words > config.mem_data_bits) config.hw_edge_words /= 2;
    if (config.hw_edge_words < 2) config.hw_edge_words = 2;
  }
}

}  // namespace tactus::oplevel
