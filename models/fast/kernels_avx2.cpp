// SPDX-License-Identifier: Apache-2.0
// AVX2 versions by vpmaddwd on 9-bit operands, which is exact (vpmaddubsw would saturate).
#include "fast/kernels_avx2.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "fast/winograd_kernels.hpp"

// Only functions so marked may use AVX2: the file itself is compiled for the base instruction set.
#define TACTUS_AVX2 __attribute__((target("avx2")))

namespace tactus::fast {
namespace {

__m256i* vec(void* p) { return static_cast<__m256i*>(p); }
const __m256i* vec(const void* p) { return static_cast<const __m256i*>(p); }
const __m128i* half_vec(const void* p) { return static_cast<const __m128i*>(p); }

TACTUS_AVX2 inline __m256i widen(const std::uint8_t* bytes, bool is_signed) {
  const __m128i raw = _mm_loadu_si128(half_vec(bytes));
  return is_signed ? _mm256_cvtepi8_epi16(raw) : _mm256_cvtepu8_epi16(raw);
}

/// Every other byte of 32.
TACTUS_AVX2 inline __m256i widen_even(const std::uint8_t* bytes, bool is_signed) {
  const __m256i raw = _mm256_loadu_si256(vec(bytes));
  return is_signed ? _mm256_srai_epi16(_mm256_slli_epi16(raw, 8), 8)
                   : _mm256_and_si256(raw, _mm256_set1_epi16(0xFF));
}

/// Lines overrun their end: the next line, or line_slack, takes the surplus.
TACTUS_AVX2 void gather(const std::uint8_t* source, const PixelGrid& grid, OperandFormat format,
                        std::int16_t* line) {
  const __m256i zero_point = _mm256_set1_epi16(format.zero_point);
  for (std::int64_t y = 0; y < grid.height; ++y, line += grid.width) {
    const std::uint8_t* from = source + y * grid.step_y;
    if (grid.step_x == 1) {
      for (std::int64_t x = 0; x < grid.width; x += 16) {
        _mm256_storeu_si256(vec(line + x),
                            _mm256_sub_epi16(widen(from + x, format.is_signed), zero_point));
      }
    } else if (grid.step_x == 2) {
      for (std::int64_t x = 0; x < grid.width; x += 16) {
        _mm256_storeu_si256(
            vec(line + x),
            _mm256_sub_epi16(widen_even(from + 2 * x, format.is_signed), zero_point));
      }
    } else {
      for (std::int64_t x = 0; x < grid.width; ++x) {
        const std::uint8_t byte = from[x * grid.step_x];
        const int value = format.is_signed ? static_cast<std::int8_t>(byte) : byte;
        line[x] = static_cast<std::int16_t>(value - format.zero_point);
      }
    }
  }
}

/// Reads at most 64 bytes at a time from the first byte of a pixel on (read_slack).
TACTUS_AVX2 void collect_bytes(const std::uint8_t* source, const PixelGrid& grid,
                               std::uint8_t* bytes) {
  const __m256i low = _mm256_set1_epi16(0xFF);
  for (std::int64_t y = 0; y < grid.height; ++y, bytes += grid.width) {
    const std::uint8_t* from = source + y * grid.step_y;
    if (grid.step_x == 1) {
      for (std::int64_t x = 0; x < grid.width; x += 32) {
        _mm256_storeu_si256(vec(bytes + x), _mm256_loadu_si256(vec(from + x)));
      }
    } else if (grid.step_x == 2) {
      for (std::int64_t x = 0; x < grid.width; x += 32) {
        const __m256i first = _mm256_and_si256(_mm256_loadu_si256(vec(from + 2 * x)), low);
        const __m256i second = _mm256_and_si256(_mm256_loadu_si256(vec(from + 2 * x + 32)), low);
        const __m256i packed = _mm256_packus_epi16(first, second);
        _mm256_storeu_si256(vec(bytes + x), _mm256_permute4x64_epi64(packed, 0xD8));
      }
    } else {
      for (std::int64_t x = 0; x < grid.width; ++x) bytes[x] = from[x * grid.step_x];
    }
  }
}

/// The sixteen values below 65536 of two vectors.
TACTUS_AVX2 inline __m256i pack_dwords(__m256i low, __m256i high) {
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8);
}

/// Reads at most 64 bytes at a time from the first byte of a pixel on (read_slack).
TACTUS_AVX2 void collect(const std::uint8_t* source, const PixelGrid& grid, std::int64_t word_bytes,
                         std::uint16_t* words) {
  const bool wide = word_bytes == 2;
  const __m256i mask = _mm256_set1_epi32(wide ? 0xFFFF : 0xFF);
  for (std::int64_t y = 0; y < grid.height; ++y, words += grid.width) {
    const std::uint8_t* from = source + y * grid.step_y;
    if (grid.step_x == word_bytes) {
      for (std::int64_t x = 0; x < grid.width; x += 16) {
        const __m256i v = wide ? _mm256_loadu_si256(vec(from + 2 * x)) : widen(from + x, false);
        _mm256_storeu_si256(vec(words + x), v);
      }
    } else if (grid.step_x == 2) {
      for (std::int64_t x = 0; x < grid.width; x += 16) {
        _mm256_storeu_si256(vec(words + x), widen_even(from + 2 * x, false));
      }
    } else if (grid.step_x == 4) {
      for (std::int64_t x = 0; x < grid.width; x += 16) {
        const __m256i low = _mm256_and_si256(_mm256_loadu_si256(vec(from + 4 * x)), mask);
        const __m256i high = _mm256_and_si256(_mm256_loadu_si256(vec(from + 4 * x + 32)), mask);
        _mm256_storeu_si256(vec(words + x), pack_dwords(low, high));
      }
    } else if (grid.step_x == 8) {
      const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
      for (std::int64_t x = 0; x < grid.width; x += 8) {
        const __m256i low =
            _mm256_permutevar8x32_epi32(_mm256_loadu_si256(vec(from + 8 * x)), even);
        const __m256i high =
            _mm256_permutevar8x32_epi32(_mm256_loadu_si256(vec(from + 8 * x + 32)), even);
        const __m256i v = _mm256_and_si256(_mm256_blend_epi32(low, high, 0xF0), mask);
        const __m128i eight =
            _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        std::memcpy(words + x, &eight, sizeof eight);
      }
    } else {
      for (std::int64_t x = 0; x < grid.width; ++x, from += grid.step_x) {
        words[x] = wide ? static_cast<std::uint16_t>(from[0] | from[1] << 8) : from[0];
      }
    }
  }
}

TACTUS_AVX2 void extract(const std::uint16_t* words, std::int64_t count, FieldFormat format,
                         std::int16_t* line) {
  const __m128i up = _mm_cvtsi32_si128(16 - format.shift - format.bits);
  const __m128i down = _mm_cvtsi32_si128(16 - format.bits);
  const __m256i offset =
      _mm256_set1_epi16(static_cast<std::int16_t>(format.is_bipolar ? 1 : format.zero_point));
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m256i high = _mm256_sll_epi16(_mm256_loadu_si256(vec(words + i)), up);
    __m256i v = format.is_signed && !format.is_bipolar ? _mm256_sra_epi16(high, down)
                                                       : _mm256_srl_epi16(high, down);
    if (format.is_bipolar) v = _mm256_add_epi16(v, v);
    _mm256_storeu_si256(vec(line + i), _mm256_sub_epi16(v, offset));
  }
}

