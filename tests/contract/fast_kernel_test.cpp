// SPDX-License-Identifier: Apache-2.0
// Every kernel version against plain loops, with the extremes of the operand range.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fast/kernels.hpp"
#include "fast/kernels_avx2.hpp"
#include "fast/kernels_vnni.hpp"

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

namespace {

/// Vectors of multiply_tiles.hpp in plain loops: the blocking of the VNNI kernels on any processor.
template <std::int64_t Panels>
struct Emulated {
  static constexpr std::int64_t panels = Panels, lanes = Panels * panel_pixels;
  struct Sums {
    std::uint32_t lane[lanes];
  };
  struct Pairs {
    std::int16_t lane[2 * lanes];
  };
  static Sums zero() { return {}; }
  static Sums load(const std::int32_t* p) {
    Sums v;
    for (std::int64_t i = 0; i < lanes; ++i) v.lane[i] = static_cast<std::uint32_t>(p[i]);
    return v;
  }
  static void store(const Sums& v, std::int32_t* p) {
    for (std::int64_t i = 0; i < lanes; ++i) p[i] = static_cast<std::int32_t>(v.lane[i]);
  }
  static Pairs pixels(const std::int16_t* a, std::int64_t stride) {
    Pairs v;
    for (std::int64_t i = 0; i < 2 * lanes; ++i) {
      v.lane[i] = a[i / panel_step * stride + i % panel_step];
    }
    return v;
  }
  static Pairs weight(const std::int16_t* w) {
    Pairs v;
    for (std::int64_t i = 0; i < 2 * lanes; ++i) v.lane[i] = w[i % 2];
    return v;
  }
  static Sums dot(Sums sums, const Pairs& a, const Pairs& w) {
    for (std::int64_t i = 0; i < lanes; ++i) {
      const std::int64_t product = std::int64_t{a.lane[2 * i]} * w.lane[2 * i] +
                                   std::int64_t{a.lane[2 * i + 1]} * w.lane[2 * i + 1];
      sums.lane[i] += static_cast<std::uint32_t>(product);
    }
    return sums;
  }
};

#define TACTUS_TILES_INLINE inline
#define TACTUS_TILES_LAMBDA
#include "fast/multiply_tiles.hpp"

void multiply_as_avx512(const PackedOperands& in, std::int64_t first, std::int64_t last,
                        std::int32_t* out, std::int64_t out_stride) {
  multiply_tiles<Emulated<2>, Emulated<1>, 4>(in, first, last, out, out_stride);
}
void multiply_as_avx(const PackedOperands& in, std::int64_t first, std::int64_t last,
                     std::int32_t* out, std::int64_t out_stride) {
  multiply_tiles<Emulated<1>, Emulated<1>, 3>(in, first, last, out, out_stride);
}

/// Sums by the definition of the packed operands.
bool multiplies_exactly(decltype(Kernels::multiply) multiply, Fill a_fill, Fill w_fill,
                        std::int64_t panels, std::int64_t pairs, std::uint64_t& state) {
  constexpr std::int64_t blocks = 3;
  std::vector<std::int16_t> a(static_cast<std::size_t>(panels * pairs * panel_step));
  std::vector<std::int16_t> w(static_cast<std::size_t>(blocks * pairs * block_step));
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = value_of(a_fill, i, state);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = value_of(w_fill, i, state);
  const PackedOperands in{a.data(), panels, pairs * panel_step,
                          w.data(), blocks, pairs * block_step};
  const std::int64_t stride = panels * panel_pixels;
  std::vector<std::int32_t> out(static_cast<std::size_t>(blocks * block_cols * stride));
  const std::int64_t first = panels % 2 == 0 ? 5 : 0;
  multiply(in, first, pairs, out.data(), stride);
  for (std::int64_t c = 0; c < blocks * block_cols; ++c) {
    for (std::int64_t m = 0; m < stride; ++m) {
      std::int64_t sum = 0;
      for (std::int64_t k = first; k < pairs; ++k) {
        for (std::int64_t e = 0; e < 2; ++e) {
          const auto x = a[static_cast<std::size_t>(m / 8 * pairs * panel_step + k * panel_step +
                                                    m % 8 * 2 + e)];
          const auto y = w[static_cast<std::size_t>(c / 4 * pairs * block_step + k * block_step +
                                                    c % 4 * 2 + e)];
          sum += std::int64_t{x} * y;
        }
      }
      if (out[static_cast<std::size_t>(c * stride + m)] != sum) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("multiply is exact in every version") {
  struct Version {
    std::string name;
    decltype(Kernels::multiply) multiply;
  };
  std::vector<Version> versions{{"blocks of AVX-512 VNNI, emulated", multiply_as_avx512},
                                {"blocks of AVX-VNNI, emulated", multiply_as_avx}};
  for (const Kernels* kernels : available_kernels()) {
    versions.push_back({kernels->name, kernels->multiply});
  }
  std::uint64_t state = 7;
  for (const Version& version : versions) {
    CAPTURE(version.name);
    for (const Fill a_fill : {Fill::low, Fill::high, Fill::alternate, Fill::random}) {
      for (const Fill w_fill : {Fill::low, Fill::high, Fill::alternate, Fill::random}) {
        for (const std::int64_t panels : {1, 2, 3, 4, 5, 7, 8, 11, 13}) {
          const std::int64_t pairs = panels == 5 ? 600 : 37;
          CHECK(multiplies_exactly(version.multiply, a_fill, w_fill, panels, pairs, state));
        }
      }
    }
  }
}

TEST_CASE("the fastest kernels that the processor has come first") {
  const std::vector<const Kernels*> list = available_kernels();
  REQUIRE(!list.empty());
  CHECK(list.back() == &portable_kernels());
  std::vector<const Kernels*> expected;
  for (const Kernels* kernels :
       {avx512_vnni_kernels(), avx_vnni_kernels(), avx2_kernels(), &portable_kernels()}) {
    if (kernels != nullptr) expected.push_back(kernels);
  }
  CHECK(list == expected);
  // What did not run here is said, not hidden: the tests above saw only the kernels listed.
  if (avx512_vnni_kernels() == nullptr) MESSAGE("SKIPPED: this processor has no AVX-512 VNNI");
  if (avx_vnni_kernels() == nullptr) MESSAGE("SKIPPED: this processor has no AVX-VNNI");
  if (avx2_kernels() == nullptr) MESSAGE("SKIPPED: this processor has no AVX2");
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

TEST_CASE("collect reads words of every size and step") {
  std::uint64_t state = 13;
  std::vector<std::uint8_t> bytes(8192);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(next_random(state));
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    for (const std::int64_t word : {1, 2}) {
      for (const std::int64_t step : {1, 2, 3, 4, 6, 8, 16}) {
        if (step < word) continue;
        for (const std::int64_t width : {1, 7, 16, 17, 56}) {
          const PixelGrid grid{5, width, step, width * step + 6};
          std::vector<std::uint16_t> words(static_cast<std::size_t>(5 * width + line_slack));
          kernels->collect(bytes.data() + 3, grid, word, words.data());
          bool equal = true;
          for (std::int64_t y = 0; y < 5; ++y) {
            for (std::int64_t x = 0; x < width; ++x) {
              const auto at = static_cast<std::size_t>(3 + y * grid.step_y + x * step);
              const int expected = bytes[at] + (word == 2 ? 256 * bytes[at + 1] : 0);
              equal = equal && words[static_cast<std::size_t>(y * width + x)] == expected;
            }
          }
          CHECK(equal);
        }
      }
    }
  }
}

TEST_CASE("extract gives the operands of every field") {
  std::uint64_t state = 17;
  std::vector<std::uint16_t> words(64);
  for (auto& w : words) w = static_cast<std::uint16_t>(next_random(state));
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    for (const int bits : {1, 2, 3, 4, 8}) {
      for (int shift = 0; shift + bits <= 16; ++shift) {
        for (const int kind : {0, 1, 2}) {  // unsigned, signed, bipolar
          if (kind == 2 && bits > 1) continue;
          const std::int16_t zero = kind == 2 ? 0 : 5;
          std::vector<std::int16_t> line(64);
          kernels->extract(words.data(), 50, {shift, bits, kind == 1, kind == 2, zero},
                           line.data());
          bool equal = true;
          for (std::size_t i = 0; i < 50; ++i) {
            const int field = words[i] / (1 << shift) % (1 << bits);
            int expected = field - zero;
            if (kind == 1 && field >= 1 << (bits - 1)) expected -= 1 << bits;
            if (kind == 2) expected = field == 1 ? 1 : -1;
            equal = equal && line[i] == expected;
          }
          CHECK(equal);
        }
      }
    }
  }
}

TEST_CASE("select adds the weights of one candidate; pairs of lines are placed") {
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    std::vector<std::int16_t> weights(32), chosen(32), line(32, 1000);
    for (std::size_t i = 0; i < 32; ++i) {
      weights[i] = static_cast<std::int16_t>(10 * i);
      chosen[i] = static_cast<std::int16_t>(i % 5);
    }
    kernels->select(weights.data(), chosen.data(), 3, 32, line.data());
    std::vector<std::int16_t> out(8 * block_step, -7);
    kernels->pair_weights(line.data(), weights.data(), 2, block_step, out.data());
    std::vector<std::int16_t> alone(8 * block_step, -7);
    kernels->pair_weights(line.data(), nullptr, 2, block_step, alone.data());
    for (std::size_t c = 0; c < 32; ++c) {
      const int sum = 1000 + (c % 5 == 3 ? 10 * static_cast<int>(c) : 0);
      CHECK(line[c] == sum);
      CHECK(out[2 * c] == sum);
      CHECK(out[2 * c + 1] == weights[c]);
      CHECK(alone[2 * c] == sum);
      CHECK(alone[2 * c + 1] == 0);
    }
  }
}

TEST_CASE("bytes are collected and paired in every version as gathered and interleaved") {
  std::uint64_t state = 29;
  std::vector<std::uint8_t> source(4096);
  for (std::uint8_t& b : source) b = static_cast<std::uint8_t>(next_random(state) % 5 * 64);
  const Kernels& plain = portable_kernels();
  for (const Kernels* kernels : available_kernels()) {
    CAPTURE(std::string(kernels->name));
    for (const std::int64_t step_x : {1, 2, 3}) {
      for (const std::int64_t width : {1, 8, 31, 33, 56}) {
        const PixelGrid grid{5, width, step_x, width * step_x + 3};
        const std::int64_t panels = (5 * width + panel_pixels - 1) / panel_pixels;
        const auto size = static_cast<std::size_t>(panels * panel_pixels + line_slack);
        for (const std::int16_t zero : {-128, 0, 64, 128, 256}) {
          const OperandFormat format{zero < 0 || zero == 128, zero};
          std::vector<std::vector<std::uint8_t>> bytes(2, std::vector<std::uint8_t>(size, 1));
          std::vector<std::vector<std::int16_t>> lines(2, std::vector<std::int16_t>(size, 1));
          for (std::size_t e = 0; e < 2; ++e) {
            kernels->collect_bytes(source.data() + e, grid, bytes[e].data());
            plain.gather(source.data() + e, grid, format, lines[e].data());
            for (auto i = static_cast<std::size_t>(5 * width); i < size; ++i) {
              bytes[e][i] = static_cast<std::uint8_t>(zero ^ 1);
              lines[e][i] = static_cast<std::int16_t>(
                  (format.is_signed ? static_cast<std::int8_t>(zero ^ 1) : (zero ^ 1) & 0xFF) -
                  zero);
            }
          }
          const std::int64_t stride = 3 * panel_step;
          std::vector<std::int16_t> got(static_cast<std::size_t>(panels * stride), 5);
          std::vector<std::int16_t> wanted = got;
          const std::int64_t zeros = kernels->pair_bytes(bytes[0].data(), bytes[1].data(), format,
                                                         panels, stride, got.data() + panel_step);
          CHECK(zeros == plain.interleave(lines[0].data(), lines[1].data(), panels, stride,
                                          wanted.data() + panel_step));
          CHECK(got == wanted);
        }
      }
    }
  }
}
