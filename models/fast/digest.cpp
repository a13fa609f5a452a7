// SPDX-License-Identifier: Apache-2.0
#include "fast/digest.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tactus::fast {
namespace {

std::uint64_t mix_words_portable(const std::uint8_t* words, std::int64_t count,
                                 std::uint64_t address, std::uint64_t step) {
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i, address += step) {
    std::uint64_t word = 0;
    std::memcpy(&word, words + 8 * i, 8);
    sum += mix_scaled(address, word);
  }
  return sum;
}

#if defined(__x86_64__)
/// `count` is a multiple of 4.
__attribute__((target("avx2"))) std::uint64_t mix_words_avx2(const std::uint8_t* words,
                                                             std::int64_t count,
                                                             std::uint64_t address,
                                                             std::uint64_t step) {
  const __m256i low = _mm256_set1_epi64x(static_cast<long long>(digest_value & 0xFFFFFFFFU));
  const __m256i high = _mm256_set1_epi64x(static_cast<long long>(digest_value >> 32));
  const __m256i next = _mm256_set1_epi64x(static_cast<long long>(4 * step));
  __m256i at = _mm256_setr_epi64x(
      static_cast<long long>(address), static_cast<long long>(address + step),
      static_cast<long long>(address + 2 * step), static_cast<long long>(address + 3 * step));
  __m256i sum = _mm256_setzero_si256();
  for (std::int64_t i = 0; i < count; i += 4) {
    const __m256i x =
        _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + 8 * i)), at);
    // The low 64 bits of the product from 32-bit halves.
    const __m256i cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), low),
                                           _mm256_mul_epu32(x, high));
    const __m256i h = _mm256_add_epi64(_mm256_mul_epu32(x, low), _mm256_slli_epi64(cross, 32));
    sum = _mm256_add_epi64(sum, _mm256_xor_si256(h, _mm256_srli_epi64(h, 32)));
    at = _mm256_add_epi64(at, next);
  }
  std::uint64_t parts[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(parts), sum);
  return parts[0] + parts[1] + parts[2] + parts[3];
}
#endif

}  // namespace

std::uint64_t mix_words(const void* words, std::int64_t count, std::uint64_t address,
                        std::uint64_t step) {
  const auto* bytes = static_cast<const std::uint8_t*>(words);
  std::uint64_t sum = 0;
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2 && count >= 4) {
    const std::int64_t fours = count / 4 * 4;
    sum = mix_words_avx2(bytes, fours, address, step);
    bytes += 8 * fours;
    address += static_cast<std::uint64_t>(fours) * step;
    count -= fours;
  }
#endif
  return sum + mix_words_portable(bytes, count, address, step);
}

}  // namespace tactus::fast
