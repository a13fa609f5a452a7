// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fast/winograd_kernels.hpp"

namespace tactus::fast {
namespace {

std::int32_t operand(std::uint8_t byte, OperandFormat format) {
  const int value = format.is_signed ? static_cast<std::int8_t>(byte) : byte;
  return value - format.zero_point;
}

/// B^T d B of one tile; d[y] is the address of row y.
void transform_tile(const std::uint8_t* const (&d)[4], OperandFormat format,
                    std::int32_t (&points)[16]) {
  std::int32_t rows[4][4];
  for (int x = 0; x < 4; ++x) {
    std::int32_t v[4];
    for (int y = 0; y < 4; ++y) v[y] = operand(d[y][x], format);
    rows[0][x] = v[0] - v[2];
    rows[1][x] = v[1] + v[2];
    rows[2][x] = v[2] - v[1];
    rows[3][x] = v[1] - v[3];
  }
  for (int y = 0; y < 4; ++y) {
    const std::int32_t* v = rows[y];
    points[4 * y] = v[0] - v[2];
    points[4 * y + 1] = v[1] + v[2];
    points[4 * y + 2] = v[2] - v[1];
    points[4 * y + 3] = v[1] - v[3];
  }
}

void transform_pixels(const std::uint8_t* even, const std::uint8_t* odd, std::int64_t step_y,
                      const WinogradGrid& grid, OperandFormat format, std::int64_t point_stride,
                      std::int16_t* out) {
  for (std::int64_t ty = 0; ty < grid.tiles_y(); ++ty) {
    for (std::int64_t tx = 0; tx < grid.tiles_x(); ++tx, out += 2) {
      for (int c = 0; c < 2; ++c) {
        const std::uint8_t* rows[4];
        for (std::int64_t y = 0; y < 4; ++y) {
          // A row behind the last one: no pixel that is kept depends on it.
          rows[y] = (c == 0 ? even : odd) + std::min(2 * ty + y, grid.out_h + 1) * step_y + 2 * tx;
        }
        std::int32_t points[16];
        transform_tile(rows, format, points);
        for (int p = 0; p < 16; ++p)
          out[p * point_stride + c] = static_cast<std::int16_t>(points[p]);
      }
    }
  }
}

void transform_weights(const std::uint8_t* even, const std::uint8_t* odd, std::int64_t tap_step,
                       OperandFormat format, std::int64_t point_stride, std::int16_t* out) {
  for (std::int64_t column = 0; column < strip_cols; ++column) {
    for (int c = 0; c < 2; ++c) {
      const std::uint8_t* g = (c == 0 ? even : odd) + column;
      std::int32_t rows[4][3];
      for (int x = 0; x < 3; ++x) {
        std::int32_t v[3];
        for (int y = 0; y < 3; ++y) v[y] = operand(g[(3 * y + x) * tap_step], format);
        rows[0][x] = 2 * v[0];
        rows[1][x] = v[0] + v[1] + v[2];
        rows[2][x] = v[0] - v[1] + v[2];
        rows[3][x] = 2 * v[2];
      }
      for (int y = 0; y < 4; ++y) {
        const std::int32_t* v = rows[y];
        std::int16_t* to = out + 4 * y * point_stride + 2 * column + c;
        to[0] = static_cast<std::int16_t>(2 * v[0]);
        to[point_stride] = static_cast<std::int16_t>(v[0] + v[1] + v[2]);
        to[2 * point_stride] = static_cast<std::int16_t>(v[0] - v[1] + v[2]);
        to[3 * point_stride] = static_cast<std::int16_t>(2 * v[2]);
      }
    }
  }
}

void multiply(const std::int16_t* pixels, const std::int16_t* weights, std::int64_t pairs,
              std::int64_t tiles, std::int32_t* products) {
  for (std::int64_t t = 0; t < tiles; ++t, products += strip_cols) {
    std::uint32_t sums[strip_cols] = {};
    for (std::int64_t k = 0; k < pairs; ++k) {
      const std::int32_t even = pixels[(k * tiles + t) * 2], odd = pixels[(k * tiles + t) * 2 + 1];
      const std::int16_t* w = weights + k * 2 * strip_cols;
      for (std::int64_t i = 0; i < strip_cols; ++i) {
        sums[i] += static_cast<std::uint32_t>(even * w[2 * i] + odd * w[2 * i + 1]);
      }
    }
    for (std::int64_t i = 0; i < strip_cols; ++i) products[i] = static_cast<std::int32_t>(sums[i]);
  }
}

void finish(const std::int32_t* products, const WinogradGrid& grid, std::int64_t first,
            std::int64_t last, std::int32_t* sums) {
  const std::int64_t point_stride = grid.tiles() * strip_cols;
  for (std::int64_t t = first; t < last; ++t) {
    const std::int64_t y = t / grid.tiles_x() * 2, x = t % grid.tiles_x() * 2;
    for (std::int64_t column = 0; column < strip_cols; ++column) {
      std::uint32_t m[16], rows[2][4], result[2][2];
      for (int p = 0; p < 16; ++p) {
        m[p] = static_cast<std::uint32_t>(products[p * point_stride + t * strip_cols + column]);
      }
      for (int i = 0; i < 4; ++i) {
        rows[0][i] = m[i] + m[4 + i] + m[8 + i];
        rows[1][i] = m[4 + i] - m[8 + i] - m[12 + i];
      }
      for (int i = 0; i < 2; ++i) {
        result[i][0] = rows[i][0] + rows[i][1] + rows[i][2];
        result[i][1] = rows[i][1] - rows[i][2] - rows[i][3];
      }
      for (std::int64_t i = 0; i < 2 && y + i < grid.out_h; ++i) {
        for (std::int64_t j = 0; j < 2 && x + j < grid.out_w; ++j) {
          sums[((y + i) * grid.out_w + x + j) * strip_cols + column] =
              static_cast<std::int32_t>(result[i][j]) / 4;
        }
      }
    }
  }
}

void store(const std::int32_t* sums, std::int64_t pixels, std::int64_t cols, std::int64_t* psums,
           std::int64_t stride) {
  for (std::int64_t column = 0; column < cols; ++column) {
    std::int64_t* to = psums + column * stride;
    for (std::int64_t i = 0; i < pixels; ++i) to[i] = sums[i * strip_cols + column];
  }
}

}  // namespace

const WinogradKernels& portable_winograd() {
  static const WinogradKernels kernels{
      transform_pixels, transform_weights, multiply, finish, store, 16, 500};
  return kernels;
}

}  // namespace tactus::fast
