// SPDX-License-Identifier: Apache-2.0
#include "fast/post_kernels.hpp"

#include <algorithm>
#include <type_traits>

#include "fast/with_rounding.hpp"
#include "numerics/round_shift.hpp"

namespace tactus::fast {
namespace {

template <class R>
std::int64_t narrowed(std::int64_t value, const Narrowing& n, R rounding) {
  return std::clamp(round_shift(value, static_cast<unsigned>(n.shift), rounding) + n.zp,
                    n.clamp_min, n.clamp_max);
}

std::int64_t term_of(std::int64_t value, const Term& term) {
  return (value - term.zp) * term.mult * (std::int64_t{1} << term.left);
}

bool all_fit(const std::int64_t* values, std::int64_t count, std::int64_t addend, int bits) {
  const std::int64_t half = std::int64_t{1} << (bits - 1);
  std::uint64_t outside = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    outside |= static_cast<std::uint64_t>(values[i] + addend + half) >> bits;
  }
  return outside == 0;
}

void scale(const std::int64_t* values, std::int64_t count, const Term& term, std::int64_t add,
           const Narrowing& narrowing, std::int64_t* out) {
  with_rounding(narrowing.rounding, [&](auto rounding) {
    for (std::int64_t i = 0; i < count; ++i) {
      out[i] = narrowed(term_of(values[i], term) + add, narrowing, rounding);
    }
  });
}

void add(std::int64_t* values, const std::int64_t* others, std::int64_t count, const Term& term_a,
         const Term& term_b, std::int64_t add, const Narrowing& narrowing) {
  with_rounding(narrowing.rounding, [&](auto rounding) {
    for (std::int64_t i = 0; i < count; ++i) {
      values[i] = narrowed(term_of(values[i], term_a) + term_of(others[i], term_b) + add, narrowing,
                           rounding);
    }
  });
}

void widen(const std::uint8_t* bytes, std::int64_t count, bool is_signed, std::int64_t* values) {
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = is_signed ? static_cast<std::int8_t>(bytes[i]) : bytes[i];
  }
}

void narrow(const std::int64_t* values, std::int64_t count, std::uint8_t* bytes) {
  for (std::int64_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(values[i]);
}

}  // namespace

const PostKernels& portable_post_kernels() {
  static const PostKernels kernels{"portable", all_fit, scale, add, widen, narrow};
  return kernels;
}

const PostKernels& post_kernels() {
  const PostKernels* fastest = avx2_post_kernels();
  return fastest != nullptr ? *fastest : portable_post_kernels();
}

}  // namespace tactus::fast
