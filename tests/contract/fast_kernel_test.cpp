// SPDX-License-Identifier: Apache-2.0
// Every kernel version against plain loops, with the extremes of the operand range.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fast/kernels.hpp"

using namespace tactus::fast;

namespace {

std::uint64_t next_random(std::uint64_t& state) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return state >> 33U;
}

/// Fills of operands: all extreme combinations that saturating or narrow kernels get wrong.
enum class Fill { low, high, alternate, random };

std::int16_t value_of(Fill fill, std::size_t index, std::uint64_t& state) {
  switch (fill) {
    case Fill::low:
      return -256;
    case Fill::high:
      return 255;
    case Fill::alternate:
      return index % 3 == 0 ? std::int16_t{255} : std::int16_t{-256};
    default:
      return static_cast<std::int16_t>(static_cast<int>(next_random(state) % 512) - 256);
  }
}

}  // namespace

TEST_CASE("multiply is exact in every version") {
  std::uint64_t state = 7;
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    for (const Fill a_fill : {Fill::low, Fill::high, Fill::alternate, Fill::random}) {
      for (const Fill w_fill : {Fill::low, Fill::high, Fill::alternate, Fill::random}) {
        for (const std::int64_t panels : {1, 2, 3, 4, 5, 7}) {
          const std::int64_t pairs = panels == 5 ? 600 : 37, blocks = 3;
          std::vector<std::int16_t> a(static_cast<std::size_t>(panels * pairs * panel_step));
          std::vector<std::int16_t> w(static_cast<std::size_t>(blocks * pairs * block_step));
          for (std::size_t i = 0; i < a.size(); ++i) a[i] = value_of(a_fill, i, state);
          for (std::size_t i = 0; i < w.size(); ++i) w[i] = value_of(w_fill, i, state);
          const PackedOperands in{a.data(), panels, pairs * panel_step,
                                  w.data(), blocks, pairs * block_step};
          const std::int64_t stride = panels * panel_pixels;
          std::vector<std::int32_t> out(static_cast<std::size_t>(blocks * block_cols * stride));
          const std::int64_t first = panels % 2 == 0 ? 5 : 0;
          kernels->multiply(in, first, pairs, out.data(), stride);
          bool equal = true;
          for (std::int64_t c = 0; c < blocks * block_cols; ++c) {
            for (std::int64_t m = 0; m < stride; ++m) {
              std::int64_t sum = 0;
              for (std::int64_t k = first; k < pairs; ++k) {
                for (std::int64_t e = 0; e < 2; ++e) {
                  const auto x = a[static_cast<std::size_t>(m / 8 * pairs * panel_step +
                                                            k * panel_step + m % 8 * 2 + e)];
                  const auto y = w[static_cast<std::size_t>(c / 4 * pairs * block_step +
                                                            k * block_step + c % 4 * 2 + e)];
                  sum += std::int64_t{x} * y;
                }
              }
              equal = equal && out[static_cast<std::size_t>(c * stride + m)] == sum;
            }
          }
          CHECK(equal);
        }
      }
    }
  }
}

TEST_CASE("gather gives the same operands in every version") {
  std::uint64_t state = 11;
  std::vector<std::uint8_t> bytes(4096);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(next_random(state));
  bytes[0] = 0x80;
  bytes[1] = 0xFF;
  bytes[2] = 0x7F;
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    for (const std::int64_t step_x : {1, 2, 3}) {
      for (const std::int64_t width : {1, 7, 16, 17, 56}) {
        for (const bool is_signed : {false, true}) {
          const PixelGrid grid{5, width, step_x, width * step_x + 3};
          const std::int16_t zero = is_signed ? -128 : 255;
          std::vector<std::int16_t> line(static_cast<std::size_t>(5 * width + line_slack));
          kernels->gather(bytes.data(), grid, {is_signed, zero}, line.data());
          bool equal = true;
          for (std::int64_t y = 0; y < 5; ++y) {
            for (std::int64_t x = 0; x < width; ++x) {
              const int byte = bytes[static_cast<std::size_t>(y * grid.step_y + x * step_x)];
              const int operand = (is_signed && byte > 127 ? byte - 256 : byte) - zero;
              equal = equal && line[static_cast<std::size_t>(y * width + x)] == operand;
            }
          }
          CHECK(equal);
        }
      }
    }
  }
}

TEST_CASE("zeros are counted beyond any lane width") {
  constexpr std::int64_t panels = 9000;
  const std::vector<std::int16_t> line(panels * panel_pixels, 0), ones(panels * panel_pixels, 1);
  std::vector<std::int16_t> out(panels * panel_step);
  for (const Kernels* kernels : available_kernels()) {
    const auto zeros = [&](const std::vector<std::int16_t>& a, const std::vector<std::int16_t>& b) {
      return kernels->interleave(a.data(), b.data(), panels, panel_step, out.data());
    };
    CHECK(zeros(line, line) == 144000);
    CHECK(zeros(line, ones) == 72000);
    CHECK(zeros(ones, line) == 72000);
    CHECK(zeros(ones, ones) == 0);
  }
}

TEST_CASE("packing places every operand") {
  std::uint64_t state = 3;
  std::vector<std::uint8_t> even(64), odd(64);
  for (std::uint8_t& b : even) b = static_cast<std::uint8_t>(next_random(state));
  for (std::uint8_t& b : odd) b = static_cast<std::uint8_t>(next_random(state));
  even[0] = 0x80;
  const std::int64_t stride = 3 * block_step;
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    std::vector<std::int16_t> out(static_cast<std::size_t>(8 * stride), 0);
    kernels->pack_weights(even.data(), odd.data(), {true, 3}, 2, stride, out.data());
    kernels->pack_weights(odd.data(), nullptr, {false, 255}, 2, stride, out.data() + block_step);
    std::vector<std::int32_t> sums(32);
    kernels->magnitudes(out.data(), 8, stride, 3, sums.data());
    for (std::size_t c = 0; c < 32; ++c) {
      const std::size_t at = c / 4 * static_cast<std::size_t>(stride) + c % 4 * 2;
      const int e = static_cast<std::int8_t>(even[c]) - 3, o = static_cast<std::int8_t>(odd[c]) - 3;
      CHECK(out[at] == e);
      CHECK(out[at + 1] == o);
      CHECK(out[at + 8] == odd[c] - 255);
      CHECK(out[at + 9] == 0);
      CHECK(sums[c] == std::abs(e) + std::abs(o) + 255 - odd[c]);
    }
    std::vector<std::int16_t> x(16), y(16);
    for (std::size_t i = 0; i < 16; ++i) {
      x[i] = static_cast<std::int16_t>(i);
      y[i] = static_cast<std::int16_t>(100 + i);
    }
    std::vector<std::int16_t> panels(64, -1);
    CHECK(kernels->interleave(x.data(), y.data(), 2, 32, panels.data() + 16) == 1);
    for (std::size_t i = 0; i < 16; ++i) {
      CHECK(panels[16 + i / 8 * 32 + i % 8 * 2] == static_cast<std::int16_t>(i));
      CHECK(panels[17 + i / 8 * 32 + i % 8 * 2] == static_cast<std::int16_t>(100 + i));
    }
  }
}
