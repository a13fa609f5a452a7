// SPDX-License-Identifier: Apache-2.0
// Winograd's minimal filtering F(2x2, 3x3) on integers: the four sums of a tile of 2 x 2 pixels
// from 16 products per channel instead of 36. With operands d (4 x 4 of a tile) and weights g
// (3 x 3) of a channel,
//   Y = A^T [(G g G^T) * (B^T d B)] A     summed over the channels before A is applied,
// with rows of B^T (1 0 -1 0) (0 1 1 0) (0 -1 1 0) (0 1 0 -1), rows of 2G (2 0 0) (1 1 1) (1 -1 1)
// (0 0 2) and rows of A^T (1 1 1 0) (0 1 -1 -1). With 2G everything stays an integer and the
// result is 4 Y. Operands of 9 bits give transformed ones of at most 1,024, weights of 9 bits
// transformed ones of at most 2,304, so each fits int16; all sums are exact modulo 2^32, so 4 Y is
// exact where it fits int32, whatever the sums on the way are.
//
// Transformed operands: for each of 16 points (row by row of the 4 x 4), for each pair of
// channels, for each tile (even channel, odd channel). Transformed weights of a strip of 16
// columns: for each point, for each pair, for each column (even, odd).
#pragma once

#include <cstdint>

#include "fast/kernels.hpp"

namespace tactus::fast {

inline constexpr std::int64_t winograd_points = 16;
/// Tiles that transform_pixels may write behind the last one of a row of tiles.
inline constexpr std::int64_t winograd_slack = 8;

/// Output pixels in tiles of 2 x 2; the last ones may reach over the edges.
struct WinogradGrid {
  std::int64_t out_h, out_w;
  [[nodiscard]] std::int64_t tiles_y() const { return (out_h + 1) / 2; }
  [[nodiscard]] std::int64_t tiles_x() const { return (out_w + 1) / 2; }
  [[nodiscard]] std::int64_t tiles() const { return tiles_y() * tiles_x(); }
};

struct WinogradKernels {
  /// Transforms the operands of two channels, (out_h + 2) x (out_w + 2) bytes each, rows `step_y`
  /// apart; `out` is the pair's place in point 0. Reads at most 64 bytes from a row's bytes on.
  void (*transform_pixels)(const std::uint8_t* even, const std::uint8_t* odd, std::int64_t step_y,
                           const WinogradGrid& grid, OperandFormat format,
                           std::int64_t point_stride, std::int16_t* out);
  /// Transforms the weights of two channels and 16 columns; the taps of a channel are `tap_step`
  /// bytes apart.
  void (*transform_weights)(const std::uint8_t* even, const std::uint8_t* odd,
                            std::int64_t tap_step, OperandFormat format, std::int64_t point_stride,
                            std::int16_t* out);
  /// products[tile * 16 + column] = sum over the pairs at one point.
  void (*multiply)(const std::int16_t* pixels, const std::int16_t* weights, std::int64_t pairs,
                   std::int64_t tiles, std::int32_t* products);
  /// sums[pixel * 16 + column] for the pixels of the tiles [first, last); the products of a point
  /// are tiles() * 16 behind those of the one before.
  void (*finish)(const std::int32_t* products, const WinogradGrid& grid, std::int64_t first,
                 std::int64_t last, std::int32_t* sums);
  /// psums[column * stride + pixel] = sum of `pixels` pixels for the first `cols` columns. Reads
  /// whole eights of pixels.
  void (*store)(const std::int32_t* sums, std::int64_t pixels, std::int64_t cols,
                std::int64_t* psums, std::int64_t stride);
  /// Fewer channels: the sums are too short.
  std::int64_t least_channels;
  /// The products of Kernels::multiply that the transforms of a channel and a strip cost.
  std::int64_t transform_cost;
};

[[nodiscard]] const WinogradKernels& portable_winograd();
/// nullptr where the processor has no AVX2.
[[nodiscard]] const WinogradKernels* avx2_winograd();

}  // namespace tactus::fast
