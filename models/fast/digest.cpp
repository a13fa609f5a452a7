// SPDX-License-Identifier: Apache-2.0
#include "fast/digest.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tactus::fast {
namespace {

void mix_lines_portable(MixSum& sum, const std::uint8_t* words, const MixLines& lines,
                        std::uint64_t address) {
  for (std::int64_t line = 0; line < lines.lines; ++line) {
    std::uint64_t at = address;
    for (std::int64_t i = 0; i < lines.words; ++i, at += lines.word_step) {
      std::uint64_t word = 0;
      std::memcpy(&word, words + 8 * i, 8);
      sum.part[i % 4] += mix_scaled(at, word);
    }
    words += lines.line_bytes;
    address += lines.line_step;
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

__attribute__((target("avx2"))) void mix_lines_avx2(MixSum& total, const std::uint8_t* words,
                                                    const MixLines& lines, std::uint64_t address) {
  const std::uint64_t step = lines.word_step, steps[] = {2 * step, 3 * step, 4 * step};
  const std::uint64_t at_words[] = {address, address + step, address + steps[0],
                                    address + steps[1]};  // modulo 2^64
  const __m256i next = _mm256_set1_epi64x(static_cast<long long>(steps[2]));
  const __m256i next_line = _mm256_set1_epi64x(static_cast<long long>(lines.line_step));
  __m256i start = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at_words));
  const std::int64_t rest = lines.words % 4;
  const __m256i there = _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(rest)),
                                           _mm256_setr_epi64x(0, 1, 2, 3));
  __m256i sum = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(total.part));
  for (std::int64_t line = 0; line < lines.lines; ++line, words += lines.line_bytes) {
    __m256i at = start;
    const std::uint8_t* from = words;
    for (const std::uint8_t* end = words + 8 * (lines.words - rest); from != end; from += 32) {
      const __m256i four = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      sum = _mm256_add_epi64(sum, mixed(four, at));
      at = _mm256_add_epi64(at, next);
    }
    if (rest > 0) {
      const __m256i last = _mm256_maskload_epi64(reinterpret_cast<const long long*>(from), there);
      sum = _mm256_add_epi64(sum, _mm256_and_si256(mixed(last, at), there));
    }
    start = _mm256_add_epi64(start, next_line);
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(total.part), sum);
}
#endif

}  // namespace

void mix_lines(MixSum& sum, const void* words, const MixLines& lines, std::uint64_t address) {
  const auto* bytes = static_cast<const std::uint8_t*>(words);
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return mix_lines_avx2(sum, bytes, lines, address);
#endif
  mix_lines_portable(sum, bytes, lines, address);
}

}  // namespace tactus::fast
