// SPDX-License-Identifier: Apache-2.0
// TFLite's quantised add (semantics-tflite-onnx.md 3.5).
#pragma once

#include <cstdint>

#include "numerics/saturate.hpp"
#include "numerics/tflite.hpp"

namespace tactus {

struct AddTflite {
  std::int64_t zp_a = 0, zp_b = 0;
  unsigned left_shift = 20;  ///< 20 for 8-bit, 15 for 16-bit operands
  std::int32_t mult_a = 0;
  int shift_a = 0;
  std::int32_t mult_b = 0;
  int shift_b = 0;
  std::int32_t mult = 0;
  int shift = 0;
  std::int64_t zp = 0, clamp_min = 0, clamp_max = 0;
  bool single = false;  ///< tflite_single in place of tflite_double in all three steps
};

/// a' = double((a - zp_a) << left_shift, mult_a, shift_a), b' likewise;
/// clamp(double(a' + b', mult, shift) + zp). All intermediates are 32-bit: of a wider one the low
/// 32 bits count.
/// Example: add_tflite(3, 4, AddTflite{0, 0, 20, 1<<30, 0, 1<<30, 0, 1<<30, -18, 0, -9, 9}) = 7
/// Example: add_tflite(3, 4, AddTflite{1, 0, 20, 1<<30, 0, 1<<30, 0, 1<<30, -18, -2, -9, 9}) = 4
/// Example: add_tflite(3, 4, AddTflite{0, 0, 0, 1<<30, 0, 1<<30, 0, 1<<30, 0, 0, -9, 9, true}) = 2
[[nodiscard]] constexpr std::int64_t add_tflite(std::int64_t a, std::int64_t b,
                                                const AddTflite& p) {
  const std::int64_t scale = std::int64_t{1} << p.left_shift;
  const auto step = [&p](std::int64_t x, std::int32_t mult, int shift) -> std::int64_t {
    return p.single ? wrap_to(tflite_single(x, mult, shift), 32) : tflite_double(x, mult, shift);
  };
  const std::int64_t sum = step((a - p.zp_a) * scale, p.mult_a, p.shift_a) +
                           step((b - p.zp_b) * scale, p.mult_b, p.shift_b);
  return clamp(step(sum, p.mult, p.shift) + p.zp, p.clamp_min, p.clamp_max);
}

}  // namespace tactus
