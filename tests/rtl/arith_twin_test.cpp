// SPDX-License-Identifier: Apache-2.0
// tactus_arith_pkg against models/numerics: exhaustive for small widths, then corner combinations
// and a million random vectors for each function at full width.
#include "arith_twin.hpp"

#include <doctest/doctest.h>

#include <random>

#include "numerics/accumulate.hpp"
#include "numerics/add_mul_shift.hpp"
#include "numerics/requantise.hpp"

namespace tactus {
namespace {

enum Op { op_round, op_mul, op_pow2, op_double, op_single, op_s64, op_add, op_accumulate };
constexpr int random_vectors = 1000000;

/// Random operands in which extremes, small values and powers of two are frequent.
struct Random {
  std::mt19937_64 engine{987654321};
  unsigned below(unsigned n) { return static_cast<unsigned>(engine() % n); }
  std::int64_t value(int bits) {
    const std::int64_t top = static_cast<std::int64_t>(std::uint64_t{1} << (bits - 1));
    switch (below(16)) {
      case 0:
        return wrap_to(int128_t{top} + below(3), bits);  // smallest values
      case 1:
        return wrap_to(int128_t{top} - 1 - below(3), bits);  // largest values
      case 2:
        return static_cast<std::int64_t>(below(7)) - 3;
      case 3:
        return wrap_to((int128_t{1} << below(static_cast<unsigned>(bits))) - below(2), bits);
      default: {
        const auto width = 1 + below(static_cast<unsigned>(bits));
        return static_cast<std::int64_t>(engine()) >> (64 - width);
      }
    }
  }
  std::int64_t tflite_mult() {
    return below(16) == 0 ? 0 : (std::int64_t{1} << 30) + below(1U << 30);
  }
};

void set_clamps(ArithInputs& in, Random& random, int bits) {
  const std::int64_t x = random.value(bits), y = random.value(bits);
  in.clamp_min = x < y ? x : y;
  in.clamp_max = x < y ? y : x;
  in.zp = random.value(17);
}

/// What models/numerics gives for the same operands.
std::int64_t expected(const ArithInputs& in) {
  const auto rounding = static_cast<Rounding>(in.rounding);
  if (in.op == op_add) {
    return add_mul_shift(in.a, in.b,
                         {{in.za, in.mult, static_cast<unsigned>(in.la)},
                          {in.zb, in.mb, static_cast<unsigned>(in.lb)},
                          in.acc,
                          static_cast<unsigned>(in.shift),
                          rounding,
                          in.zp,
                          in.clamp_min,
                          in.clamp_max});
  }
  // Op codes 1 to 5 are the codes of the conventions.
  return requantise(static_cast<Convention>(in.op), in.acc,
                    {in.mult, in.wide, in.shift, rounding, in.zp, in.clamp_min, in.clamp_max});
}

struct Comparison {
  ArithTwin twin;
  long vectors = 0, differences = 0;
  void add(const ArithInputs& in) { add(in, expected(in)); }
  void add(const ArithInputs& in, std::int64_t value) {
    ++vectors;
    const std::int64_t got = twin.evaluate(in);
    if (got == value) return;
    if (differences++ < 5) {
      MESSAGE("op " << in.op << " acc " << in.acc << " mult " << in.mult << " add " << in.wide
                    << " shift " << in.shift << " rounding " << in.rounding << ": hardware " << got
                    << ", model " << value);
    }
  }
  ~Comparison() {
    MESSAGE(vectors << " vectors");
    CHECK(vectors > 0);
    CHECK(differences == 0);
  }
};

}  // namespace

TEST_CASE("round_shift: 9-bit values exhaustively, 65-bit values at random") {
  Comparison c;
  ArithInputs in;
  in.op = op_round;
  for (in.rounding = 0; in.rounding < 7; ++in.rounding) {
    for (in.shift = 0; in.shift <= 10; ++in.shift) {
      for (in.wide = -256; in.wide < 256; ++in.wide) {
        in.sign = in.wide < 0;
        c.add(in, round_shift(in.wide, static_cast<unsigned>(in.shift),
                              static_cast<Rounding>(in.rounding)));
      }
    }
  }
  Random random;
  for (int i = 0; i < random_vectors; ++i) {
    const int128_t value = int128_t{random.value(64)} + random.value(64);
    in.wide = wrap_to(value, 64);
    in.sign = value < 0;
    in.shift = static_cast<int>(random.below(64));
    in.rounding = static_cast<int>(random.below(7));
    c.add(in, saturate_to(round_shift(value, static_cast<unsigned>(in.shift),
                                      static_cast<Rounding>(in.rounding)),
                          64));
  }
}

TEST_CASE("mul_shift and pow2: 8-bit accumulators exhaustively, full width at random") {
  Comparison c;
  ArithInputs in;
  in.zp = 3;
  in.clamp_min = -100;
  in.clamp_max = 90;
  for (in.rounding = 0; in.rounding < 7; ++in.rounding) {
    for (in.shift = 0; in.shift <= 10; ++in.shift) {
      for (in.acc = -128; in.acc < 128; ++in.acc) {
        in.op = op_pow2;
        c.add(in);
        in.op = op_mul;
        for (in.mult = -16; in.mult < 16; ++in.mult) {
          for (in.wide = -1; in.wide <= 1; ++in.wide) c.add(in);
        }
      }
    }
  }
  Random random;
  for (int i = 0; i < random_vectors; ++i) {
    // Any split of the 64 bits between accumulator (12..48) and multiplier (at most 32).
    const int acc_bits = 12 + static_cast<int>(random.below(37));
    in.acc = random.value(acc_bits);
    in.mult = random.value(acc_bits < 32 ? 32 : 64 - acc_bits);
    in.wide = random.value(64);
    in.shift = static_cast<int>(random.below(64));
    in.rounding = static_cast<int>(random.below(7));
    set_clamps(in, random, 32);
    in.op = op_mul;
    c.add(in);
    in.acc = random.value(48);
    in.op = op_pow2;
    c.add(in);
  }
}

TEST_CASE("TFLite conventions: 8-bit accumulators over all shifts, full width at random") {
  Comparison c;
  ArithInputs in;
  in.zp = -7;
  in.clamp_min = -128;
  in.clamp_max = 127;
  const std::int64_t mults[] = {0,          1 << 30,    (1 << 30) + 1, 1518500250,
                                0x7FFEFFFF, 0x7FFF0000, INT32_MAX};
  for (const std::int64_t mult : mults) {
    in.mult = mult;
    for (in.acc = -128; in.acc < 128; ++in.acc) {
      for (in.shift = -31; in.shift <= 30; ++in.shift) {
        for (in.op = op_double; in.op <= op_s64; ++in.op) {
          if (in.op != op_s64 || in.shift <= 14) c.add(in);
        }
      }
    }
  }
  Random random;
  for (int i = 0; i < random_vectors; ++i) {
    in.mult = random.tflite_mult();
    set_clamps(in, random, 32);
    in.acc = random.value(32);
    in.shift = static_cast<int>(random.below(62)) - 31;
    in.op = op_double;
    c.add(in);
    in.op = op_single;
    c.add(in);
    in.acc = random.value(48);
    in.shift = static_cast<int>(random.below(46)) - 31;
    in.op = op_s64;
    c.add(in);
  }
  // The saturation of SRDHM needs a multiplier outside TFLite's range.
  in.op = op_double;
  in.acc = in.mult = INT32_MIN;
  in.shift = 0;
  in.zp = 0;
  in.clamp_min = INT32_MIN;
  in.clamp_max = INT32_MAX;
  c.add(in, INT32_MAX);
}

TEST_CASE("add_mul_shift: 4-bit operands exhaustively, full width at random") {
  Comparison c;
  ArithInputs in;
  in.op = op_add;
  in.za = 1;
  in.zb = -2;
  in.zp = 1;
  in.clamp_min = -8;
  in.clamp_max = 7;
  in.acc = 1;
  for (in.rounding = 0; in.rounding < 7; ++in.rounding) {
    for (in.shift = 0; in.shift <= 7; ++in.shift) {
      for (in.a = -8; in.a < 8; ++in.a) {
        for (in.b = -8; in.b < 8; ++in.b) {
          for (in.mult = -2; in.mult <= 3; ++in.mult) {
            in.mb = 5 - in.mult;
            in.la = static_cast<int>(in.mult) + 2;
            in.lb = in.shift % 3;
            c.add(in);
          }
        }
      }
    }
  }
  Random random;
  for (int accepted = 0; accepted < random_vectors;) {
    in.a = random.value(32);
    in.b = random.value(32);
    in.za = random.value(17);
    in.zb = random.value(17);
    in.mult = random.value(32);
    in.mb = random.value(32);
    in.la = static_cast<int>(random.below(32));
    in.lb = static_cast<int>(random.below(32));
    in.acc = random.value(48);
    in.shift = static_cast<int>(random.below(64));
    in.rounding = static_cast<int>(random.below(7));
    set_clamps(in, random, 17);
    // The hardware's contract: both terms and their sum fit 64 bits.
    const int128_t limit = int128_t{1} << 61;
    const int128_t ta = add_term(in.a, {in.za, in.mult, static_cast<unsigned>(in.la)});
    const int128_t tb = add_term(in.b, {in.zb, in.mb, static_cast<unsigned>(in.lb)});
    if (ta > limit || ta < -limit || tb > limit || tb < -limit) continue;
    ++accepted;
    c.add(in);
  }
}

TEST_CASE("accumulate: 12-bit edges exhaustively, all widths at random") {
  ArithTwin twin;
  long differences = 0, overflows = 0;
  ArithInputs in;
  in.op = op_accumulate;
  const auto compare = [&] {
    const Accumulated want =
        accumulate(in.acc, in.addend, in.acc_bits, static_cast<Overflow>(in.policy));
    differences += twin.evaluate(in) != want.value || twin.overflowed() != want.overflowed;
    overflows += want.overflowed;
  };
  in.acc_bits = 12;
  for (in.policy = 0; in.policy < 3; ++in.policy) {
    for (in.acc = -2048; in.acc < 2048; ++in.acc) {
      for (in.addend = -64; in.addend <= 64; ++in.addend) compare();
    }
  }
  CHECK(overflows == 3L * 2 * (64 * 65 / 2));
  Random random;
  for (int i = 0; i < random_vectors; ++i) {
    in.acc_bits = 12 + static_cast<int>(random.below(37));
    in.policy = static_cast<int>(random.below(3));
    in.acc = random.value(in.acc_bits);
    in.addend = random.value(48);
    compare();
  }
  CHECK(differences == 0);
}

}  // namespace tactus
