// SPDX-License-Identifier: Apache-2.0
#include "fast/compute_unit.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <string>

#include "dataflow/output_stationary.hpp"
#include "dataflow/weight_stationary.hpp"
#include "fast/digest.hpp"
#include "numerics/accumulate.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {

Accumulator accumulator_of(const ArchConfig& config) {
  for (const Overflow policy : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (config.hw_acc_overflow == name_of(policy)) {
      return {static_cast<int>(config.hw_acc_bits), policy};
    }
  }
  throw BadInput("hw.acc_overflow has the unknown value " + config.hw_acc_overflow);
}

ComputeValues ComputeUnit::run(const ComputeOp& op, Buffers& buffers) {
  const OperandLayout layout = operand_layout(op, word_bits_);
  check(op, layout);
  PsumHalf& psum = half_of(buffers.psum, op.psum_half);
  psum.check(op.psum_base, pixels(op));
  ComputeValues values;
  if (const auto done = winograd_.run(op, layout, buffers)) {
    values.digest = done->digest;
    values.act_zero = done->act_zero;
    return values;
  }
  const bool exact = prepare(op, layout, buffers);
  if (!exact) values.acc_overflow = add_checked(op, psum);
  std::atomic<std::uint64_t> digest{0};
  for_parts(op, [&](const Range& range) {
    if (exact) add_exact(op, range, psum);
    if (op.k_complete != 0) digest += digest_of(op, range, psum);
  });
  values.digest = digest;
  values.act_zero = static_cast<std::uint64_t>(in_.activations->zeros);
  if (gating_) values.mac_gated = gated_products();
  return values;
}

template <class Work>
void ComputeUnit::for_parts(const ComputeOp& op, const Work& work) {
  // Below so many products the threads take longer to meet than to multiply.
  constexpr std::int64_t worth_sharing = 1 << 19;
  const std::int64_t panels = in_.activations->panels;
  const bool shared = panels >= pool_.size() && in_.pixels * op.k_rows * op.cols >= worth_sharing;
  if (pool_.size() == 1 || !shared) return work(whole());
  pool_.run([&](int part) {
    Range range;
    range.panel = panels * part / pool_.size();
    range.panels = panels * (part + 1) / pool_.size() - range.panel;
    range.first = range.panel * panel_pixels;
    range.count = std::min(range.panels * panel_pixels, in_.pixels - range.first);
    work(range);
  });
}

std::uint64_t ComputeUnit::digest_of(const ComputeOp& op, const Range& range,
                                     const PsumHalf& psum) const {
  MixSum digest;
  digest_psums(digest, psum.column(0) + op.psum_base + range.first, psum.entries(), range.first,
               range.count, 0, op.cols, cols_);
  return digest.value();
}

void ComputeUnit::check(const ComputeOp& op, const OperandLayout& layout) const {
  const bool os = op.dataflow == output_stationary::code;
  if (!os && op.dataflow != weight_stationary::code) {
    throw InternalError("a compute op has the unknown dataflow " + std::to_string(op.dataflow));
  }
  if (layout.windows < 1 || layout.units_per_row < 1 || layout.units_per_index_row < 1) {
    throw InternalError("a compute op has operands or a window that its word cannot hold");
  }
  const std::int64_t folds = os ? output_stationary::folds(op) : weight_stationary::folds(op);
  if (op.cols > cols_ || folds != op.folds || (os && op.rows_used != rows_)) {
    throw InternalError("a compute op has " + std::to_string(op.cols) + " columns, " +
                        std::to_string(op.rows_used) + " rows and " + std::to_string(op.folds) +
                        " folds, which contradicts the array or its " + std::to_string(op.k_rows) +
                        " K units and " + std::to_string(pixels(op)) + " pixels");
  }
}