TACTUS_AVX2 void select(const std::int16_t* weights, const std::int16_t* chosen,
                        std::int16_t candidate, std::int64_t count, std::int16_t* line) {
  const __m256i wanted = _mm256_set1_epi16(candidate);
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m256i hit = _mm256_cmpeq_epi16(_mm256_loadu_si256(vec(chosen + i)), wanted);
    const __m256i w = _mm256_and_si256(_mm256_loadu_si256(vec(weights + i)), hit);
    _mm256_storeu_si256(vec(line + i), _mm256_add_epi16(_mm256_loadu_si256(vec(line + i)), w));
  }
}

/// Sum of eight 32-bit counts.
TACTUS_AVX2 inline std::int64_t sum_lanes(__m256i v) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_srli_si128(four, 8));
  return std::int64_t{_mm_cvtsi128_si32(two)} + _mm_extract_epi32(two, 1);
}

TACTUS_AVX2 std::int64_t interleave(const std::int16_t* even, const std::int16_t* odd,
                                    std::int64_t panels, std::int64_t panel_stride,
                                    std::int16_t* out) {
  const __m256i minus_one = _mm256_set1_epi16(-1);
  __m256i zeros = _mm256_setzero_si256();
  for (std::int64_t p = 0; p < panels; ++p, out += panel_stride) {
    const __m128i e = _mm_loadu_si128(half_vec(even + p * panel_pixels));
    const __m128i o = _mm_loadu_si128(half_vec(odd + p * panel_pixels));
    const __m256i pairs = _mm256_set_m128i(_mm_unpackhi_epi16(e, o), _mm_unpacklo_epi16(e, o));
    _mm256_storeu_si256(vec(out), pairs);
    const __m256i hit = _mm256_cmpeq_epi16(pairs, _mm256_setzero_si256());
    zeros = _mm256_add_epi32(zeros, _mm256_madd_epi16(hit, minus_one));
  }
  return sum_lanes(zeros);
}

