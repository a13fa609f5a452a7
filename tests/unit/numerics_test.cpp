// SPDX-License-Identifier: Apache-2.0
// The integer arithmetic against hand-calculated values and against references that decide by
// comparing exact fractions instead of shifting.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "numerics/accumulate.hpp"
#include "numerics/add_mul_shift.hpp"
#include "numerics/add_tflite.hpp"
#include "numerics/average.hpp"
#include "numerics/requantise.hpp"

namespace tactus {
namespace {

constexpr Rounding all_roundings[] = {Rounding::half_even, Rounding::half_up, Rounding::half_away,
                                      Rounding::half_down, Rounding::floor,   Rounding::ceil,
                                      Rounding::trunc};

/// value / 2^shift rounded, by truncating division and comparison of twice the remainder with the
/// divisor. Good for |value| < 2^120 and shift <= 120.
int128_t rounded_quotient(int128_t value, unsigned shift, Rounding rounding) {
  const int128_t divisor = int128_t{1} << shift;
  const int128_t truncated = value / divisor;
  const int128_t remainder = value % divisor;
  if (remainder == 0) return truncated;
  const int128_t lower = value < 0 ? truncated - 1 : truncated;
  const int128_t upper = lower + 1;
  const int128_t below = value - lower * divisor;  // distance to lower, in 1/divisor
  const int128_t above = upper * divisor - value;
  switch (rounding) {
    case Rounding::floor:
      return lower;
    case Rounding::ceil:
      return upper;
    case Rounding::trunc:
      return truncated;
    default:
      break;
  }
  if (below != above) return below < above ? lower : upper;
  switch (rounding) {
    case Rounding::half_even:
      return lower % 2 == 0 ? lower : upper;
    case Rounding::half_up:
      return upper;
    case Rounding::half_down:
      return lower;
    default:
      return value < 0 ? lower : upper;
  }
}

std::int64_t bounded(int128_t value, std::int64_t low, std::int64_t high) {
  if (value < low) value = low;
  if (value > high) value = high;
  return static_cast<std::int64_t>(value);
}

/// gemmlowp's definition: a nudge by sign and a division that truncates.
std::int32_t srdhm_by_division(std::int32_t a, std::int32_t b) {
  if (a == b && a == INT32_MIN) return INT32_MAX;
  const std::int64_t product = std::int64_t{a} * b;
  const std::int64_t nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);
  return static_cast<std::int32_t>((product + nudge) / (std::int64_t{1} << 31));
}

/// semantics-tflite-onnx.md 3.1, RDivPOT as written there.
std::int32_t rdiv_by_threshold(std::int32_t x, int e) {
  const std::int64_t mask = (std::int64_t{1} << e) - 1;
  return static_cast<std::int32_t>((x >> e) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0));
}

struct Random {
  std::mt19937_64 engine{20240607};
  /// A signed value of 1 to `bits` significant bits, so that small ones are not rare.
  std::int64_t value(int bits) {
    const int width = 1 + static_cast<int>(engine() % static_cast<unsigned>(bits));
    return static_cast<std::int64_t>(engine()) >> (64 - width);
  }
  unsigned below(unsigned n) { return static_cast<unsigned>(engine() % n); }
  /// 0 or 2^30 .. 2^31-1.
  std::int32_t tflite_mult() {
    const auto m = static_cast<std::int32_t>((1U << 30) + below(1U << 30));
    return below(16) == 0 ? 0 : m;
  }
};

}  // namespace

TEST_CASE("round_shift: quarters from -2 to 2 in all modes, by hand") {
  // value / 4 for value = -8 .. 8
  const int expected[7][17] = {
      {-2, -2, -2, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2},    // half_even
      {-2, -2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2},    // half_up
      {-2, -2, -2, -1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2},   // half_away
      {-2, -2, -2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2},   // half_down
      {-2, -2, -2, -2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2},  // floor
      {-2, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2},     // ceil
      {-2, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2},     // trunc
  };
  for (const Rounding r : all_roundings) {
    for (int v = -8; v <= 8; ++v) {
      CAPTURE(name_of(r));
      CAPTURE(v);
      CHECK(round_shift(v, 2, r) == expected[static_cast<int>(r)][v + 8]);
      CHECK((round_shift(int128_t{v}, 2, r) == expected[static_cast<int>(r)][v + 8]));
    }
  }
}