bool ComputeUnit::prepare(const ComputeOp& op, const OperandLayout& layout, Buffers& buffers) {
  const bool os = op.dataflow == output_stationary::code;
  BankedHalf& ifmap = half_of(buffers.ifmap, op.ifmap_half);
  const auto pack_weights = [&] {
    in_.weights = &cache_.weights(op, layout, in_.shape, half_of(buffers.weight, op.weight_half),
                                  half_of(buffers.index, op.weight_half));
  };
  const OperandWidth act = activation_width(op, layout);
  in_.parts_a = act.parts();
  in_.parts_w = weight_width(op, layout).parts();
  in_.pixels = pixels(op);
  in_.shape = layout.kept > 1 ? window_shape(op, layout) : unit_shape(op, layout, op.rows_used);
  pack_weights();
  in_.activation_magnitude = act.magnitude();
  const bool exact = !may_overflow(op, layout, half_of(buffers.psum, op.psum_half));
  const PackShape preferred = in_.shape;
  if (!exact) in_.shape = unit_shape(op, layout, os ? 1 : op.rows_used);
  in_.activations = cache_.activations(op, layout, in_.shape, ifmap);
  if (in_.activations == nullptr) {
    in_.shape = unit_shape(op, layout, op.rows_used);
    in_.activations = cache_.activations(op, layout, in_.shape, ifmap);
  }
  if (in_.shape.merged != preferred.merged || in_.shape.per_fold != preferred.per_fold) {
    pack_weights();
  }
  in_.stride = in_.activations->panels * panel_pixels;
  const auto needed =
      static_cast<std::size_t>((op.cols + block_cols - 1) / block_cols * block_cols * in_.stride);
  if (sums_.size() < needed) sums_.resize(needed);
  constexpr std::int64_t pair_magnitude = 2 * 256 * 256;
  const std::int64_t users = in_.shape.merged ? layout.kept : 1;
  in_.safe_pairs = std::numeric_limits<std::int32_t>::max() / (pair_magnitude * users);
  return exact;
}

bool ComputeUnit::may_overflow(const ComputeOp& op, const OperandLayout& layout,
                               const PsumHalf& psum) {
  peaks_.assign(static_cast<std::size_t>(op.cols), 0);
  if (op.accumulate != 0) find_peaks(op, psum.column(0) + op.psum_base, psum.entries());
  // Most ops fit whatever their weights are.
  const std::int64_t most =
      op.k_rows * layout.lanes * weight_width(op, layout).magnitude() * in_.activation_magnitude;
  if (*std::max_element(peaks_.begin(), peaks_.end()) + most <= accumulator_.max()) return false;
  const std::vector<std::int64_t>& magnitudes = cache_.magnitudes(*in_.weights);
  for (std::size_t c = 0; c < peaks_.size(); ++c) {
    const std::int64_t sum = magnitudes[c] * in_.activation_magnitude;
    if (peaks_[c] + sum > accumulator_.max()) return true;
  }
  return false;
}

template <class Add>
void ComputeUnit::multiply(const Range& range, std::int64_t cols, std::int64_t first,
                           std::int64_t last, const Add& add) {
  std::int32_t* const sums = sums_.data() + range.first;
  for (std::int64_t from = first; from < last; from += in_.safe_pairs) {
    const std::int64_t to = std::min(last, from + in_.safe_pairs);
    for (std::int64_t a = 0; a < in_.parts_a; ++a) {
      for (std::int64_t w = 0; w < in_.parts_w; ++w) {
        const PackedOperands operands{in_.activations->data + a * in_.activations->part_stride +
                                          range.panel * in_.activations->panel_stride,
                                      range.panels,
                                      in_.activations->panel_stride,
                                      in_.weights->data + w * in_.weights->part_stride,
                                      (cols + block_cols - 1) / block_cols,
                                      in_.weights->block_stride};
        kernels_.multiply(operands, from, to, sums, in_.stride);
        const std::int64_t scale = std::int64_t{1} << 8 * (a + w);
        const bool is_first = from == first && a == 0 && w == 0;
        for (std::int64_t c = 0; c < cols; ++c) {
          add(c, sums + c * in_.stride, scale, is_first);
        }
      }
    }
  }
}

void ComputeUnit::add_exact(const ComputeOp& op, const Range& range, PsumHalf& psum) {
  const std::int64_t m = range.count;
  multiply(range, op.cols, 0, in_.shape.pairs(),
           [&](std::int64_t c, const std::int32_t* sum, std::int64_t scale, bool is_first) {
             std::int64_t* entry = psum.column(c) + op.psum_base + range.first;
             if (is_first && op.accumulate == 0) {
               for (std::int64_t i = 0; i < m; ++i) entry[i] = sum[i];
             } else if (scale == 1) {
               for (std::int64_t i = 0; i < m; ++i) entry[i] += sum[i];
             } else {
               for (std::int64_t i = 0; i < m; ++i) entry[i] += sum[i] * scale;
             }
           });
}

std::uint64_t ComputeUnit::add_checked(const ComputeOp& op, PsumHalf& psum) {
  std::int64_t* const psums = psum.column(0) + op.psum_base;
  const auto clear = [&](std::int64_t* entries, std::int64_t stride) {
    for (std::int64_t c = 0; c < op.cols; ++c) std::fill_n(entries + c * stride, in_.pixels, 0);
  };
  if (op.dataflow == weight_stationary::code) {
    if (op.accumulate == 0) clear(psums, psum.entries());
    return add_steps(op, psums, psum.entries());
  }
  accumulators_.assign(static_cast<std::size_t>(op.cols * in_.pixels), 0);
  std::uint64_t overflows = add_steps(op, accumulators_.data(), in_.pixels);
  if (op.accumulate == 0) clear(psums, psum.entries());
  return overflows + add_lines(op, accumulators_.data(), psums, psum.entries());
}

