// SPDX-License-Identifier: Apache-2.0
// Every version of the post loops against the conventions of numerics/, with 128-bit sums.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fast/post_kernels.hpp"
#include "fast/post_lines.hpp"
#include "numerics/add_mul_shift.hpp"
#include "numerics/mul_shift.hpp"

using namespace tactus;
using namespace tactus::fast;

namespace {

constexpr std::array<Rounding, 7> roundings{
    Rounding::half_even, Rounding::half_up, Rounding::half_away, Rounding::half_down,
    Rounding::floor,     Rounding::ceil,    Rounding::trunc};
constexpr std::int64_t two_31 = std::int64_t{1} << 31;

std::vector<const PostKernels*> versions() {
  std::vector<const PostKernels*> list{&portable_post_kernels()};
  if (avx2_post_kernels() != nullptr) {
    list.push_back(avx2_post_kernels());
  } else {
    MESSAGE("SKIPPED: this processor has no AVX2");
  }
  return list;
}

std::int64_t next_random(std::uint64_t& state, int bits) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return static_cast<std::int64_t>(state) >> (64 - bits);
}

/// Values of 32 bits: extremes, ties of small shifts, then random ones; not a multiple of 4.
std::vector<std::int64_t> values_of(std::uint64_t& state) {
  std::vector<std::int64_t> values{-two_31, two_31 - 1, 0, -1, 1, 2, 3, -2, -3, 6, -6, 10, -10};
  for (int i = 0; i < 50; ++i) values.push_back(next_random(state, i % 2 == 0 ? 32 : 9));
  return values;
}

}  // namespace

TEST_CASE("scaling a line equals mul_shift in every version") {
  std::uint64_t state = 3;
  const std::vector<std::int64_t> values = values_of(state);
  for (const PostKernels* kernels : versions()) {
    for (const Rounding rounding : roundings) {
      for (const int shift : {1, 2, 7, 31, 32, 47, 60}) {
        for (const std::int64_t mult :
             {std::int64_t{1}, std::int64_t{-1}, -two_31, two_31 - 1, next_random(state, 32)}) {
          for (const std::int64_t add :
               {std::int64_t{0}, std::int64_t{1} << 61, -(std::int64_t{1} << 61)}) {
            const std::int64_t limit = shift % 2 == 0 ? 127 : two_31;
            const Narrowing n{shift, rounding, shift - 30, -limit - 1, limit};
            std::vector<std::int64_t> out(values.size());
            kernels->scale(values.data(), static_cast<std::int64_t>(values.size()), {0, mult, 0},
                           add, n, out.data());
            bool equal = true;
            for (std::size_t i = 0; i < values.size(); ++i) {
              equal =
                  equal && out[i] == mul_shift(values[i], mult, add, static_cast<unsigned>(shift),
                                               rounding, n.zp, n.clamp_min, n.clamp_max);
            }
            CAPTURE(std::string(kernels->name));
            CAPTURE(static_cast<int>(rounding));
            CAPTURE(shift);
            CAPTURE(mult);
            CAPTURE(add);
            CHECK(equal);
          }
        }
      }
    }
  }
}

TEST_CASE("adding two lines equals add_mul_shift in every version") {
  std::uint64_t state = 5;
  std::vector<std::int64_t> a, b;
  for (int i = 0; i < 61; ++i) {
    a.push_back(next_random(state, 8));
    b.push_back(next_random(state, 16));
  }
  for (const PostKernels* kernels : versions()) {
    for (const Rounding rounding : roundings) {
      for (const unsigned shift : {1U, 12U, 40U, 60U}) {
        AddMulShift p;
        p.a = {-7, next_random(state, 32), 12};
        p.b = {300, next_random(state, 32), shift == 1 ? 0U : 13U};
        p.add = next_random(state, 48);
        p.shift = shift;
        p.rounding = rounding;
        p.zp = 5;
        p.clamp_min = -128;
        p.clamp_max = 127;
        std::vector<std::int64_t> out = a;
        kernels->add(out.data(), b.data(), static_cast<std::int64_t>(a.size()),
                     {p.a.zp, p.a.mult, static_cast<int>(p.a.left)},
                     {p.b.zp, p.b.mult, static_cast<int>(p.b.left)}, p.add,
                     {static_cast<int>(shift), rounding, p.zp, p.clamp_min, p.clamp_max});
        bool equal = true;
        for (std::size_t i = 0; i < a.size(); ++i) {
          equal = equal && out[i] == add_mul_shift(a[i], b[i], p);
        }
        CAPTURE(std::string(kernels->name));
        CAPTURE(static_cast<int>(rounding));
        CAPTURE(shift);
        CHECK(equal);
      }
    }
  }
}

TEST_CASE("one sum outside the accumulator is found at every place of a line") {
  for (const PostKernels* kernels : versions()) {
    CAPTURE(std::string(kernels->name));
    for (const int bits : {12, 20, 32, 48}) {
      const std::int64_t limit = std::int64_t{1} << (bits - 1);
      for (std::size_t at = 0; at < 11; ++at) {
        std::vector<std::int64_t> values(11, -limit + 5);
        CHECK(kernels->all_fit(values.data(), 11, -5, bits));
        values[at] = limit - 1;
        CHECK(kernels->all_fit(values.data(), 11, 0, bits));
        CHECK_FALSE(kernels->all_fit(values.data(), 11, 1, bits));
        values[at] = -limit + 4;
        CHECK_FALSE(kernels->all_fit(values.data(), 11, -5, bits));
      }
    }
  }
}

