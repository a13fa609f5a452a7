// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "fast/kernels.hpp"
#include "fast/kernels_avx2.hpp"
#include "fast/kernels_vnni.hpp"
#include "fast/winograd_kernels.hpp"

namespace tactus::fast {
namespace {

std::int16_t operand(std::uint8_t byte, OperandFormat format) {
  const int value = format.is_signed ? static_cast<std::int8_t>(byte) : byte;
  return static_cast<std::int16_t>(value - format.zero_point);
}

void gather(const std::uint8_t* source, const PixelGrid& grid, OperandFormat format,
            std::int16_t* line) {
  for (std::int64_t y = 0; y < grid.height; ++y) {
    const std::uint8_t* from = source + y * grid.step_y;
    for (std::int64_t x = 0; x < grid.width; ++x) line[x] = operand(from[x * grid.step_x], format);
    line += grid.width;
  }
}

void collect_bytes(const std::uint8_t* source, const PixelGrid& grid, std::uint8_t* bytes) {
  for (std::int64_t y = 0; y < grid.height; ++y, bytes += grid.width) {
    const std::uint8_t* from = source + y * grid.step_y;
    for (std::int64_t x = 0; x < grid.width; ++x) bytes[x] = from[x * grid.step_x];
  }
}

void collect(const std::uint8_t* source, const PixelGrid& grid, std::int64_t word_bytes,
             std::uint16_t* words) {
  for (std::int64_t y = 0; y < grid.height; ++y, words += grid.width) {
    const std::uint8_t* from = source + y * grid.step_y;
    for (std::int64_t x = 0; x < grid.width; ++x, from += grid.step_x) {
      words[x] = word_bytes == 1 ? from[0] : static_cast<std::uint16_t>(from[0] | from[1] << 8);
    }
  }
}

void extract(const std::uint16_t* words, std::int64_t count, FieldFormat format,
             std::int16_t* line) {
  const unsigned mask = (1U << format.bits) - 1U, sign = 1U << (format.bits - 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const unsigned field = words[i] >> format.shift & mask;
    int value = static_cast<int>(field);
    if (format.is_bipolar) {
      value = 2 * value - 1;
    } else if (format.is_signed && (field & sign) != 0) {
      value -= static_cast<int>(mask) + 1;
    }
    line[i] = static_cast<std::int16_t>(value - format.zero_point);
  }
}

void select(const std::int16_t* weights, const std::int16_t* chosen, std::int16_t candidate,
            std::int64_t count, std::int16_t* line) {
  for (std::int64_t i = 0; i < count; ++i) {
    line[i] = static_cast<std::int16_t>(line[i] + (chosen[i] == candidate ? weights[i] : 0));
  }
}

std::int64_t interleave(const std::int16_t* even, const std::int16_t* odd, std::int64_t panels,
                        std::int64_t panel_stride, std::int16_t* out) {
  std::int64_t zeros = 0;
  for (std::int64_t p = 0; p < panels; ++p) {
    for (std::int64_t i = 0; i < panel_pixels; ++i) {
      const std::int16_t e = even[p * panel_pixels + i], o = odd[p * panel_pixels + i];
      out[p * panel_stride + 2 * i] = e;
      out[p * panel_stride + 2 * i + 1] = o;
      zeros += (e == 0 ? 1 : 0) + (o == 0 ? 1 : 0);
    }
  }
  return zeros;
}

std::int64_t pair_bytes(const std::uint8_t* even, const std::uint8_t* odd, OperandFormat format,
                        std::int64_t panels, std::int64_t panel_stride, std::int16_t* out) {
  std::int64_t zeros = 0;
  for (std::int64_t p = 0; p < panels; ++p) {
    for (std::int64_t i = 0; i < panel_pixels; ++i) {
      const std::int16_t e = operand(even[p * panel_pixels + i], format);
      const std::int16_t o = operand(odd[p * panel_pixels + i], format);
      out[p * panel_stride + 2 * i] = e;
      out[p * panel_stride + 2 * i + 1] = o;
      zeros += (e == 0 ? 1 : 0) + (o == 0 ? 1 : 0);
    }
  }
  return zeros;
}

void pack_weights(const std::uint8_t* even, const std::uint8_t* odd, OperandFormat format,
                  std::int64_t strips, std::int64_t block_stride, std::int16_t* out) {
  for (std::int64_t c = 0; c < strips * strip_cols; ++c) {
    std::int16_t* to = out + c / block_cols * block_stride + c % block_cols * 2;
    to[0] = operand(even[c], format);
    to[1] = odd != nullptr ? operand(odd[c], format) : std::int16_t{0};
  }
}

void pair_weights(const std::int16_t* even, const std::int16_t* odd, std::int64_t strips,
                  std::int64_t block_stride, std::int16_t* out) {
  for (std::int64_t c = 0; c < strips * strip_cols; ++c) {
    std::int16_t* to = out + c / block_cols * block_stride + c % block_cols * 2;
    to[0] = even[c];
    to[1] = odd != nullptr ? odd[c] : std::int16_t{0};
  }
}

void magnitudes(const std::int16_t* weights, std::int64_t blocks, std::int64_t block_stride,
                std::int64_t pairs, std::int32_t* sums) {
  for (std::int64_t b = 0; b < blocks; ++b) {
    std::int32_t sum[block_cols] = {};
    const std::int16_t* w = weights + b * block_stride;
    for (std::int64_t k = 0; k < pairs; ++k, w += block_step) {
      for (std::int64_t c = 0; c < block_cols; ++c) {
        sum[c] += std::abs(w[2 * c]) + std::abs(w[2 * c + 1]);
      }
    }
    std::copy(sum, sum + block_cols, sums + b * block_cols);
  }
}

void multiply(const PackedOperands& in, std::int64_t first, std::int64_t last, std::int32_t* out,
              std::int64_t out_stride) {
  for (std::int64_t p = 0; p < in.panels; ++p) {
    for (std::int64_t b = 0; b < in.blocks; ++b) {
      const std::int16_t* a = in.activations + p * in.panel_stride + first * panel_step;
      const std::int16_t* w = in.weights + b * in.block_stride + first * block_step;
      std::int32_t sum[block_cols][panel_pixels] = {};
      for (std::int64_t k = first; k < last; ++k, a += panel_step, w += block_step) {
        for (std::int64_t c = 0; c < block_cols; ++c) {
          for (std::int64_t i = 0; i < panel_pixels; ++i) {
            sum[c][i] += a[2 * i] * w[2 * c] + a[2 * i + 1] * w[2 * c + 1];
          }
        }
      }
      for (std::int64_t c = 0; c < block_cols; ++c) {
        std::copy(sum[c], sum[c] + panel_pixels,
                  out + (b * block_cols + c) * out_stride + p * panel_pixels);
      }
    }
  }
}

}  // namespace

const Kernels& portable_kernels() {
  static const Kernels kernels{
      "portable", gather,     collect_bytes,       collect,      extract,
      select,     interleave, pair_bytes,          pack_weights, pair_weights,
      magnitudes, multiply,   &portable_winograd()};
  return kernels;
}

std::vector<const Kernels*> available_kernels() {
  std::vector<const Kernels*> list;
  for (const Kernels* kernels : {avx512_vnni_kernels(), avx_vnni_kernels(), avx2_kernels()}) {
    if (kernels != nullptr) list.push_back(kernels);
  }
  list.push_back(&portable_kernels());
  return list;
}

}  // namespace tactus::fast