std::uint64_t ComputeUnit::add_steps(const ComputeOp& op, std::int64_t* entries,
                                     std::int64_t stride) {
  std::uint64_t overflows = 0;
  const std::int64_t steps = in_.shape.folds();
  find_peaks(op, entries, stride);
  for (std::int64_t step = 0, count = steps; step < steps;) {
    count = std::min(count, steps - step);
    const std::int64_t first = in_.shape.first_pair(step);
    const std::int64_t last = in_.shape.first_pair(step + count);
    if (count > 1 && !fits(op, first, last)) {
      count /= 2;
      continue;
    }
    wide_sums_.assign(static_cast<std::size_t>(op.cols * in_.pixels), 0);
    multiply(whole(), op.cols, first, last,
             [&](std::int64_t c, const std::int32_t* sum, std::int64_t scale, bool) {
               std::int64_t* wide = wide_sums_.data() + c * in_.pixels;
               for (std::int64_t i = 0; i < in_.pixels; ++i) wide[i] += sum[i] * scale;
             });
    overflows += add_lines(op, wide_sums_.data(), entries, stride);
    step += count;
    if (step < steps) find_peaks(op, entries, stride);
    count *= 2;
  }
  return overflows;
}

void ComputeUnit::find_peaks(const ComputeOp& op, const std::int64_t* entries,
                             std::int64_t stride) {
  peaks_.assign(static_cast<std::size_t>(op.cols), 0);
  for (std::int64_t& peak : peaks_) {
    std::int64_t low = 0, high = 0;
    for (std::int64_t i = 0; i < in_.pixels; ++i) {
      low = std::min(low, entries[i]);
      high = std::max(high, entries[i]);
    }
    peak = std::max(-low, high);
    entries += stride;
  }
}

bool ComputeUnit::fits(const ComputeOp& op, std::int64_t first, std::int64_t last) {
  const std::int64_t blocks = (op.cols + block_cols - 1) / block_cols;
  magnitudes_.resize(static_cast<std::size_t>(blocks * block_cols));
  bounds_.assign(magnitudes_.size(), 0);
  for (std::int64_t part = 0; part < in_.parts_w; ++part) {
    kernels_.magnitudes(in_.weights->data + part * in_.weights->part_stride + first * block_step,
                        blocks, in_.weights->block_stride, last - first, magnitudes_.data());
    for (std::size_t c = 0; c < bounds_.size(); ++c) {
      bounds_[c] += std::int64_t{magnitudes_[c]} << 8 * part;
    }
  }
  for (std::size_t c = 0; c < peaks_.size(); ++c) {
    if (peaks_[c] + bounds_[c] * in_.activation_magnitude > accumulator_.max()) return false;
  }
  return true;
}

std::uint64_t ComputeUnit::add_lines(const ComputeOp& op, const std::int64_t* sums,
                                     std::int64_t* entries, std::int64_t stride) const {
  std::uint64_t overflows = 0;
  const std::int64_t half = accumulator_.max() + 1;
  for (std::int64_t c = 0; c < op.cols; ++c, sums += in_.pixels, entries += stride) {
    // Most lines have no overflow: a loop without branches finds out.
    std::uint64_t outside = 0;
    for (std::int64_t i = 0; i < in_.pixels; ++i) {
      outside |= static_cast<std::uint64_t>(entries[i] + sums[i] + half) >> accumulator_.bits;
    }
    if (outside == 0) {
      for (std::int64_t i = 0; i < in_.pixels; ++i) entries[i] += sums[i];
      continue;
    }
    for (std::int64_t i = 0; i < in_.pixels; ++i) {
      const Accumulated next =
          accumulate(entries[i], sums[i], accumulator_.bits, accumulator_.policy);
      entries[i] = next.value;
      overflows += next.overflowed ? 1 : 0;
    }
  }
  return overflows;
}

std::uint64_t ComputeUnit::gated_products() const {
  // A zero weight gates the products of all pixels, others those of the zero activations.
  std::int64_t gated = in_.weights->zeros * in_.pixels;
  for (std::size_t e = 0; e < in_.weights->element_users.size(); ++e) {
    gated += in_.weights->element_users[e] * in_.activations->element_zeros[e];
  }
  return static_cast<std::uint64_t>(gated);
}

}  // namespace tactus::fast
