// SPDX-License-Identifier: Apache-2.0
// The inner loops of post ops on lines of 64-bit values, in one version per instruction set. All
// versions give the same integers.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/formats.hpp"

namespace tactus::fast {

/// clamp(round(value / 2^shift) + zp) with shift 1 .. 60 and |value| + 2^shift below 2^63.
struct Narrowing {
  int shift = 1;
  Rounding rounding = Rounding::half_even;
  std::int64_t zp = 0, clamp_min = 0, clamp_max = 0;  ///< clamps and zp have at most 33 bits
};

/// (value - zp) * mult * 2^left; value - zp and mult fit 32 bits.
struct Term {
  std::int64_t zp = 0, mult = 1;
  int left = 0;
};

struct PostKernels {
  const char* name;
  /// Whether every value + addend fits `bits` bits; values fit 48.
  bool (*all_fit)(const std::int64_t* values, std::int64_t count, std::int64_t addend, int bits);
  /// out[i] = narrow(term(values[i]) + add). `out` may be `values`.
  void (*scale)(const std::int64_t* values, std::int64_t count, const Term& term, std::int64_t add,
                const Narrowing& narrowing, std::int64_t* out);
  /// values[i] = narrow(term_a(values[i]) + term_b(others[i]) + add).
  void (*add)(std::int64_t* values, const std::int64_t* others, std::int64_t count,
              const Term& term_a, const Term& term_b, std::int64_t add, const Narrowing& narrowing);
  /// values[i] = byte i; any i below the count may be read, none behind it.
  void (*widen)(const std::uint8_t* bytes, std::int64_t count, bool is_signed,
                std::int64_t* values);
  /// bytes[i] = low byte of values[i].
  void (*narrow)(const std::int64_t* values, std::int64_t count, std::uint8_t* bytes);
};

[[nodiscard]] const PostKernels& portable_post_kernels();
/// Null where the processor has no AVX2.
[[nodiscard]] const PostKernels* avx2_post_kernels();
/// The fastest that this processor can run.
[[nodiscard]] const PostKernels& post_kernels();

}  // namespace tactus::fast
