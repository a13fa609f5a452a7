// SPDX-License-Identifier: Apache-2.0
// Winograd's kernels against plain sums with the extremes of the operands.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast/winograd_kernels.hpp"
#include "winograd_operands.hpp"

using namespace tactus::fast;
using namespace tactus::fast_test;

namespace {

/// Sums of one strip by the kernels against the definition.
bool sums_exactly(const WinogradKernels& kernels, const WinogradGrid& grid, std::int64_t channels,
                  std::int64_t cols, Fill a_fill, Fill w_fill, OperandFormat act, OperandFormat wgt,
                  std::uint64_t& state) {
  const std::int64_t lines = grid.out_h + 2, step = grid.out_w + 2 + pick(state, 0, 3);
  const std::int64_t pairs = channels / 2, tiles = grid.tiles(), count = grid.out_h * grid.out_w;
  std::vector<std::uint8_t> a(static_cast<std::size_t>(channels * lines * step + 64));
  std::vector<std::uint8_t> w(static_cast<std::size_t>(9 * channels * strip_cols));
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = byte_of(a_fill, i, state);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = byte_of(w_fill, i, state);
  const std::int64_t a_stride = (pairs * tiles + winograd_slack) * 2;
  const std::int64_t w_stride = pairs * 2 * strip_cols;
  std::vector<std::int16_t> pixels(static_cast<std::size_t>(winograd_points * a_stride));
  std::vector<std::int16_t> weights(static_cast<std::size_t>(winograd_points * w_stride));
  for (std::int64_t k = 0; k < pairs; ++k) {
    const std::uint8_t* even = a.data() + 2 * k * lines * step;
    kernels.transform_pixels(even, even + lines * step, step, grid, act, a_stride,
                             pixels.data() + k * tiles * 2);
    const std::uint8_t* row = w.data() + 2 * k * strip_cols;
    kernels.transform_weights(row, row + strip_cols, channels * strip_cols, wgt, w_stride,
                              weights.data() + k * 2 * strip_cols);
  }
  std::vector<std::int32_t> products(
      static_cast<std::size_t>(winograd_points * tiles * strip_cols));
  for (std::int64_t p = 0; p < winograd_points; ++p) {
    kernels.multiply(pixels.data() + p * a_stride, weights.data() + p * w_stride, pairs, tiles,
                     products.data() + p * tiles * strip_cols);
  }
  std::vector<std::int32_t> sums(static_cast<std::size_t>((count + 8) * strip_cols));
  const std::int64_t half = tiles / 2;
  kernels.finish(products.data(), grid, half, tiles, sums.data());
  kernels.finish(products.data(), grid, 0, half, sums.data());
  constexpr std::int64_t untouched = -77;
  const std::int64_t stride = count + 3;
  std::vector<std::int64_t> psums(static_cast<std::size_t>(strip_cols * stride), untouched);
  kernels.store(sums.data(), count, cols, psums.data(), stride);
  for (std::int64_t c = 0; c < strip_cols; ++c) {
    for (std::int64_t m = 0; m < stride; ++m) {
      const bool written = c < cols && m < count;
      std::int64_t expected = written ? 0 : untouched;
      for (std::int64_t k = 0; written && k < channels; ++k) {
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t y = m / grid.out_w + tap / 3, x = m % grid.out_w + tap % 3;
          const std::uint8_t d = a[static_cast<std::size_t>((k * lines + y) * step + x)];
          const std::uint8_t g = w[static_cast<std::size_t>((tap * channels + k) * strip_cols + c)];
          expected +=
              operand(d, act.is_signed, act.zero_point) * operand(g, wgt.is_signed, wgt.zero_point);
        }
      }
      if (psums[static_cast<std::size_t>(c * stride + m)] != expected) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("Winograd's sums are exact for all tile sizes and extreme operands") {
  std::uint64_t state = 5;
  for (const WinogradKernels* kernels : versions()) {
    CAPTURE(name_of(kernels));
    for (std::int64_t h = 1; h <= 9; ++h) {
      for (std::int64_t w = 1; w <= 9; ++w) {
        for (const Fill w_fill : fills) {
          const Fill a_fill = fills[pick(state, 0, 4)];
          const bool act_signed = pick(state, 0, 1) == 1, wgt_signed = pick(state, 0, 3) != 0;
          const std::int64_t ends[] = {0, act_signed ? -128 : 255, act_signed ? 127 : 3};
          const auto act_zp = static_cast<std::int16_t>(ends[pick(state, 0, 2)]);
          const auto wgt_zp = static_cast<std::int16_t>(wgt_signed ? pick(state, -1, 1) : 255);
          CHECK(sums_exactly(*kernels, {h, w}, 2 * pick(state, 1, 5), pick(state, 1, 16), a_fill,
                             w_fill, {act_signed, act_zp}, {wgt_signed, wgt_zp}, state));
        }
      }
    }
    for (const std::int64_t width : {14, 15, 16, 17, 31, 56}) {
      CAPTURE(width);
      CHECK(sums_exactly(*kernels, {2, width}, 14, 16, Fill::random, Fill::random, {true, -7},
                         {true, 2}, state));
    }
    // The longest sums that fit: 910 channels of 9-bit operands, 1,826 of 255 x -128.
    const Fill high = Fill::high;
    CHECK(sums_exactly(*kernels, {3, 5}, 910, 16, high, high, {true, 127}, {true, 127}, state));
    CHECK(
        sums_exactly(*kernels, {2, 3}, 910, 16, high, Fill::low, {false, 0}, {false, 255}, state));
    CHECK(
        sums_exactly(*kernels, {3, 2}, 1826, 16, high, Fill::zero, {false, 0}, {true, 127}, state));
    CHECK(sums_exactly(*kernels, {2, 2}, 1000, 16, Fill::alternate, high, {false, 255}, {true, 127},
                       state));
  }
}
