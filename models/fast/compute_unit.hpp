// SPDX-License-Identifier: Apache-2.0
// Values of compute ops: psum contents, digest, act_zero and acc_overflow.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/buffers.hpp"
#include "fast/kernels.hpp"
#include "fast/pack_cache.hpp"
#include "numerics/formats.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// The accumulator of psum buffer and post-processor.
struct Accumulator {
  int bits = 32;
  Overflow policy = Overflow::wrap;
  [[nodiscard]] std::int64_t max() const { return (std::int64_t{1} << (bits - 1)) - 1; }
};
[[nodiscard]] Accumulator accumulator_of(const ArchConfig& config);

struct ComputeValues {
  std::uint64_t digest = 0, act_zero = 0, acc_overflow = 0;
};

class ComputeUnit {
 public:
  ComputeUnit(const ArchConfig& config, const Kernels& kernels)
      : accumulator_(accumulator_of(config)),
        cols_(config.hw_array_cols),
        kernels_(kernels),
        cache_(kernels) {}

  [[nodiscard]] ComputeValues run(const ComputeOp& op, Buffers& buffers);

 private:
  [[nodiscard]] bool may_overflow(const ComputeOp& op, const PackedActivations& activations,
                                  const PackedWeights& weights, const PsumHalf& psum) const;
  /// Adds the sums of the pairs [first, last) to the psums; returns the number of overflows.
  std::uint64_t add_sums(const ComputeOp& op, const PackedOperands& operands, std::int64_t first,
                         std::int64_t last, bool keep, bool exact, PsumHalf& psum);

  Accumulator accumulator_;
  std::int64_t cols_;
  const Kernels& kernels_;
  PackCache cache_;
  std::vector<std::int32_t> sums_;
};

}  // namespace tactus::fast