TEST_CASE("round_shift equals the comparison of exact fractions") {
  int differences = 0;
  for (const Rounding r : all_roundings) {
    for (int v = -2048; v <= 2048; ++v) {
      for (unsigned s = 0; s <= 13; ++s) {
        const int128_t expected = rounded_quotient(v, s, r);
        differences += round_shift(v, s, r) != expected;
        differences += round_shift(int128_t{v}, s, r) != expected;
      }
    }
  }
  Random random;
  for (int i = 0; i < 200000; ++i) {
    const int128_t wide = (int128_t{random.value(56)} * (int128_t{1} << 63)) + random.value(63);
    const unsigned shift = random.below(121);
    const Rounding r = all_roundings[random.below(7)];
    differences += round_shift(wide, shift, r) != rounded_quotient(wide, shift, r);
    const std::int64_t narrow = random.value(64);
    differences += round_shift(narrow, shift % 64, r) != rounded_quotient(narrow, shift % 64, r);
  }
  CHECK(differences == 0);
}

TEST_CASE("round_shift at the ends of 128 bits") {
  const int128_t most = static_cast<int128_t>(~uint128_t{0} >> 1);
  const int128_t least = -most - 1;
  CHECK((round_shift(most, 127, Rounding::floor) == 0));
  CHECK((round_shift(most, 127, Rounding::half_up) == 1));
  CHECK((round_shift(least, 127, Rounding::half_up) == -1));
  CHECK((round_shift(least, 0, Rounding::half_even) == least));
  CHECK((round_shift(least / 2, 127, Rounding::half_even) == 0));
  CHECK((round_shift(least / 2, 127, Rounding::half_away) == -1));
  CHECK_THROWS_AS((void)round_shift(1, 1, static_cast<Rounding>(7)), InternalError);
}

TEST_CASE("saturate and wrap at every width") {
  CHECK(saturate_to(5, 1) == 0);
  CHECK(saturate_to(-5, 1) == -1);
  CHECK(wrap_to(1, 1) == -1);
  CHECK(saturate_to(int128_t{1} << 100, 64) == INT64_MAX);
  CHECK(saturate_to(-(int128_t{1} << 100), 64) == INT64_MIN);
  CHECK(wrap_to(int128_t{1} << 63, 64) == INT64_MIN);
  for (int bits = 2; bits <= 63; ++bits) {
    const std::int64_t edge = std::int64_t{1} << (bits - 1);
    CHECK(saturate_to(int128_t{edge}, bits) == edge - 1);
    CHECK(saturate_to(-int128_t{edge} - 1, bits) == -edge);
    CHECK(wrap_to(int128_t{edge}, bits) == -edge);
    CHECK(wrap_to(-int128_t{edge} - 1, bits) == edge - 1);
    CHECK(wrap_to(int128_t{edge} - 1, bits) == edge - 1);
  }
}

TEST_CASE("accumulate: all policies at both edges of every width") {
  for (int bits = 12; bits <= 48; ++bits) {
    const std::int64_t high = (std::int64_t{1} << (bits - 1)) - 1;
    const std::int64_t low = -high - 1;
    for (const Overflow policy : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
      const bool saturates = policy == Overflow::saturate;
      CHECK(accumulate(high, 0, bits, policy).value == high);
      CHECK_FALSE(accumulate(high, 0, bits, policy).overflowed);
      CHECK_FALSE(accumulate(low, high, bits, policy).overflowed);
      CHECK(accumulate(low, high, bits, policy).value == -1);
      CHECK(accumulate(high, 3, bits, policy).overflowed);
      CHECK(accumulate(high, 3, bits, policy).value == (saturates ? high : low + 2));
      CHECK(accumulate(low, -3, bits, policy).overflowed);
      CHECK(accumulate(low, -3, bits, policy).value == (saturates ? low : high - 2));
    }
  }
}

