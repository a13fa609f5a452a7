// SPDX-License-Identifier: Apache-2.0
// Arithmetic of the reference against values calculated by hand.
#include <doctest/doctest.h>

#include "ref/exact.hpp"

using namespace tactus;

TEST_CASE("ref: rounding of halves and thirds") {
  // numerator / 4: -6 = -1.5, -2 = -0.5, -1 = -0.25, 2 = 0.5, 3 = 0.75, 6 = 1.5, 10 = 2.5
  const int numerators[] = {-6, -2, -1, 2, 3, 6, 10, 8};
  struct Row {
    Rounding mode;
    int expected[8];
  };
  const Row rows[] = {
      {Rounding::half_even, {-2, 0, 0, 0, 1, 2, 2, 2}},
      {Rounding::half_up, {-1, 0, 0, 1, 1, 2, 3, 2}},
      {Rounding::half_away, {-2, -1, 0, 1, 1, 2, 3, 2}},
      {Rounding::half_down, {-2, -1, 0, 0, 1, 1, 2, 2}},
      {Rounding::floor, {-2, -1, -1, 0, 0, 1, 2, 2}},
      {Rounding::ceil, {-1, 0, 0, 1, 1, 2, 3, 2}},
      {Rounding::trunc, {-1, 0, 0, 0, 0, 1, 2, 2}},
  };
  for (const Row& row : rows) {
    for (int i = 0; i < 8; ++i) {
      CAPTURE(name_of(row.mode));
      CAPTURE(numerators[i]);
      CHECK(static_cast<int>(ref::round_quotient(numerators[i], 2, row.mode)) == row.expected[i]);
    }
  }
  CHECK(static_cast<int>(ref::round_quotient(-7, 0, Rounding::floor)) == -7);
}

TEST_CASE("ref: accumulator of 8 bits") {
  ref::Accumulator wrap(8, Overflow::wrap);
  CHECK(wrap.settle(127) == 127);
  CHECK(wrap.settle(-128) == -128);
  CHECK(wrap.overflows() == 0);
  CHECK(wrap.settle(128) == -128);
  CHECK(wrap.settle(-129) == 127);
  CHECK(wrap.settle(1000) == -24);  // 1000 - 4 * 256
  CHECK(wrap.overflows() == 3);
  ref::Accumulator saturate(8, Overflow::saturate);
  CHECK(saturate.settle(1000) == 127);
  CHECK(saturate.settle(-1000) == -128);
  CHECK(saturate.overflows() == 2);
}

namespace {

Requant int8_requant(Convention convention, std::int64_t mult, int shift) {
  Requant r;
  r.convention = convention;
  r.clamp_min = -128;
  r.clamp_max = 127;
  if (convention != Convention::pow2) r.mult = {mult};
  r.shift = {shift};
  return r;
}

std::int32_t once(const Requant& r, std::int64_t acc, std::int64_t zp = 0) {
  return ref::requantise(r, Format{8, true, zp}, 0, acc);
}

}  // namespace

TEST_CASE("ref: mul_shift and pow2") {
  Requant r = int8_requant(Convention::mul_shift, 3, 4);
  CHECK(once(r, 8) == 2);     // 24/16 = 1.5, half up
  CHECK(once(r, -8) == -1);   // -1.5
  CHECK(once(r, 8, 5) == 7);  // zero point added after rounding
  r.add = {4};
  CHECK(once(r, 8) == 2);  // 28/16 = 1.75
  CHECK(once(r, 100000) == 127);
  CHECK(once(r, -100000) == -128);
  Requant p = int8_requant(Convention::pow2, 0, 3);
  p.rounding = Rounding::half_even;
  CHECK(once(p, 12) == 2);  // 1.5
  CHECK(once(p, 20) == 2);  // 2.5
}

TEST_CASE("ref: the TFLite conventions differ where their roundings do") {
  // Scale 2^-2 (m = 2^30, s = -1). double: 5 -> srdhm 2.5 -> 3, 3/2 -> 1.5 -> 2; single: 1.25 -> 1.
  const std::int64_t half = std::int64_t{1} << 30;
  CHECK(once(int8_requant(Convention::tflite_double, half, -1), 5) == 2);
  CHECK(once(int8_requant(Convention::tflite_single, half, -1), 5) == 1);
  // -6/4 = -1.5: double -3 -> -1.5 -> away -2, single towards +infinity -1.
  CHECK(once(int8_requant(Convention::tflite_double, half, -1), -6) == -2);
  CHECK(once(int8_requant(Convention::tflite_single, half, -1), -6) == -1);
  // Left shift: scale 2^1 (m = 2^30, s = 2).
  CHECK(once(int8_requant(Convention::tflite_double, half, 2), 7) == 14);
  CHECK(once(int8_requant(Convention::tflite_single, half, 2), 7) == 14);
  // s64: r = 2^14, (acc * 2^14 + 2^15) >> 16 = (acc + 2) >> 2.
  CHECK(once(int8_requant(Convention::tflite_s64, half, -1), 6) == 2);    // 1.5
  CHECK(once(int8_requant(Convention::tflite_s64, half, -1), 5) == 1);    // 1.25
  CHECK(once(int8_requant(Convention::tflite_s64, half, -1), -6) == -1);  // -1.5
  // m at the top of its range is limited to 0x7FFF: 2^20 * 32767 / 2^15 / 2^14 = 63.998 -> 64
  CHECK(once(int8_requant(Convention::tflite_s64, 0x7FFFFFFF, -14), 1 << 20) == 64);
}

TEST_CASE("ref: averages round away from zero") {
  Requant r;
  r.clamp_min = -128;
  r.clamp_max = 127;
  CHECK(ref::average(r, 10, 4) == 3);
  CHECK(ref::average(r, -10, 4) == -3);
  CHECK(ref::average(r, 4, 3) == 1);
  CHECK(ref::average(r, -5, 3) == -2);
  CHECK(ref::average(r, 0, 9) == 0);
}

TEST_CASE("ref: residual adds") {
  Layer layer;
  layer.op = LayerOp::add;
  layer.out_format = Format{8, true, 2};
  layer.requant.convention = Convention::add_mul_shift;
  layer.requant.clamp_min = -128;
  layer.requant.clamp_max = 127;
  layer.requant.shift = {3};
  layer.requant.add = {1};
  layer.operand_scale[0] = {3, 1, 0};
  layer.operand_scale[1] = {5, 0, 0};
  // ((10-1)*3*2 + (-4-2)*5 + 1) / 8 = (54 - 30 + 1) / 8 = 3.125 -> 3, + 2
  CHECK(ref::add_operands(layer, 0, 10, 1, -4, 2) == 5);

  layer.requant.convention = Convention::add_tflite;
  layer.requant.add.clear();
  layer.requant.mult = {std::int64_t{1} << 30};
  layer.requant.shift = {-19};
  layer.operand_scale[0] = {std::int64_t{1} << 30, 20, 1};  // scale 2^20
  layer.operand_scale[1] = {std::int64_t{1} << 30, 20, 0};  // scale 2^19
  // (9 * 2^20 - 6 * 2^19) / 2^20 = 6, + 2
  CHECK(ref::add_operands(layer, 0, 10, 1, -4, 2) == 8);
}
