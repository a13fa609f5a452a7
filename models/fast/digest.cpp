// SPDX-License-Identifier: Apache-2.0
#include "fast/digest.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tactus::fast {
namespace {

void mix_words_portable(MixSum& sum, const std::uint8_t* words, std::int64_t count,
                        std::uint64_t address, std::uint64_t step) {
  for (std::int64_t i = 0; i < count; ++i, address += step) {
    std::uint64_t word = 0;
    std::memcpy(&word, words + 8 * i, 8);
    sum.part[i % 4] += mix_scaled(address, word);
  }
}

#if defined(__x86_64__)
#define TACTUS_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

TACTUS_AVX2_INLINE __m256i mixed(__m256i words, __m256i addresses) {
  const __m256i low = _mm256_set1_epi64x(static_cast<long long>(digest_value & 0xFFFFFFFFU));
  const __m256i high = _mm256_set1_epi64x(static_cast<long long>(digest_value >> 32));
  const __m256i x = _mm256_xor_si256(words, addresses);
  // The low 64 bits of the product from 32-bit halves.
  const __m256i cross =
      _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), low), _mm256_mul_epu32(x, high));
  const __m256i h = _mm256_add_epi64(_mm256_mul_epu32(x, low), _mm256_slli_epi64(cross, 32));
  return _mm256_xor_si256(h, _mm256_srli_epi64(h, 32));
}

__attribute__((target("avx2"))) void mix_words_avx2(MixSum& total, const std::uint8_t* words,
                                                    std::int64_t count, std::uint64_t address,
                                                    std::uint64_t step) {
  const __m256i next = _mm256_set1_epi64x(static_cast<long long>(4 * step));
  __m256i at = _mm256_setr_epi64x(
      static_cast<long long>(address), static_cast<long long>(address + step),
      static_cast<long long>(address + 2 * step), static_cast<long long>(address + 3 * step));
  __m256i sum = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(total.part));
  for (; count >= 4; count -= 4, words += 32) {
    const __m256i four = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
    sum = _mm256_add_epi64(sum, mixed(four, at));
    at = _mm256_add_epi64(at, next);
  }
  if (count > 0) {
    const __m256i there = _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(count)),
                                             _mm256_setr_epi64x(0, 1, 2, 3));
    const __m256i rest = _mm256_maskload_epi64(reinterpret_cast<const long long*>(words), there);
    sum = _mm256_add_epi64(sum, _mm256_and_si256(mixed(rest, at), there));
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(total.part), sum);
}
#endif

}  // namespace

void mix_words(MixSum& sum, const void* words, std::int64_t count, std::uint64_t address,
               std::uint64_t step) {
  const auto* bytes = static_cast<const std::uint8_t*>(words);
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return mix_words_avx2(sum, bytes, count, address, step);
#endif
  mix_words_portable(sum, bytes, count, address, step);
}

}  // namespace tactus::fast