TEST_CASE("bytes become values and values bytes in every version") {
  for (const PostKernels* kernels : versions()) {
    CAPTURE(std::string(kernels->name));
    for (std::int64_t count = 0; count < 38; ++count) {
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(128 + 37 * i);
      }
      for (const bool is_signed : {false, true}) {
        std::vector<std::int64_t> values(bytes.size() + 1, 77);
        kernels->widen(bytes.data(), count, is_signed, values.data());
        CHECK(values.back() == 77);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          CHECK(values[i] == (is_signed && bytes[i] > 127 ? bytes[i] - 256 : int{bytes[i]}));
          values[i] += 512 * static_cast<std::int64_t>(i) - 1024;
        }
        std::vector<std::uint8_t> back(bytes.size() + 1, 9);
        kernels->narrow(values.data(), count, back.data());
        CHECK(back.back() == 9);
        back.pop_back();
        CHECK(back == bytes);
      }
    }
  }
}

TEST_CASE("lines that a 64-bit sum could overflow take the exact way") {
  // Every limit of the fast loops, and one step beyond it.
  std::uint64_t state = 9;
  const std::vector<std::int64_t> sums = values_of(state);
  const auto count = static_cast<std::int64_t>(sums.size());
  for (const int shift : {0, 1, 60, 61, 63}) {
    for (const std::int64_t mult : {-two_31, two_31 - 1}) {
      for (const std::int64_t add : {std::int64_t{1} << 61, (std::int64_t{1} << 61) + 1,
                                     -(std::int64_t{1} << 61) - 1, std::int64_t{1} << 62}) {
        for (const std::int64_t bias : {0, 100000}) {
          const Requant params{mult, add, shift, Rounding::half_even, 3, -1000, 1000};
          std::vector<std::int64_t> values(sums.size());
          const std::uint64_t overflows =
              requantise_sums(sums.data(), count, bias, 32, Overflow::saturate,
                              Convention::mul_shift, params, values.data());
          std::uint64_t expected_overflows = 0;
          bool equal = true;
          for (std::size_t i = 0; i < sums.size(); ++i) {
            std::int64_t sum = sums[i] + bias;
            if (sum >= two_31) {
              ++expected_overflows;
              sum = two_31 - 1;
            }
            equal = equal && values[i] == mul_shift(sum, mult, add, static_cast<unsigned>(shift),
                                                    Rounding::half_even, 3, -1000, 1000);
          }
          CHECK(equal);
          CHECK(overflows == expected_overflows);
        }
      }
    }
  }
  for (const unsigned shift : {0U, 1U, 60U, 61U, 63U}) {
    for (const unsigned left : {0U, 30U, 31U}) {
      for (const std::int64_t zp : {std::int64_t{0}, std::int64_t{1}}) {
        AddMulShift p;
        p.a = {zp, two_31 - 1, left};
        p.b = {0, -two_31, 20};
        p.add = (std::int64_t{1} << 47) - 1;
        p.shift = shift;
        p.clamp_min = -32768;
        p.clamp_max = 32767;
        std::vector<std::int64_t> values = sums, others(sums.size());
        for (std::size_t i = 0; i < others.size(); ++i) others[i] = next_random(state, 8);
        add_all(values.data(), Format{32, true, 0}, others.data(), Format{8, true, 0}, count, p);
        bool equal = true;
        for (std::size_t i = 0; i < sums.size(); ++i) {
          equal = equal && values[i] == add_mul_shift(sums[i], others[i], p);
        }
        CHECK(equal);
      }
    }
  }
}

TEST_CASE("maxima of windows of bytes equal those of their taps") {
  std::uint64_t state = 13;
  std::vector<std::uint8_t> bytes(600), scratch;
  for (auto& b : bytes) b = static_cast<std::uint8_t>(next_random(state, 8));
  for (const bool is_signed : {false, true}) {
    for (const std::int64_t step : {1, 2, 3}) {
      for (const std::int64_t taps : {1, 2, 3, 5}) {
        const ElementGrid grid{4, 7, step, step * 30, 0, is_signed};
        const Window window{taps, taps, 30, taps == 5 ? 1 : 2};
        std::vector<std::int64_t> values(28);
        max_bytes(bytes.data(), grid, window, scratch, values.data());
        for (std::int64_t i = 0; i < 28; ++i) {
          std::int64_t most = -1000;
          for (std::int64_t t = 0; t < taps * taps; ++t) {
            const auto b = bytes[static_cast<std::size_t>(
                i / 7 * grid.step_y + i % 7 * step + t / taps * 30 + t % taps * window.step_kx)];
            most = std::max<std::int64_t>(most, is_signed && b > 127 ? b - 256 : int{b});
          }
          CHECK(values[static_cast<std::size_t>(i)] == most);
        }
      }
    }
  }
}