template <bool Signed>
TACTUS_AVX2 std::int64_t pair_bytes_of(const std::uint8_t* even, const std::uint8_t* odd,
                                       std::int16_t zero_point, std::int64_t panels,
                                       std::int64_t panel_stride, std::int16_t* out) {
  const __m256i offset = _mm256_set1_epi16(zero_point);
  std::int64_t zeros = 0;
  constexpr std::int64_t countable = 32767;  // panels until a lane's count is full
  for (std::int64_t from = 0; from < panels; from += countable) {
    __m256i count = _mm256_setzero_si256();
    const std::int64_t to = std::min(panels, from + countable);
    for (std::int64_t p = from; p < to; ++p, out += panel_stride) {
      const __m128i bytes = _mm_unpacklo_epi8(_mm_loadl_epi64(half_vec(even + p * panel_pixels)),
                                              _mm_loadl_epi64(half_vec(odd + p * panel_pixels)));
      const __m256i raw = Signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
      const __m256i pairs = _mm256_sub_epi16(raw, offset);
      _mm256_storeu_si256(vec(out), pairs);
      count = _mm256_sub_epi16(count, _mm256_cmpeq_epi16(pairs, _mm256_setzero_si256()));
    }
    zeros += sum_lanes(_mm256_madd_epi16(count, _mm256_set1_epi16(1)));
  }
  return zeros;
}

std::int64_t pair_bytes(const std::uint8_t* even, const std::uint8_t* odd, OperandFormat format,
                        std::int64_t panels, std::int64_t panel_stride, std::int16_t* out) {
  const auto pair = format.is_signed ? pair_bytes_of<true> : pair_bytes_of<false>;
  return pair(even, odd, format.zero_point, panels, panel_stride, out);
}

/// Writes a strip of weight pairs into its four blocks.
TACTUS_AVX2 inline void store_strip(__m256i e, __m256i o, std::int64_t block_stride,
                                    std::int16_t* out) {
  const __m256i low = _mm256_unpacklo_epi16(e, o);   // columns 0-3, 8-11
  const __m256i high = _mm256_unpackhi_epi16(e, o);  // columns 4-7, 12-15
  const auto store = [&](std::int64_t block, __m128i v)
                         TACTUS_AVX2 { std::memcpy(out + block * block_stride, &v, sizeof v); };
  store(0, _mm256_castsi256_si128(low));
  store(1, _mm256_castsi256_si128(high));
  store(2, _mm256_extracti128_si256(low, 1));
  store(3, _mm256_extracti128_si256(high, 1));
}

