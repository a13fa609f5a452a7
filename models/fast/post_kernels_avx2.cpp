// SPDX-License-Identifier: Apache-2.0
// AVX2 versions, four values at a time; the portable ones take what is left of a line.
#include "fast/post_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>
#include <limits>

#include "fast/with_rounding.hpp"

#define TACTUS_AVX2 __attribute__((target("avx2")))
#define TACTUS_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace tactus::fast {
namespace {

TACTUS_AVX2_INLINE __m256i load(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
TACTUS_AVX2_INLINE void store(__m256i v, std::int64_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}
TACTUS_AVX2_INLINE __m256i all(std::int64_t v) {
  return _mm256_set1_epi64x(static_cast<long long>(v));
}

/// Narrowing of four values. Rounding is floor((value + offset) / 2^shift) with an offset that
/// depends on the value's sign or on the floor's last bit; the shift of signed values is one of
/// unsigned values 2^63 higher.
template <Rounding R>
class Narrower {
 public:
  TACTUS_AVX2_INLINE explicit Narrower(const Narrowing& n)
      : count_(_mm_cvtsi32_si128(n.shift)),
        below_(all((std::int64_t{1} << n.shift) - 1)),
        offset_(all(bias_ + offset_of(n.shift))),
        zp_(all(n.zp - (std::int64_t{1} << (63 - n.shift)))),
        min_(all(n.clamp_min)),
        max_(all(n.clamp_max)) {}

  TACTUS_AVX2_INLINE __m256i operator()(__m256i value) const {
    __m256i sum = _mm256_add_epi64(value, offset_);
    if constexpr (R == Rounding::half_even) {
      const __m256i last_bit = _mm256_and_si256(_mm256_srl_epi64(value, count_), all(1));
      sum = _mm256_add_epi64(sum, last_bit);
    } else if constexpr (R == Rounding::half_away) {
      sum = _mm256_add_epi64(sum, negative(value));
    } else if constexpr (R == Rounding::trunc) {
      sum = _mm256_add_epi64(sum, _mm256_and_si256(negative(value), below_));
    }
    const __m256i v = _mm256_add_epi64(_mm256_srl_epi64(sum, count_), zp_);
    const __m256i low = _mm256_blendv_epi8(v, min_, _mm256_cmpgt_epi64(min_, v));
    return _mm256_blendv_epi8(low, max_, _mm256_cmpgt_epi64(low, max_));
  }

 private:
  static constexpr std::int64_t bias_ = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t offset_of(int shift) {
    const std::int64_t half = std::int64_t{1} << (shift - 1);
    switch (R) {
      case Rounding::half_even:
      case Rounding::half_down:
        return half - 1;
      case Rounding::half_up:
      case Rounding::half_away:
        return half;
      case Rounding::ceil:
        return 2 * half - 1;
      case Rounding::floor:
      case Rounding::trunc:
        return 0;
    }
    return 0;
  }
  TACTUS_AVX2_INLINE static __m256i negative(__m256i v) {
    return _mm256_cmpgt_epi64(_mm256_setzero_si256(), v);
  }

  __m128i count_;
  __m256i below_, offset_, zp_, min_, max_;
};

class Scaler {
 public:
  TACTUS_AVX2_INLINE explicit Scaler(const Term& t)
      : zp_(all(t.zp)), mult_(all(t.mult)), left_(_mm_cvtsi32_si128(t.left)) {}
  TACTUS_AVX2_INLINE __m256i operator()(__m256i value) const {
    return _mm256_sll_epi64(_mm256_mul_epi32(_mm256_sub_epi64(value, zp_), mult_), left_);
  }

 private:
  __m256i zp_, mult_;
  __m128i left_;
};

TACTUS_AVX2 bool all_fit(const std::int64_t* values, std::int64_t count, std::int64_t addend,
                         int bits) {
  const std::int64_t fours = count / 4 * 4;
  const __m256i offset = all(addend + (std::int64_t{1} << (bits - 1)));
  __m256i any = _mm256_setzero_si256();
  for (std::int64_t i = 0; i < fours; i += 4) {
    any = _mm256_or_si256(any, _mm256_add_epi64(load(values + i), offset));
  }
  any = _mm256_srl_epi64(any, _mm_cvtsi32_si128(bits));
  return _mm256_testz_si256(any, any) != 0 &&
         (fours == count ||
          portable_post_kernels().all_fit(values + fours, count - fours, addend, bits));
}

template <Rounding R>
TACTUS_AVX2 void scale_fours(const std::int64_t* values, std::int64_t count, const Term& term,
                             std::int64_t add, const Narrowing& narrowing, std::int64_t* out) {
  const Narrower<R> narrow(narrowing);
  const __m256i zp = all(term.zp), mult = all(term.mult), added = all(add);
  if (term.left == 0) {
    for (std::int64_t i = 0; i < count; i += 4) {
      const __m256i value = _mm256_sub_epi64(load(values + i), zp);
      store(narrow(_mm256_add_epi64(_mm256_mul_epi32(value, mult), added)), out + i);
    }
    return;
  }
  const Scaler scale(term);
  for (std::int64_t i = 0; i < count; i += 4) {
    store(narrow(_mm256_add_epi64(scale(load(values + i)), added)), out + i);
  }
}

void scale(const std::int64_t* values, std::int64_t count, const Term& term, std::int64_t add,
           const Narrowing& narrowing, std::int64_t* out) {
  const std::int64_t fours = count / 4 * 4;
  with_rounding(narrowing.rounding, [&](auto rounding) {
    scale_fours<decltype(rounding)::value>(values, fours, term, add, narrowing, out);
  });
  if (fours == count) return;
  portable_post_kernels().scale(values + fours, count - fours, term, add, narrowing, out + fours);
}

template <Rounding R>
TACTUS_AVX2 void add_fours(std::int64_t* values, const std::int64_t* others, std::int64_t count,
                           const Term& term_a, const Term& term_b, std::int64_t add,
                           const Narrowing& narrowing) {
  const Narrower<R> narrow(narrowing);
  const Scaler a(term_a), b(term_b);
  const __m256i added = all(add);
  for (std::int64_t i = 0; i < count; i += 4) {
    const __m256i terms = _mm256_add_epi64(a(load(values + i)), b(load(others + i)));
    store(narrow(_mm256_add_epi64(terms, added)), values + i);
  }
}

void add(std::int64_t* values, const std::int64_t* others, std::int64_t count, const Term& term_a,
         const Term& term_b, std::int64_t add, const Narrowing& narrowing) {
  const std::int64_t fours = count / 4 * 4;
  with_rounding(narrowing.rounding, [&](auto rounding) {
    add_fours<decltype(rounding)::value>(values, others, fours, term_a, term_b, add, narrowing);
  });
  if (fours == count) return;
  portable_post_kernels().add(values + fours, others + fours, count - fours, term_a, term_b, add,
                              narrowing);
}

TACTUS_AVX2 void widen(const std::uint8_t* bytes, std::int64_t count, bool is_signed,
                       std::int64_t* values) {
  const std::int64_t fours = count / 4 * 4;
  for (std::int64_t i = 0; i < fours; i += 4) {
    std::int32_t four = 0;
    std::memcpy(&four, bytes + i, sizeof four);
    const __m128i raw = _mm_cvtsi32_si128(four);
    store(is_signed ? _mm256_cvtepi8_epi64(raw) : _mm256_cvtepu8_epi64(raw), values + i);
  }
  if (fours == count) return;
  portable_post_kernels().widen(bytes + fours, count - fours, is_signed, values + fours);
}

/// Low 32 bits of eight values: 0, 1, 4, 5 and 2, 3, 6, 7, of which the low bytes stay.
TACTUS_AVX2_INLINE __m256i low_bytes(const std::int64_t* values) {
  const __m256 low = _mm256_castsi256_ps(load(values));
  const __m256 high = _mm256_castsi256_ps(load(values + 4));
  const __m256i eight = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
  return _mm256_and_si256(eight, _mm256_set1_epi32(0xFF));
}

TACTUS_AVX2 void narrow(const std::int64_t* values, std::int64_t count, std::uint8_t* bytes) {
  if (count < 16) return portable_post_kernels().narrow(values, count, bytes);
  for (std::int64_t next = 0; next < count; next += 16) {
    const std::int64_t i = next + 16 <= count ? next : count - 16;  // the last may overlap
    const __m256i words = _mm256_packus_epi32(low_bytes(values + i), low_bytes(values + i + 8));
    const __m256i packed = _mm256_packus_epi16(words, words);
    // Each half has two bytes of every four values.
    const __m128i sixteen =
        _mm_unpacklo_epi16(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
    std::memcpy(bytes + i, &sixteen, sizeof sixteen);
  }
}

}  // namespace

const PostKernels* avx2_post_kernels() {
  static const PostKernels kernels{"avx2", all_fit, scale, add, widen, narrow};
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}

}  // namespace tactus::fast

#else

namespace tactus::fast {
const PostKernels* avx2_post_kernels() { return nullptr; }
}  // namespace tactus::fast

#endif
