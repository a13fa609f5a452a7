// SPDX-License-Identifier: Apache-2.0
#include "ref/exact.hpp"

#include <vector>

#include "numerics/errors.hpp"

namespace tactus::ref {
namespace {

Wide power_of_two(int exponent) {
  Wide p = 1;
  for (int i = 0; i < exponent; ++i) p *= 2;
  return p;
}

/// v * 2^e rounded when e is negative.
Wide scale_by_power(Wide v, int e, Rounding mode) {
  return e >= 0 ? v * power_of_two(e) : round_quotient(v, -e, mode);
}

template <typename T>
std::int64_t pick(const std::vector<T>& values, int channel, std::int64_t absent) {
  if (values.empty()) return absent;
  return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

std::int32_t clamped(const Requant& r, Wide v) {
  if (v < r.clamp_min) v = r.clamp_min;
  if (v > r.clamp_max) v = r.clamp_max;
  return static_cast<std::int32_t>(static_cast<std::int64_t>(v));
}

/// The TFLite default: a Q31 product rounded half up, then a right shift rounded half away. The
/// left shift drops what 32 bits do not hold.
std::int64_t tflite_double(std::int64_t x, std::int64_t m, int s) {
  const std::int64_t raised = keep_low_bits(Wide{x} * power_of_two(s > 0 ? s : 0), 32);
  Wide high = round_quotient(Wide{raised} * Wide{m}, 31, Rounding::half_up);
  if (high == power_of_two(31)) high -= 1;  // only (-2^31)^2 gets here
  return static_cast<std::int64_t>(scale_by_power(high, s < 0 ? s : 0, Rounding::half_away));
}

Wide tflite_s64(std::int64_t acc, std::int64_t m, int s) {
  const Wide reduced = m < 0x7FFF0000 ? round_quotient(m, 16, Rounding::half_up) : Wide{0x7FFF};
  return scale_by_power(Wide{acc} * reduced, s - 15, Rounding::half_up);
}

}  // namespace

Wide round_quotient(Wide numerator, int log2_denominator, Rounding mode) {
  const Wide denominator = power_of_two(log2_denominator);
  Wide quotient = numerator / denominator;
  Wide rest = numerator % denominator;
  if (rest < 0) {
    rest += denominator;
    quotient -= 1;
  }
  if (rest == 0) return quotient;  // from here on quotient < exact value < quotient + 1
  const bool negative = numerator < 0;
  const Wide twice = 2 * rest;
  if (mode == Rounding::floor) return quotient;
  if (mode == Rounding::ceil) return quotient + 1;
  if (mode == Rounding::trunc) return negative ? quotient + 1 : quotient;
  if (twice != denominator) return twice > denominator ? quotient + 1 : quotient;
  switch (mode) {
    case Rounding::half_even:
      return quotient % 2 == 0 ? quotient : quotient + 1;
    case Rounding::half_up:
      return quotient + 1;
    case Rounding::half_away:
      return negative ? quotient : quotient + 1;
    case Rounding::half_down:
      return quotient;
    default:
      throw InternalError("The reference met an unknown rounding mode.");
  }
}

std::int64_t keep_low_bits(Wide v, int bits) {
  const Wide range = power_of_two(bits);
  Wide rest = v % range;
  if (rest < 0) rest += range;
  if (rest >= range / 2) rest -= range;
  return static_cast<std::int64_t>(rest);
}

Accumulator::Accumulator(int bits, Overflow policy)
    : bits_(bits),
      policy_(policy),
      low_(-(std::int64_t{1} << (bits - 1))),
      high_((std::int64_t{1} << (bits - 1)) - 1) {}

std::int64_t Accumulator::settle(std::int64_t v) {
  if (fits(v)) return v;
  ++overflows_;
  if (policy_ == Overflow::saturate) return v < low_ ? low_ : high_;
  return keep_low_bits(v, bits_);
}

std::int32_t requantise(const Requant& requant, const Format& out, int channel, std::int64_t acc) {
  const std::int64_t mult = pick(requant.mult, channel, 1);
  const auto shift = static_cast<int>(pick(requant.shift, channel, 0));
  const std::int64_t add = pick(requant.add, channel, 0);
  switch (requant.convention) {
    case Convention::none:
      return static_cast<std::int32_t>(keep_low_bits(acc, 32));
    case Convention::mul_shift:
      return clamped(requant,
                     round_quotient(Wide{acc} * Wide{mult} + Wide{add}, shift, requant.rounding) +
                         out.zero_point);
    case Convention::pow2:
      return clamped(requant, round_quotient(acc, shift, requant.rounding) + out.zero_point);
    case Convention::tflite_double:
      return clamped(requant,
                     Wide{tflite_double(keep_low_bits(acc, 32), mult, shift)} + out.zero_point);
    case Convention::tflite_single: {
      const Wide product = Wide{keep_low_bits(acc, 32)} * Wide{mult};
      return clamped(requant,
                     round_quotient(product, 31 - shift, Rounding::half_up) + out.zero_point);
    }
    case Convention::tflite_s64:
      return clamped(requant, tflite_s64(acc, mult, shift) + out.zero_point);
    default:
      throw InternalError(std::string("The reference cannot requantise one operand with ") +
                          name_of(requant.convention) + ".");
  }
}

std::int32_t average(const Requant& requant, std::int64_t sum, std::int64_t taps) {
  // The nearest integer to sum / taps, found from the exact division of the magnitude.
  const bool negative = sum < 0;
  const std::int64_t magnitude = negative ? -sum : sum;
  std::int64_t quotient = magnitude / taps;
  if (2 * (magnitude % taps) >= taps) ++quotient;
  return clamped(requant, negative ? -quotient : quotient);
}

std::int32_t add_operands(const Layer& layer, int channel, std::int64_t a, std::int64_t zp_a,
                          std::int64_t b, std::int64_t zp_b) {
  const Requant& r = layer.requant;
  const OperandScale& sa = layer.operand_scale[0];
  const OperandScale& sb = layer.operand_scale[1];
  const auto shift = static_cast<int>(pick(r.shift, channel, 0));
  if (r.convention == Convention::add_mul_shift) {
    const Wide sum = Wide{a - zp_a} * Wide{sa.mult} * power_of_two(sa.left_shift) +
                     Wide{b - zp_b} * Wide{sb.mult} * power_of_two(sb.left_shift) +
                     Wide{pick(r.add, channel, 0)};
    return clamped(r, round_quotient(sum, shift, r.rounding) + layer.out_format.zero_point);
  }
  if (r.convention == Convention::add_tflite || r.convention == Convention::add_tflite_single) {
    const bool single = r.convention == Convention::add_tflite_single;
    const auto step = [&](Wide x, std::int64_t m, int s) {
      const std::int64_t v = keep_low_bits(x, 32);
      if (!single) return tflite_double(v, m, s);
      return keep_low_bits(round_quotient(Wide{v} * Wide{m}, 31 - s, Rounding::half_up), 32);
    };
    const std::int64_t sum = step(Wide{a - zp_a} * power_of_two(sa.left_shift), sa.mult, sa.shift) +
                             step(Wide{b - zp_b} * power_of_two(sb.left_shift), sb.mult, sb.shift);
    return clamped(r,
                   Wide{step(sum, pick(r.mult, channel, 1), shift)} + layer.out_format.zero_point);
  }
  throw InternalError(std::string("The reference cannot add two operands with ") +
                      name_of(r.convention) + ".");
}

}  // namespace tactus::ref
