// SPDX-License-Identifier: Apache-2.0
// Operands for the tests of Winograd's kernels: random ones and the extremes of a byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fast/winograd_kernels.hpp"

namespace tactus::fast_test {

using fast::avx2_winograd;
using fast::portable_winograd;
using fast::WinogradKernels;

inline std::uint64_t next_random(std::uint64_t& state) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return state >> 33U;
}
inline std::int64_t pick(std::uint64_t& state, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(next_random(state)) % (high - low + 1);
}

enum class Fill { zero, low, high, top_bit, alternate, random };
constexpr Fill fills[] = {Fill::low, Fill::high, Fill::top_bit, Fill::alternate, Fill::random};

inline std::uint8_t byte_of(Fill fill, std::size_t index, std::uint64_t& state) {
  switch (fill) {
    case Fill::zero:
    case Fill::low:
      return 0;
    case Fill::high:
      return 255;
    case Fill::top_bit:
      return index % 5 == 0 ? 0x7F : 0x80;
    case Fill::alternate:
      return index % 3 == 0 ? 0xFF : 0x80;
    default:
      return static_cast<std::uint8_t>(next_random(state));
  }
}

inline std::int64_t operand(std::uint8_t byte, bool is_signed, std::int64_t zero_point) {
  return (is_signed && byte > 127 ? byte - 256 : byte) - zero_point;
}

inline std::vector<const WinogradKernels*> versions() {
  std::vector<const WinogradKernels*> list{&portable_winograd()};
  if (avx2_winograd() != nullptr) list.push_back(avx2_winograd());
  return list;
}
inline std::string name_of(const WinogradKernels* kernels) {
  return kernels == avx2_winograd() ? "avx2" : "portable";
}

}  // namespace tactus::fast_test
