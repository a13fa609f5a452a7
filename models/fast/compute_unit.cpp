// SPDX-License-Identifier: Apache-2.0
#include "fast/compute_unit.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "dataflow/weight_stationary.hpp"
#include "fast/digest.hpp"
#include "numerics/accumulate.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {

namespace ws = weight_stationary;

Accumulator accumulator_of(const ArchConfig& config) {
  for (const Overflow policy : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (config.hw_acc_overflow == name_of(policy)) {
      return {static_cast<int>(config.hw_acc_bits), policy};
    }
  }
  throw BadInput("hw.acc_overflow has the unknown value " + config.hw_acc_overflow);
}

ComputeValues ComputeUnit::run(const ComputeOp& op, Buffers& buffers) {
  if (op.dataflow != 0) {
    throw InternalError("a compute op has the unknown dataflow " + std::to_string(op.dataflow));
  }
  const FoldPairs pairs{op.k_rows, op.rows_used};
  if (op.cols > cols_ || pairs.folds() != op.folds) {
    throw InternalError("a compute op has " + std::to_string(op.cols) + " columns and " +
                        std::to_string(op.folds) + " folds, which contradicts the array or its " +
                        std::to_string(op.k_rows) + " K elements");
  }
  const std::int64_t m = ws::pixels(op);
  PsumHalf& psum = half_of(buffers.psum, op.psum_half);
  psum.check(op.psum_base, m);
  const PackedActivations& activations =
      cache_.activations(op, half_of(buffers.ifmap, op.ifmap_half));
  const PackedWeights& weights = cache_.weights(op, half_of(buffers.weight, op.weight_half), cols_);
  const PackedOperands operands{activations.data,
                                activations.panels,
                                activations.panel_stride,
                                weights.data,
                                (op.cols + block_cols - 1) / block_cols,
                                weights.block_stride};

  ComputeValues values;
  values.act_zero = static_cast<std::uint64_t>(activations.zeros);
  if (may_overflow(op, activations, weights, psum)) {
    for (std::int64_t fold = 0; fold < op.folds; ++fold) {
      values.acc_overflow += add_sums(op, operands, pairs.first(fold), pairs.first(fold + 1),
                                      fold > 0 || op.accumulate != 0, false, psum);
    }
  } else {
    add_sums(op, operands, 0, pairs.total(), op.accumulate != 0, true, psum);
  }
  if (op.k_complete != 0) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      values.digest += digest_run(psum.column(c) + op.psum_base, m, c, cols_);
    }
  }
  return values;
}

bool ComputeUnit::may_overflow(const ComputeOp& op, const PackedActivations& activations,
                               const PackedWeights& weights, const PsumHalf& psum) const {
  const std::int64_t m = ws::pixels(op);
  for (std::int64_t c = 0; c < op.cols; ++c) {
    const std::int64_t sum =
        weights.magnitudes[static_cast<std::size_t>(c)] * activations.magnitude;
    if (sum > std::numeric_limits<std::int32_t>::max()) return true;
    std::int64_t before = 0;
    if (op.accumulate != 0) {
      const std::int64_t* old = psum.column(c) + op.psum_base;
      for (std::int64_t i = 0; i < m; ++i) before = std::max(before, std::abs(old[i]));
    }
    if (sum + before > accumulator_.max()) return true;
  }
  return false;
}

std::uint64_t ComputeUnit::add_sums(const ComputeOp& op, const PackedOperands& operands,
                                    std::int64_t first, std::int64_t last, bool keep, bool exact,
                                    PsumHalf& psum) {
  const std::int64_t m = ws::pixels(op);
  const std::int64_t stride = operands.panels * panel_pixels;
  const auto needed = static_cast<std::size_t>(operands.blocks * block_cols * stride);
  if (sums_.size() < needed) sums_.resize(needed);
  kernels_.multiply(operands, first, last, sums_.data(), stride);

  std::uint64_t overflows = 0;
  for (std::int64_t c = 0; c < op.cols; ++c) {
    const std::int32_t* sum = sums_.data() + c * stride;
    std::int64_t* entry = psum.column(c) + op.psum_base;
    if (exact) {
      if (keep) {
        for (std::int64_t i = 0; i < m; ++i) entry[i] += sum[i];
      } else {
        for (std::int64_t i = 0; i < m; ++i) entry[i] = sum[i];
      }
      continue;
    }
    for (std::int64_t i = 0; i < m; ++i) {
      const Accumulated next =
          accumulate(keep ? entry[i] : 0, sum[i], accumulator_.bits, accumulator_.policy);
      entry[i] = next.value;
      overflows += next.overflowed ? 1 : 0;
    }
  }
  return overflows;
}

}  // namespace tactus::fast