TACTUS_AVX2 void pack_weights(const std::uint8_t* even, const std::uint8_t* odd,
                              OperandFormat format, std::int64_t strips, std::int64_t block_stride,
                              std::int16_t* out) {
  const __m256i zero_point = _mm256_set1_epi16(format.zero_point);
  for (std::int64_t s = 0; s < strips; ++s, out += strip_cols / block_cols * block_stride) {
    const std::int64_t c = s * strip_cols;
    const __m256i e = _mm256_sub_epi16(widen(even + c, format.is_signed), zero_point);
    const __m256i o = odd != nullptr
                          ? _mm256_sub_epi16(widen(odd + c, format.is_signed), zero_point)
                          : _mm256_setzero_si256();
    store_strip(e, o, block_stride, out);
  }
}

TACTUS_AVX2 void pair_weights(const std::int16_t* even, const std::int16_t* odd,
                              std::int64_t strips, std::int64_t block_stride, std::int16_t* out) {
  for (std::int64_t s = 0; s < strips; ++s, out += strip_cols / block_cols * block_stride) {
    const std::int64_t c = s * strip_cols;
    const __m256i o = odd != nullptr ? _mm256_loadu_si256(vec(odd + c)) : _mm256_setzero_si256();
    store_strip(_mm256_loadu_si256(vec(even + c)), o, block_stride, out);
  }
}

TACTUS_AVX2 void magnitudes(const std::int16_t* weights, std::int64_t blocks,
                            std::int64_t block_stride, std::int64_t pairs, std::int32_t* sums) {
  const __m128i ones = _mm_set1_epi16(1);
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int16_t* w = weights + b * block_stride;
    __m128i sum = _mm_setzero_si128();
    for (std::int64_t k = 0; k < pairs; ++k, w += block_step) {
      const __m128i magnitude = _mm_abs_epi16(_mm_loadu_si128(half_vec(w)));
      sum = _mm_add_epi32(sum, _mm_madd_epi16(magnitude, ones));
    }
    std::memcpy(sums + b * block_cols, &sum, sizeof sum);
  }
}

#define TACTUS_AVX2_INLINE TACTUS_AVX2 __attribute__((always_inline)) inline

/// Sums of one column over up to three panels; members of their own, because the compiler keeps
/// arrays of vectors in memory.
struct ColumnSums {
  __m256i first, second, third;
};

template <int Panels>
TACTUS_AVX2_INLINE ColumnSums load_sums(const std::int32_t* from) {
  ColumnSums sums{};
  sums.first = _mm256_loadu_si256(vec(from));
  if constexpr (Panels > 1) sums.second = _mm256_loadu_si256(vec(from + panel_pixels));
  if constexpr (Panels > 2) sums.third = _mm256_loadu_si256(vec(from + 2 * panel_pixels));
  return sums;
}

template <int Panels>
TACTUS_AVX2_INLINE void store_sums(const ColumnSums& sums, std::int32_t* to) {
  _mm256_storeu_si256(vec(to), sums.first);
  if constexpr (Panels > 1) _mm256_storeu_si256(vec(to + panel_pixels), sums.second);
  if constexpr (Panels > 2) _mm256_storeu_si256(vec(to + 2 * panel_pixels), sums.third);
}

