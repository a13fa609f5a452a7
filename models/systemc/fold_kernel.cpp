// SPDX-License-Identifier: Apache-2.0
#include "fold_kernel.hpp"

#include <algorithm>
#include <cstdlib>

#include "numerics/accumulate.hpp"

namespace tactus::systemc {

namespace {

// Row-major operands: all pixels of K element 0, then of K element 1, ...
template <typename Operand>
[[nodiscard]] std::uint64_t gather(const FoldInput& in, std::vector<Operand>& operands) {
  const std::int64_t pixels = in.out_h * in.out_w;
  operands.resize(static_cast<std::size_t>(pixels) * in.rows.size());
  Operand* to = operands.data();
  for (const std::uint8_t* row : in.rows) {
    for (std::int64_t y = 0; y < in.out_h; ++y, to += in.out_w) {
      const std::uint8_t* from = row + y * in.step_y;
      if (in.act_signed) {
        for (std::int64_t x = 0; x < in.out_w; ++x) {
          to[x] = static_cast<Operand>(static_cast<std::int8_t>(from[x * in.step_x]) - in.act_zp);
        }
      } else {
        for (std::int64_t x = 0; x < in.out_w; ++x) {
          to[x] = static_cast<Operand>(from[x * in.step_x] - in.act_zp);
        }
      }
    }
  }
  return static_cast<std::uint64_t>(std::count(operands.begin(), operands.end(), Operand{0}));
}

template <typename Sum>
[[nodiscard]] std::uint64_t add_to_psum(const Sum* sums, std::int64_t count, const FoldRule& rule,
                                        std::int64_t* psum) {
  std::uint64_t overflows = 0;
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int64_t old = rule.from_zero ? 0 : psum[c];
    const Accumulated next = accumulate(old, sums[c], rule.acc_bits, rule.overflow);
    psum[c] = next.value;
    overflows += next.overflowed ? 1 : 0;
    if (rule.drop_carry && (old & 0xffff) + (sums[c] & 0xffff) > 0xffff) psum[c] -= 0x10000;
  }
  return overflows;
}

// A block of columns stays in registers while all K elements of the fold are added to it.
template <typename Operand, typename Sum>
[[gnu::always_inline]] inline std::uint64_t multiply(const Operand* operands,
                                                     const Operand* weights, std::int64_t elements,
                                                     std::int64_t pixels, std::int64_t cols,
                                                     const FoldRule& rule, std::int64_t* psum,
                                                     std::int64_t psum_stride) {
  const std::int64_t weight_stride = padded_columns(cols);
  std::uint64_t overflows = 0;
  for (std::int64_t first = 0; first < cols; first += column_block) {
    const std::int64_t used = std::min(column_block, cols - first);
    for (std::int64_t m = 0; m < pixels; ++m) {
      Sum sums[column_block] = {};
      for (std::int64_t k = 0; k < elements; ++k) {
        const Sum operand = operands[k * pixels + m];
        const Operand* row = weights + k * weight_stride + first;
        for (std::int64_t c = 0; c < column_block; ++c) sums[c] += operand * Sum{row[c]};
      }
      overflows += add_to_psum(sums, used, rule, psum + m * psum_stride + first);
    }
  }
  return overflows;
}

[[gnu::target_clones("avx2", "default")]] std::uint64_t multiply_narrow(
    const std::int16_t* operands, const std::int16_t* weights, std::int64_t elements,
    std::int64_t pixels, std::int64_t cols, const FoldRule& rule, std::int64_t* psum,
    std::int64_t psum_stride) {
  return multiply<std::int16_t, std::int32_t>(operands, weights, elements, pixels, cols, rule, psum,
                                              psum_stride);
}

template <typename Operand, typename Multiply>
[[nodiscard]] FoldCounts run(const FoldInput& in, const FoldRule& rule, std::int64_t* psum,
                             std::int64_t psum_stride, Multiply&& multiply_values) {
  std::vector<Operand> operands;
  FoldCounts counts;
  counts.act_zero = gather(in, operands);
  const auto elements = static_cast<std::int64_t>(in.rows.size());
  std::vector<Operand> weights(static_cast<std::size_t>(elements * padded_columns(in.cols)));
  std::transform(in.weights, in.weights + weights.size(), weights.begin(),
                 [](std::int32_t w) { return static_cast<Operand>(w); });
  counts.acc_overflow = multiply_values(operands.data(), weights.data(), elements,
                                        in.out_h * in.out_w, in.cols, rule, psum, psum_stride);
  return counts;
}

}  // namespace

FoldCounts run_fold(const FoldInput& in, const FoldRule& rule, std::int64_t* psum,
                    std::int64_t psum_stride) {
  const std::int64_t act_limit = 255 + std::abs(in.act_zp);
  const auto elements = static_cast<std::int64_t>(in.rows.size());
  const bool narrow = act_limit <= INT16_MAX && in.weight_limit <= INT16_MAX &&
                      act_limit * in.weight_limit * elements <= INT32_MAX;
  if (narrow) return run<std::int16_t>(in, rule, psum, psum_stride, multiply_narrow);
  return run<std::int32_t>(in, rule, psum, psum_stride, multiply<std::int32_t, std::int64_t>);
}

}  // namespace tactus::systemc
