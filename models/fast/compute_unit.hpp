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
#include "fast/thread_pool.hpp"
#include "fast/winograd_unit.hpp"
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
  /// The threads of the pool share the pixels of an op. Where psums `may_wait`, they are in the
  /// buffer only after settle().
  ComputeUnit(const ArchConfig& config, const Kernels& kernels, ThreadPool& pool, bool may_wait)
      : pool_(pool),
        accumulator_(accumulator_of(config)),
        rows_(config.hw_array_rows),
        cols_(config.hw_array_cols),
        word_bits_(config.hw_operand_bits),
        gating_(config.hw_zero_gating),
        kernels_(kernels),
        cache_(kernels, config),
        winograd_(kernels.winograd, {accumulator_.max(), gating_, may_wait}, word_bits_,
                  config.hw_array_cols * config.word_bytes(), cache_, pool) {}

  [[nodiscard]] ComputeValues run(const ComputeOp& op, Buffers& buffers);
  /// To be called before anybody else reads psums.
  void settle(Buffers& buffers) { winograd_.settle(buffers); }

 private:
  /// The operands of the running op.
  struct Operands {
    PackShape shape;
    const PackedActivations* activations = nullptr;
    PackedWeights* weights = nullptr;
    std::int64_t parts_a = 1, parts_w = 1;
    std::int64_t activation_magnitude = 0;  ///< bound of |operand| by the format
    std::int64_t pixels = 0, stride = 0;    ///< int32 sums from one column to the next
    std::int64_t safe_pairs = 1;            ///< pairs whose sum fits int32
  };

  /// Pixels of a part: whole panels, but for the last part's end.
  struct Range {
    std::int64_t panel = 0, panels = 0;
    std::int64_t first = 0, count = 0;  ///< pixels
  };
  [[nodiscard]] Range whole() const { return {0, in_.activations->panels, 0, in_.pixels}; }
  /// Calls work(range, part) for parts that cover all pixels, side by side where that pays.
  template <class Work>
  void for_parts(const ComputeOp& op, const Work& work);

  void check(const ComputeOp& op, const OperandLayout& layout) const;
  /// Packs the operands; true when no accumulator can overflow, so that the order of the sums is
  /// free.
  bool prepare(const ComputeOp& op, const OperandLayout& layout, Buffers& buffers);
  [[nodiscard]] bool may_overflow(const ComputeOp& op, const OperandLayout& layout,
                                  const PsumHalf& psum);
  /// Calls add(column, sums, shift) with the sums of the pairs [first, last) of a range's pixels,
  /// to be shifted left, for each column in use; several times when they come in parts.
  template <class Add>
  void multiply(const Range& range, std::int64_t cols, std::int64_t first, std::int64_t last,
                const Add& add);
  void add_exact(const ComputeOp& op, const Range& range, PsumHalf& psum);
  [[nodiscard]] std::uint64_t digest_of(const ComputeOp& op, const Range& range,
                                        const PsumHalf& psum) const;
  /// The same as add_exact under the overflow policy; returns the number of overflows.
  std::uint64_t add_checked(const ComputeOp& op, PsumHalf& psum);
  /// Adds the packed folds to `entries`, `stride` apart between columns, under the policy: as many
  /// at a time as cannot overflow together.
  std::uint64_t add_steps(const ComputeOp& op, std::int64_t* entries, std::int64_t stride);
  /// peaks_ = the largest |entry| of each column.
  void find_peaks(const ComputeOp& op, const std::int64_t* entries, std::int64_t stride);
  /// Whether the peaks and the bounds of the pairs [first, last) fit the accumulator.
  [[nodiscard]] bool fits(const ComputeOp& op, std::int64_t first, std::int64_t last);
  /// Adds one line of sums per column to `entries` under the policy.
  [[nodiscard]] std::uint64_t add_lines(const ComputeOp& op, const std::int64_t* sums,
                                        std::int64_t* entries, std::int64_t stride) const;
  [[nodiscard]] std::uint64_t gated_products() const;

  ThreadPool& pool_;
  Accumulator accumulator_;
  std::int64_t rows_, cols_, word_bits_;
  bool gating_;
  const Kernels& kernels_;
  PackCache cache_;
  WinogradUnit winograd_;
  Operands in_;
  std::vector<std::int32_t> sums_;
  std::vector<std::int64_t> wide_sums_, accumulators_;
  std::vector<std::int64_t> peaks_, bounds_;  ///< per column
  std::vector<std::int32_t> magnitudes_;
};

}  // namespace tactus::fast
