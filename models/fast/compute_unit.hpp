// SPDX-License-Identifier: Apache-2.0
// Values of compute ops: psum contents, digest and the events that depend on operands.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/buffers.hpp"
#include "fast/kernels.hpp"
#include "fast/pack_cache.hpp"
#include "fast/pack_layout.hpp"
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
  std::uint64_t digest = 0, act_zero = 0, mac_gated = 0, acc_overflow = 0;
};

class ComputeUnit {
 public:
  ComputeUnit(const ArchConfig& config, const Kernels& kernels)
      : accumulator_(accumulator_of(config)),
        rows_(config.hw_array_rows),
        cols_(config.hw_array_cols),
        word_bits_(config.hw_operand_bits),
        gating_(config.hw_zero_gating),
        kernels_(kernels),
        cache_(kernels, config) {}

  [[nodiscard]] ComputeValues run(const ComputeOp& op, Buffers& buffers);

 private:
  /// The operands of the running op.
  struct Operands {
    PackShape shape;
    const PackedActivations* activations = nullptr;
    const PackedWeights* weights = nullptr;
    std::int64_t parts_a = 1, parts_w = 1;
    std::int64_t pixels = 0, stride = 0;  ///< int32 sums from one column to the next
    std::int64_t safe_pairs = 1;          ///< pairs whose sum fits int32
  };

  void check(const ComputeOp& op, const OperandLayout& layout) const;
  /// Packs the operands; true when no accumulator can overflow, so that the order of the sums is
  /// free.
  bool prepare(const ComputeOp& op, const OperandLayout& layout, Buffers& buffers);
  [[nodiscard]] bool may_overflow(const ComputeOp& op, const PackedWeights& weights,
                                  std::int64_t activation_magnitude, const PsumHalf& psum) const;
  /// Calls add(column, sums, shift) with the sums of the pairs [first, last), to be shifted left,
  /// for each column in use; several times when they come in parts.
  template <class Add>
  void multiply(std::int64_t cols, std::int64_t first, std::int64_t last, const Add& add);
  void add_exact(const ComputeOp& op, PsumHalf& psum);
  /// wide_sums_ = sums of a fold, without int32's limit.
  void sum_fold(const ComputeOp& op, std::int64_t fold);
  /// Adds wide_sums_ under the policy to `entries` with `stride` between columns.
  std::uint64_t accumulate_sums(const ComputeOp& op, bool keep, const std::int64_t* sums,
                                std::int64_t* entries, std::int64_t stride) const;
  std::uint64_t add_folds(const ComputeOp& op, PsumHalf& psum);
  std::uint64_t add_units(const ComputeOp& op, PsumHalf& psum);
  [[nodiscard]] std::uint64_t gated_products() const;

  Accumulator accumulator_;
  std::int64_t rows_, cols_, word_bits_;
  bool gating_;
  const Kernels& kernels_;
  PackCache cache_;
  Operands in_;
  std::vector<std::int32_t> sums_;
  std::vector<std::int64_t> wide_sums_, accumulators_;
};

}  // namespace tactus::fast
