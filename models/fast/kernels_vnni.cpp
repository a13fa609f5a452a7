// SPDX-License-Identifier: Apache-2.0
#include "fast/kernels_vnni.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "fast/kernels_avx2.hpp"

#define TACTUS_TILES_INLINE __attribute__((always_inline)) inline
#define TACTUS_TILES_LAMBDA __attribute__((always_inline))

// Only the functions between push and pop may use the instructions. Everything they call is from
// here: a function of the standard library compiled here would be taken for the whole program.
#pragma GCC push_options
#pragma GCC target("avx2,avxvnni")
namespace tactus::fast::avx_vnni {
namespace {

struct Eight {
  static constexpr std::int64_t panels = 1;
  using Sums = __m256i;
  using Pairs = __m256i;
  static Sums zero() { return _mm256_setzero_si256(); }
  static Sums load(const std::int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void store(Sums v, std::int32_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  }
  static Pairs pixels(const std::int16_t* a, std::int64_t) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
  }
  static Pairs weight(const std::int16_t* w) {
    std::int32_t pair = 0;
    __builtin_memcpy(&pair, w, sizeof pair);
    return _mm256_set1_epi32(pair);
  }
  static Sums dot(Sums sums, Pairs a, Pairs w) { return _mm256_dpwssd_avx_epi32(sums, a, w); }
};

#include "fast/multiply_tiles.hpp"

void multiply(const PackedOperands& in, std::int64_t first, std::int64_t last, std::int32_t* out,
              std::int64_t out_stride) {
  multiply_tiles<Eight, Eight, 3>(in, first, last, out, out_stride);
}

}  // namespace
}  // namespace tactus::fast::avx_vnni
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")
namespace tactus::fast::avx512_vnni {
namespace {

struct Eight {
  static constexpr std::int64_t panels = 1;
  using Sums = __m256i;
  using Pairs = __m256i;
  static Sums zero() { return _mm256_setzero_si256(); }
  static Sums load(const std::int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void store(Sums v, std::int32_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  }
  static Pairs pixels(const std::int16_t* a, std::int64_t) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
  }
  static Pairs weight(const std::int16_t* w) {
    std::int32_t pair = 0;
    __builtin_memcpy(&pair, w, sizeof pair);
    return _mm256_set1_epi32(pair);
  }
  static Sums dot(Sums sums, Pairs a, Pairs w) { return _mm256_dpwssd_epi32(sums, a, w); }
};

/// Two neighbouring panels.
struct Sixteen {
  static constexpr std::int64_t panels = 2;
  using Sums = __m512i;
  using Pairs = __m512i;
  static Sums zero() { return _mm512_setzero_si512(); }
  static Sums load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static void store(Sums v, std::int32_t* p) { _mm512_storeu_si512(p, v); }
  static Pairs pixels(const std::int16_t* a, std::int64_t stride) {
    return _mm512_maskz_inserti64x4(0xFF, _mm512_castsi256_si512(Eight::pixels(a, 0)),
                                    Eight::pixels(a + stride, 0), 1);
  }
  static Pairs weight(const std::int16_t* w) {
    std::int32_t pair = 0;
    __builtin_memcpy(&pair, w, sizeof pair);
    return _mm512_set1_epi32(pair);
  }
  static Sums dot(Sums sums, Pairs a, Pairs w) { return _mm512_dpwssd_epi32(sums, a, w); }
};

#include "fast/multiply_tiles.hpp"

void multiply(const PackedOperands& in, std::int64_t first, std::int64_t last, std::int32_t* out,
              std::int64_t out_stride) {
  multiply_tiles<Sixteen, Eight, 4>(in, first, last, out, out_stride);
}

}  // namespace
}  // namespace tactus::fast::avx512_vnni
#pragma GCC pop_options

namespace tactus::fast {
namespace {

Kernels with_multiply(const char* name, decltype(Kernels::multiply) multiply) {
  Kernels kernels = avx2_kernels() != nullptr ? *avx2_kernels() : portable_kernels();
  kernels.name = name;
  kernels.multiply = multiply;
  kernels.winograd = nullptr;  // theirs has no fused dot products
  return kernels;
}

}  // namespace

const Kernels* avx512_vnni_kernels() {
  static const Kernels kernels = with_multiply("avx512-vnni", avx512_vnni::multiply);
  const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512vnni");
  return has ? &kernels : nullptr;
}

const Kernels* avx_vnni_kernels() {
  static const Kernels kernels = with_multiply("avx-vnni", avx_vnni::multiply);
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avxvnni") ? &kernels : nullptr;
}

}  // namespace tactus::fast

#else

namespace tactus::fast {
const Kernels* avx512_vnni_kernels() { return nullptr; }
const Kernels* avx_vnni_kernels() { return nullptr; }
}  // namespace tactus::fast

#endif
