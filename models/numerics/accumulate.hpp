// SPDX-License-Identifier: Apache-2.0
// One addition of the partial-sum accumulator, which is narrower than the sum may be.
#pragma once

#include <cstdint>

#include "numerics/formats.hpp"
#include "numerics/saturate.hpp"

namespace tactus {

struct Accumulated {
  std::int64_t value;  ///< fits the accumulator
  bool overflowed;     ///< the exact sum does not fit
};

/// acc + addend in an accumulator of acc_bits bits (12..48) that holds acc; addend has at most
/// 48 bits. Policy `error` keeps the wrapped value: the run fails by its overflow count.
/// Example: accumulate(2047, 1, 12, Overflow::wrap).value = -2048
/// Example: accumulate(2047, 1, 12, Overflow::saturate).value = 2047
/// Example: accumulate(2047, 1, 12, Overflow::error).overflowed = true
/// Example: accumulate(2046, 1, 12, Overflow::error).overflowed = false
[[nodiscard]] constexpr Accumulated accumulate(std::int64_t acc, std::int64_t addend, int acc_bits,
                                               Overflow policy) {
  const std::int64_t sum = acc + addend;
  const std::int64_t wrapped = wrap_to(sum, acc_bits);
  if (wrapped == sum) return {sum, false};
  return {policy == Overflow::saturate ? saturate_to(sum, acc_bits) : wrapped, true};
}

}  // namespace tactus