/// Adds one pair of K elements to one column.
template <int Panels>
TACTUS_AVX2_INLINE void add_pair(ColumnSums& sums, __m256i first, __m256i second,
                                 const std::int16_t*& third, const std::int16_t* weights) {
  std::int32_t pair = 0;
  std::memcpy(&pair, weights, sizeof pair);
  const __m256i weight = _mm256_set1_epi32(pair);
  sums.first = _mm256_add_epi32(sums.first, _mm256_madd_epi16(first, weight));
  if constexpr (Panels > 1) {
    sums.second = _mm256_add_epi32(sums.second, _mm256_madd_epi16(second, weight));
  }
  if constexpr (Panels > 2) {
    // 12 sums, two panels, a weight and a product fill the 16 registers: the empty statement makes
    // the compiler read the third panel from memory for every column instead of spilling sums.
    asm("" : "+r"(third));
    const __m256i pixels = _mm256_loadu_si256(vec(third));
    sums.third = _mm256_add_epi32(sums.third, _mm256_madd_epi16(pixels, weight));
  }
}

/// One tile of `Panels` panels x one block over the pairs of one K chunk.
template <int Panels>
TACTUS_AVX2 void tile(const std::int16_t* a, std::int64_t panel_stride, const std::int16_t* w,
                      std::int64_t pairs, bool add, std::int32_t* out, std::int64_t out_stride) {
  ColumnSums s0{}, s1{}, s2{}, s3{};
  if (add) {
    s0 = load_sums<Panels>(out);
    s1 = load_sums<Panels>(out + out_stride);
    s2 = load_sums<Panels>(out + 2 * out_stride);
    s3 = load_sums<Panels>(out + 3 * out_stride);
  }
  for (std::int64_t k = 0; k < pairs; ++k, a += panel_step, w += block_step) {
    __m256i first = _mm256_loadu_si256(vec(a));
    __m256i second = _mm256_setzero_si256();
    if constexpr (Panels > 1) second = _mm256_loadu_si256(vec(a + panel_stride));
    asm("" : "+x"(first), "+x"(second));
    const std::int16_t* third = Panels > 2 ? a + 2 * panel_stride : a;
    add_pair<Panels>(s0, first, second, third, w);
    add_pair<Panels>(s1, first, second, third, w + 2);
    add_pair<Panels>(s2, first, second, third, w + 4);
    add_pair<Panels>(s3, first, second, third, w + 6);
  }
  store_sums<Panels>(s0, out);
  store_sums<Panels>(s1, out + out_stride);
  store_sums<Panels>(s2, out + 2 * out_stride);
  store_sums<Panels>(s3, out + 3 * out_stride);
}

TACTUS_AVX2 void multiply(const PackedOperands& in, std::int64_t first, std::int64_t last,
                          std::int32_t* out, std::int64_t out_stride) {
  constexpr std::int64_t chunk = 256;  // pairs: three panels of it fit half the L1 cache
  for (std::int64_t from = first; from == first || from < last; from += chunk) {
    const std::int64_t pairs = std::min(chunk, last - from);
    const bool add = from != first;
    for (std::int64_t p = 0; p < in.panels;) {
      const std::int64_t left = in.panels - p;
      const std::int64_t width = left == 4 ? 2 : std::min<std::int64_t>(left, 3);
      const std::int16_t* a = in.activations + p * in.panel_stride + from * panel_step;
      for (std::int64_t b = 0; b < in.blocks; ++b) {
        const std::int16_t* w = in.weights + b * in.block_stride + from * block_step;
        std::int32_t* to = out + b * block_cols * out_stride + p * panel_pixels;
        switch (width) {
          case 3:
            tile<3>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
          case 2:
            tile<2>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
          default:
            tile<1>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
        }
      }
      p += width;
    }
  }
}

}  // namespace

const Kernels* avx2_kernels() {
  static const Kernels kernels{"avx2",     gather,     collect_bytes,  collect,      extract,
                               select,     interleave, pair_bytes,     pack_weights, pair_weights,
                               magnitudes, multiply,   avx2_winograd()};
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}

}  // namespace tactus::fast

#else

namespace tactus::fast {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace tactus::fast

#endif