TEST_CASE("mul_shift, pow2 and add_mul_shift equal the exact fraction") {
  Random random;
  int differences = 0;
  for (int i = 0; i < 300000; ++i) {
    const Rounding r = all_roundings[random.below(7)];
    const unsigned shift = random.below(64);
    const std::int64_t zp = random.value(17), low = random.value(32);
    const std::int64_t high = low + std::int64_t{random.below(1U << 31)};
    const std::int64_t acc = random.value(48), mult = random.value(32), add = random.value(64);
    const int128_t sum = int128_t{acc} * mult + add;
    differences += mul_shift(acc, mult, add, shift, r, zp, low, high) !=
                   bounded(rounded_quotient(sum, shift, r) + zp, low, high);
    differences += pow2(acc, shift, r, zp, low, high) !=
                   bounded(rounded_quotient(acc, shift, r) + zp, low, high);
    const AddMulShift p{{random.value(17), random.value(32), random.below(32)},
                        {random.value(17), random.value(32), random.below(32)},
                        random.value(48),
                        shift,
                        r,
                        zp,
                        low,
                        high};
    const std::int64_t a = random.value(32), b = random.value(32);
    int128_t terms = int128_t{a - p.a.zp} * p.a.mult;
    for (unsigned k = 0; k < p.a.left; ++k) terms += terms;
    int128_t term_b = int128_t{b - p.b.zp} * p.b.mult;
    for (unsigned k = 0; k < p.b.left; ++k) term_b += term_b;
    terms += term_b + p.add;
    differences +=
        add_mul_shift(a, b, p) != bounded(rounded_quotient(terms, shift, r) + zp, low, high);
  }
  CHECK(differences == 0);
}

TEST_CASE("mul_shift where the sum needs 65 bits") {
  const std::int64_t acc = -(std::int64_t{1} << 31);  // acc * mult = 2^62, add = 2^63 - 1
  CHECK(mul_shift(acc, INT32_MIN, INT64_MAX, 60, Rounding::floor, 0, -128, 127) == 11);
  CHECK(mul_shift(acc, INT32_MIN, INT64_MAX, 60, Rounding::ceil, 0, -128, 127) == 12);
  CHECK(mul_shift(acc, INT32_MAX, INT64_MIN, 62, Rounding::trunc, 0, -128, 127) == -2);
  CHECK(mul_shift(acc, INT32_MAX, INT64_MIN, 62, Rounding::half_even, 0, -128, 127) == -3);
}

TEST_CASE("add_mul_shift_fits decides at 2^63") {
  AddMulShift p;
  p.a = {0, std::int64_t{1} << 31, 24};  // 128 * 2^31 * 2^24 = 2^62
  p.b = {0, 1, 0};
  p.add = (std::int64_t{1} << 62) - 129;
  CHECK(add_mul_shift_fits(Format{8}, Format{8}, p));
  p.add += 1;
  CHECK_FALSE(add_mul_shift_fits(Format{8}, Format{8}, p));
}

TEST_CASE("TFLite primitives equal gemmlowp's and the written definitions") {
  Random random;
  int differences = 0;
  const std::int32_t corners[] = {INT32_MIN, INT32_MIN + 1, -(1 << 30),    -2,       -1, 0, 1,
                                  2,         1 << 30,       INT32_MAX - 1, INT32_MAX};
  for (const std::int32_t a : corners) {
    for (const std::int32_t b : corners) differences += srdhm(a, b) != srdhm_by_division(a, b);
    for (int e = 0; e <= 31; ++e) {
      differences += rdiv_by_pot(a, static_cast<unsigned>(e)) != rdiv_by_threshold(a, e);
    }
  }
  for (int i = 0; i < 300000; ++i) {
    const auto a = static_cast<std::int32_t>(random.value(32));
    const auto b = static_cast<std::int32_t>(random.value(32));
    const unsigned e = random.below(32);
    differences += srdhm(a, b) != srdhm_by_division(a, b);
    differences += rdiv_by_pot(a, e) != rdiv_by_threshold(a, static_cast<int>(e));
  }
  CHECK(differences == 0);
}

TEST_CASE("TFLite requantisations equal the written formulas") {
  Random random;
  int differences = 0;
  for (int i = 0; i < 300000; ++i) {
    const auto acc = static_cast<std::int32_t>(random.value(32));
    const std::int32_t m = random.tflite_mult();
    const int s = static_cast<int>(random.below(62)) - 31;
    const auto shifted =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(acc) * (1U << (s > 0 ? s : 0)));
    differences += tflite_double(acc, m, s) !=
                   rdiv_by_threshold(srdhm_by_division(shifted, m), s < 0 ? -s : 0);
    differences +=
        tflite_single(acc, m, s) !=
        rounded_quotient(int128_t{acc} * m, static_cast<unsigned>(31 - s), Rounding::half_up);
    const std::int64_t wide = random.value(48);
    const int t = static_cast<int>(random.below(46)) - 31;
    const std::int64_t reduced = m >= 0x7FFF0000 ? 0x7FFF : (std::int64_t{m} + 32768) / 65536;
    differences += tflite_s64(wide, m, t) != rounded_quotient(int128_t{wide} * reduced,
                                                              static_cast<unsigned>(15 - t),
                                                              Rounding::half_up);
  }
  CHECK(differences == 0);
}

