// SPDX-License-Identifier: Apache-2.0
#include "fold_kernel.hpp"

#include <algorithm>
#include <cstdlib>

#include "numerics/accumulate.hpp"

namespace tactus::systemc {

namespace {

/// All pixels of element 0, then of element 1, ...
template <typename Operand, typename Decode>
void gather_with(const FoldInput& in, Decode&& decode, Operand* to) {
  for (const FoldElement& element : in.elements) {
    if (!in.pixel_offsets.empty()) {
      for (const std::int64_t offset : in.pixel_offsets) {
        *to++ = static_cast<Operand>(decode(element.at + offset, element.shift));
      }
      continue;
    }
    for (std::int64_t y = 0; y < in.out_h; ++y, to += in.out_w) {
      const std::uint8_t* from = element.at + y * in.step_y;
      for (std::int64_t x = 0; x < in.out_w; ++x) {
        to[x] = static_cast<Operand>(decode(from + x * in.step_x, element.shift));
      }
    }
  }
}

template <typename Operand>
void gather(const FoldInput& in, Operand* to) {
  const auto zero = static_cast<std::int32_t>(in.form.zero_point);
  const auto sign =
      in.form.is_signed ? std::int32_t{1} << static_cast<unsigned>(in.form.bits - 1) : 0;
  if (in.form.bits == 8) {
    if (in.form.is_signed) {
      gather_with(
          in,
          [zero](const std::uint8_t* p, unsigned) { return static_cast<std::int8_t>(*p) - zero; },
          to);
    } else {
      gather_with(
          in, [zero](const std::uint8_t* p, unsigned) { return *p - zero; }, to);
    }
  } else if (in.form.bits == 16) {
    gather_with(
        in,
        [zero, sign](const std::uint8_t* p, unsigned) {
          return ((p[0] | p[1] << 8) ^ sign) - sign - zero;
        },
        to);
  } else if (in.form.bipolar) {
    gather_with(
        in, [](const std::uint8_t* p, unsigned shift) { return (*p >> shift & 1) * 2 - 1; }, to);
  } else {
    const std::int32_t mask = (1 << static_cast<unsigned>(in.form.bits)) - 1;
    gather_with(
        in,
        [zero, sign, mask](const std::uint8_t* p, unsigned shift) {
          return ((*p >> shift & mask) ^ sign) - sign - zero;
        },
        to);
  }
}

/// Zeros among the operands, and the gated products if they are asked for.
template <typename Operand>
void count_zeros(const FoldInput& in, const std::vector<Operand>& operands, FoldCounts& counts) {
  const std::int64_t pixels = in.pixels();
  const std::int64_t stride = padded_columns(in.cols);
  std::int64_t kept = 0;
  for (std::size_t e = 0; e < in.elements.size(); ++e) {
    const Operand* first = operands.data() + static_cast<std::int64_t>(e) * pixels;
    const std::int64_t zeros = std::count(first, first + pixels, Operand{0});
    counts.act_zero += static_cast<std::uint64_t>(zeros);
    if (!in.count_gated) continue;
    const std::int32_t* row = in.weights + static_cast<std::int64_t>(e) * stride;
    kept += (in.cols - std::count(row, row + in.cols, 0)) * (pixels - zeros);
  }
  if (!in.count_gated) return;
  const std::int64_t products =
      static_cast<std::int64_t>(in.elements.size()) / in.candidates * in.cols * pixels;
  counts.mac_gated = static_cast<std::uint64_t>(products - kept);
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

// A block of columns stays in registers while all elements of the fold are added to it.
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

[[gnu::target_clones("avx2", "default")]] std::uint64_t multiply_wide(
    const std::int32_t* operands, const std::int32_t* weights, std::int64_t elements,
    std::int64_t pixels, std::int64_t cols, const FoldRule& rule, std::int64_t* psum,
    std::int64_t psum_stride) {
  return multiply<std::int32_t, std::int64_t>(operands, weights, elements, pixels, cols, rule, psum,
                                              psum_stride);
}

template <typename Operand, typename Multiply>
[[nodiscard]] FoldCounts run(const FoldInput& in, const FoldRule& rule, std::int64_t* psum,
                             std::int64_t psum_stride, Multiply&& multiply_values) {
  const std::int64_t pixels = in.pixels();
  const auto elements = static_cast<std::int64_t>(in.elements.size());
  std::vector<Operand> operands(static_cast<std::size_t>(pixels * elements));
  gather(in, operands.data());
  FoldCounts counts;
  count_zeros(in, operands, counts);
  std::vector<Operand> weights(static_cast<std::size_t>(elements * padded_columns(in.cols)));
  std::transform(in.weights, in.weights + weights.size(), weights.begin(),
                 [](std::int32_t w) { return static_cast<Operand>(w); });
  counts.acc_overflow = multiply_values(operands.data(), weights.data(), elements, pixels, in.cols,
                                        rule, psum, psum_stride);
  return counts;
}

/// One addition of acc_bits per K unit.
[[nodiscard]] std::uint64_t multiply_by_units(const FoldInput& in, const FoldRule& rule,
                                              const std::int32_t* operands, std::int64_t* psum,
                                              std::int64_t psum_stride) {
  const std::int64_t pixels = in.pixels();
  const std::int64_t window = in.lanes * in.candidates;
  const auto elements = static_cast<std::int64_t>(in.elements.size());
  const std::int64_t stride = padded_columns(in.cols);
  std::uint64_t overflows = 0;
  for (std::int64_t first = 0; first < in.cols; first += column_block) {
    const std::int64_t used = std::min(column_block, in.cols - first);
    for (std::int64_t m = 0; m < pixels; ++m) {
      std::int64_t accs[column_block] = {};
      FoldRule unit_rule = rule;
      unit_rule.from_zero = false;
      for (std::int64_t unit = 0; unit < elements; unit += window) {
        std::int64_t sums[column_block] = {};
        for (std::int64_t k = unit; k < unit + window; ++k) {
          const std::int64_t operand = operands[k * pixels + m];
          const std::int32_t* row = in.weights + k * stride + first;
          for (std::int64_t c = 0; c < column_block; ++c) sums[c] += operand * row[c];
        }
        overflows += add_to_psum(sums, used, unit_rule, accs);
      }
      overflows += add_to_psum(accs, used, rule, psum + m * psum_stride + first);
    }
  }
  return overflows;
}

/// No operand has a larger magnitude.
[[nodiscard]] std::int64_t act_limit(const OperandForm& form) {
  if (form.bipolar) return 1;
  const Format format{static_cast<int>(form.bits), form.is_signed, 0};
  return std::max(std::abs(format.min() - form.zero_point),
                  std::abs(format.max() - form.zero_point));
}

[[nodiscard]] bool fits_narrow(const FoldInput& in) {
  const std::int64_t act = act_limit(in.form);
  return act <= INT16_MAX && in.weight_limit <= INT16_MAX && act * in.column_limit <= INT32_MAX;
}

}  // namespace

FoldCounts run_fold(const FoldInput& in, const FoldRule& rule, std::int64_t* psum,
                    std::int64_t psum_stride) {
  if (fits_narrow(in)) return run<std::int16_t>(in, rule, psum, psum_stride, multiply_narrow);
  return run<std::int32_t>(in, rule, psum, psum_stride, multiply_wide);
}

FoldCounts run_streamed_fold(const FoldInput& in, const FoldRule& rule, std::int64_t* psum,
                             std::int64_t psum_stride) {
  // If no sum on the way can overflow, the order of the additions does not matter.
  const std::int64_t largest = (std::int64_t{1} << static_cast<unsigned>(rule.acc_bits - 1)) - 1;
  if (act_limit(in.form) * in.column_limit <= largest) {
    return run_fold(in, rule, psum, psum_stride);
  }
  std::vector<std::int32_t> operands(static_cast<std::size_t>(in.pixels()) * in.elements.size());
  gather(in, operands.data());
  FoldCounts counts;
  count_zeros(in, operands, counts);
  counts.acc_overflow = multiply_by_units(in, rule, operands.data(), psum, psum_stride);
  return counts;
}

}  // namespace tactus::systemc
