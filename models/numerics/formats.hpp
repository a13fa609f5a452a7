// SPDX-License-Identifier: Apache-2.0
// Names of number formats and of the integer conventions. Types only: every part of tactus may
// include this file; the arithmetic itself is in the other headers of models/numerics.
#pragma once

#include <cstdint>

namespace tactus {

/// Rounding of an exact quotient to an integer (design.md 4). Encoded as written in tile ops.
enum class Rounding : std::uint8_t {
  half_even = 0,  ///< ties to the even neighbour
  half_up = 1,    ///< ties towards +infinity
  half_away = 2,  ///< ties away from zero
  half_down = 3,  ///< ties towards -infinity
  floor = 4,      ///< towards -infinity
  ceil = 5,       ///< towards +infinity
  trunc = 6,      ///< towards zero
};

/// What an accumulator does with a value that its width cannot hold.
enum class Overflow : std::uint8_t {
  wrap = 0,      ///< keep the low bits (two's complement)
  saturate = 1,  ///< nearest representable value
  error = 2,     ///< as wrap, and the run fails when the overflow count is not 0
};

/// How an accumulator becomes an output value (design.md 4). Encoded as written in tile ops.
enum class Convention : std::uint8_t {
  none = 0,           ///< raw accumulator
  mul_shift = 1,      ///< clamp(round((acc*mult + add) / 2^shift) + zp)
  pow2 = 2,           ///< clamp(round(acc / 2^shift) + zp)
  tflite_double = 3,  ///< semantics-tflite-onnx.md 3.1 "double"; shift is the TFLite shift
  tflite_single = 4,  ///< semantics-tflite-onnx.md 3.1 "single"; shift is the TFLite shift
  tflite_s64 = 5,     ///< semantics-tflite-onnx.md 3.1 "s64"; 64-bit accumulator
  add_mul_shift = 6,  ///< two-operand residual add, exact intermediate
  add_tflite = 7,     ///< semantics-tflite-onnx.md 3.5 add
  avg_tflite = 8,     ///< semantics-tflite-onnx.md 3.5 average: C division with ties away from zero
  add_tflite_single = 9,  ///< add_tflite with the single rounding of 3.1 in its three steps
};
/// Codes of Convention.
inline constexpr unsigned convention_count = 10;

/// What the row unit makes of the channels of one pixel. Encoded as written in tile ops.
enum class RowKind : std::uint8_t {
  softmax_tflite8 = 0,   ///< semantics-tflite-onnx.md 3.6, int8
  softmax_tflite16 = 1,  ///< semantics-tflite-onnx.md 3.6, int16
  softmax_lut = 2,       ///< models/numerics/softmax.hpp
  layernorm_isqrt = 3,   ///< models/numerics/norm.hpp
  rmsnorm_isqrt = 4,     ///< models/numerics/norm.hpp
};
/// Codes of RowKind.
inline constexpr unsigned row_kind_count = 5;

/// An integer format of 1 to 32 bits with a zero point; real = scale * (q - zero_point).
struct Format {
  int bits = 8;           ///< 1..32 (operands of a MAC: 1..16)
  bool is_signed = true;  ///< two's complement or unsigned
  std::int64_t zero_point = 0;
  bool bipolar = false;  ///< of 1-bit signed weights: the two values are -1 and +1

  /// Smallest representable value. Format{4,true}.min() = -8, Format{4,false}.min() = 0.
  [[nodiscard]] constexpr std::int64_t min() const {
    if (bipolar) return -1;
    return is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
  }
  /// Largest representable value. Format{4,true}.max() = 7, Format{4,false}.max() = 15.
  [[nodiscard]] constexpr std::int64_t max() const {
    if (bipolar) return 1;
    return is_signed ? (std::int64_t{1} << (bits - 1)) - 1 : (std::int64_t{1} << bits) - 1;
  }
  [[nodiscard]] constexpr bool holds(std::int64_t v) const {
    return v >= min() && v <= max() && !(bipolar && v == 0);
  }
};

[[nodiscard]] constexpr bool operator==(const Format& a, const Format& b) {
  return a.bits == b.bits && a.is_signed == b.is_signed && a.zero_point == b.zero_point &&
         a.bipolar == b.bipolar;
}
[[nodiscard]] constexpr bool operator!=(const Format& a, const Format& b) { return !(a == b); }

/// Spelling used in files, on the command line and in messages; nullptr for an invalid value.
[[nodiscard]] constexpr const char* name_of(Rounding r) {
  constexpr const char* names[] = {"half_even", "half_up", "half_away", "half_down",
                                   "floor",     "ceil",    "trunc"};
  const auto i = static_cast<unsigned>(r);
  return i < 7 ? names[i] : nullptr;
}
[[nodiscard]] constexpr const char* name_of(Overflow o) {
  constexpr const char* names[] = {"wrap", "saturate", "error"};
  const auto i = static_cast<unsigned>(o);
  return i < 3 ? names[i] : nullptr;
}
[[nodiscard]] constexpr const char* name_of(RowKind k) {
  constexpr const char* names[] = {"softmax_tflite8", "softmax_tflite16", "softmax_lut",
                                   "layernorm_isqrt", "rmsnorm_isqrt"};
  const auto i = static_cast<unsigned>(k);
  return i < row_kind_count ? names[i] : nullptr;
}
[[nodiscard]] constexpr const char* name_of(Convention c) {
  constexpr const char* names[] = {
      "none",       "mul_shift",     "pow2",       "tflite_double", "tflite_single",
      "tflite_s64", "add_mul_shift", "add_tflite", "avg_tflite",    "add_tflite_single"};
  const auto i = static_cast<unsigned>(c);
  return i < convention_count ? names[i] : nullptr;
}

}  // namespace tactus