TEST_CASE("double rounding lifts a value just below a half, single does not") {
  // 5 * (2^31-1) / 2^31 = 4.99..; double rounds it to 5, then 2.5 to 3; single sees 2.49.. -> 2.
  CHECK(tflite_double(5, INT32_MAX, -1) == 3);
  CHECK(tflite_single(5, INT32_MAX, -1) == 2);
  CHECK(tflite_double(-5, INT32_MAX, -1) == -3);
  CHECK(tflite_single(-5, INT32_MAX, -1) == -2);
}

TEST_CASE("add_tflite with unit scales is an integer addition") {
  // Equal scales: mult 2^30 with shift 0 halves; the output undoes left_shift 20 and the halving.
  const AddTflite p{-3, 4, 20, 1 << 30, 0, 1 << 30, 0, 1 << 30, -18, 5, -128, 127};
  for (int a = -128; a <= 127; ++a) {
    for (int b = -128; b <= 127; b += 5) {
      CHECK(add_tflite(a, b, p) == bounded((a + 3) + (b - 4) + 5, -128, 127));
    }
  }
}

TEST_CASE("the average as a multiplication is the average") {
  constexpr std::int64_t low = INT32_MIN, high = INT32_MAX;
  const auto differs = [&](std::int64_t sum, std::int64_t n, const MulShiftFactor& f) {
    return mul_shift(sum, f.mult, 0, f.shift, Rounding::half_away, 0, low, high) !=
           avg_tflite(sum, n, low, high);
  };
  std::int64_t differences = 0;
  for (std::int64_t n = 1; n <= max_average_taps; ++n) {
    const MulShiftFactor f = avg_as_mul_shift(n);
    CHECK(f.mult < (std::int64_t{1} << 31));
    for (std::int64_t sum = -4096; sum <= 4096; ++sum) differences += differs(sum, n, f);
    // The critical sums are those next to a tie; the largest ones have the largest error.
    for (std::int64_t q = max_average_sum / n - 8; q <= max_average_sum / n; ++q) {
      for (std::int64_t d = -2; d <= 2; ++d) {
        const std::int64_t sum = std::min(q * n + n / 2 + d, max_average_sum);
        differences += differs(sum, n, f) + differs(-sum, n, f);
      }
    }
  }
  for (const std::int64_t n : {3, 7, 49, 1021, 1023}) {
    const MulShiftFactor f = avg_as_mul_shift(n);
    for (std::int64_t s = -max_average_sum; s <= max_average_sum; ++s) {
      differences += differs(s, n, f);
    }
  }
  CHECK(differences == 0);
  CHECK_THROWS_AS((void)avg_as_mul_shift(0), BadInput);
  CHECK_THROWS_AS((void)avg_as_mul_shift(1025), BadInput);
}

TEST_CASE("requantise dispatches and refuses two-operand conventions") {
  const Requant p{3, 1, 2, Rounding::half_up, 1, -100, 100};
  CHECK(requantise(Convention::none, 1 << 20, p) == 1 << 20);
  CHECK(requantise(Convention::mul_shift, 7, p) == 7);  // 22/4 = 5.5 -> 6, + 1
  CHECK(requantise(Convention::pow2, 7, p) == 3);       // 7/4 -> 2, + 1
  const Requant t{1 << 30, 0, -1, Rounding::floor, 1, -100, 100};
  CHECK(requantise(Convention::tflite_double, 5, t) == 3);  // 2.5 -> 3 -> 1.5 -> 2, + 1
  CHECK(requantise(Convention::tflite_single, 5, t) == 2);  // 1.25 -> 1, + 1
  CHECK(requantise(Convention::tflite_s64, 5, t) == 2);
  CHECK_THROWS_AS((void)requantise(Convention::add_mul_shift, 1, p), InternalError);
  CHECK_THROWS_AS((void)requantise(Convention::avg_tflite, 1, p), InternalError);
  CHECK_THROWS_AS((void)requantise(static_cast<Convention>(15), 1, p), InternalError);
}

}  // namespace tactus
