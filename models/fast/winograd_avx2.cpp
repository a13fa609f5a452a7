// SPDX-License-Identifier: Apache-2.0
#include "fast/winograd_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

// Only functions so marked may use AVX2: the file itself is compiled for the base instruction set.
#define TACTUS_AVX2 __attribute__((target("avx2")))
#define TACTUS_AVX2_INLINE TACTUS_AVX2 __attribute__((always_inline)) inline

namespace tactus::fast {
namespace {

__m256i* vec(void* p) { return static_cast<__m256i*>(p); }
const __m256i* vec(const void* p) { return static_cast<const __m256i*>(p); }

template <bool Signed>
TACTUS_AVX2_INLINE __m256i widen(const std::uint8_t* bytes) {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  return Signed ? _mm256_cvtepi8_epi16(raw) : _mm256_cvtepu8_epi16(raw);
}

/// Sixteen values of the rows of B^T d at three neighbouring places: x, x + 1, x + 2.
struct RowParts {
  __m256i at0, at1, at2;
};
template <bool Signed>
TACTUS_AVX2_INLINE RowParts load_row(const std::uint8_t* row) {
  return {widen<Signed>(row), widen<Signed>(row + 1), widen<Signed>(row + 2)};
}
TACTUS_AVX2_INLINE RowParts plus(const RowParts& a, const RowParts& b) {
  return {_mm256_add_epi16(a.at0, b.at0), _mm256_add_epi16(a.at1, b.at1),
          _mm256_add_epi16(a.at2, b.at2)};
}
TACTUS_AVX2_INLINE RowParts minus(const RowParts& a, const RowParts& b) {
  return {_mm256_sub_epi16(a.at0, b.at0), _mm256_sub_epi16(a.at1, b.at1),
          _mm256_sub_epi16(a.at2, b.at2)};
}

/// The low halves of 32-bit lanes: (low, high).
TACTUS_AVX2_INLINE __m256i join(__m256i low, __m256i high) {
  return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xAA);
}

/// One row of B^T d of both channels times B: four points of eight tiles. With values a b c d of a
/// tile, 16-bit lane 2t of a vector is a, b or c of tile t, lane 2t + 1 is b, c or d.
TACTUS_AVX2_INLINE void store_points(const RowParts& even, const RowParts& odd, __m256i offset,
                                     std::int64_t point_stride, std::int16_t* out) {
  const __m256i both = _mm256_set1_epi16(1), second_less_first = _mm256_set1_epi32(0x0001FFFF);
  const __m256i ends_even = _mm256_sub_epi16(even.at0, even.at2);  // a - c, b - d
  const __m256i ends_odd = _mm256_sub_epi16(odd.at0, odd.at2);
  _mm256_storeu_si256(vec(out), join(ends_even, ends_odd));
  const __m256i sums = join(_mm256_madd_epi16(even.at1, both), _mm256_madd_epi16(odd.at1, both));
  _mm256_storeu_si256(vec(out + point_stride), _mm256_sub_epi16(sums, offset));
  _mm256_storeu_si256(vec(out + 2 * point_stride),
                      join(_mm256_madd_epi16(even.at1, second_less_first),
                           _mm256_madd_epi16(odd.at1, second_less_first)));
  _mm256_storeu_si256(vec(out + 3 * point_stride),
                      _mm256_blend_epi16(_mm256_srli_epi32(ends_even, 16), ends_odd, 0xAA));
}

template <bool Signed>
TACTUS_AVX2 void transform_pixels_of(const std::uint8_t* even, const std::uint8_t* odd,
                                     std::int64_t step_y, const WinogradGrid& grid,
                                     std::int16_t zero_point, std::int64_t point_stride,
                                     std::int16_t* out) {
  const std::int64_t tiles_x = grid.tiles_x(), tiles_y = grid.tiles_y();
  // Only in the sum of all four values of d the zero point does not cancel.
  const __m256i none = _mm256_setzero_si256();
  const __m256i offset = _mm256_set1_epi16(static_cast<std::int16_t>(4 * zero_point));
  for (std::int64_t ty = 0; ty < tiles_y; ++ty, out += 2 * tiles_x) {
    // A row behind the last one: no pixel that is kept depends on it.
    const std::int64_t last = std::min(2 * ty + 3, grid.out_h + 1) - 2 * ty;
    for (std::int64_t tx = 0; tx < tiles_x; tx += 8) {
      const std::uint8_t* e = even + 2 * ty * step_y + 2 * tx;
      const std::uint8_t* o = odd + 2 * ty * step_y + 2 * tx;
      std::int16_t* to = out + 2 * tx;
      const RowParts e1 = load_row<Signed>(e + step_y), o1 = load_row<Signed>(o + step_y);
      const RowParts e2 = load_row<Signed>(e + 2 * step_y), o2 = load_row<Signed>(o + 2 * step_y);
      store_points(minus(load_row<Signed>(e), e2), minus(load_row<Signed>(o), o2), none,
                   point_stride, to);
      store_points(plus(e1, e2), plus(o1, o2), offset, point_stride, to + 4 * point_stride);
      store_points(minus(e2, e1), minus(o2, o1), none, point_stride, to + 8 * point_stride);
      store_points(minus(e1, load_row<Signed>(e + last * step_y)),
                   minus(o1, load_row<Signed>(o + last * step_y)), none, point_stride,
                   to + 12 * point_stride);
    }
  }
}

void transform_pixels(const std::uint8_t* even, const std::uint8_t* odd, std::int64_t step_y,
                      const WinogradGrid& grid, OperandFormat format, std::int64_t point_stride,
                      std::int16_t* out) {
  const auto transform = format.is_signed ? transform_pixels_of<true> : transform_pixels_of<false>;
  transform(even, odd, step_y, grid, format.zero_point, point_stride, out);
}

/// The taps of eight columns, each (even channel, odd channel), times 2G on one side.
struct Taps {
  __m256i first, second, third;
};
struct Filtered {
  __m256i row0, row1, row2, row3;
};
TACTUS_AVX2_INLINE Filtered times_g(const Taps& g) {
  const __m256i outer = _mm256_add_epi16(g.first, g.third);
  return {_mm256_add_epi16(g.first, g.first), _mm256_add_epi16(outer, g.second),
          _mm256_sub_epi16(outer, g.second), _mm256_add_epi16(g.third, g.third)};
}

/// A tap of 16 columns: eight of them in each vector.
struct TapPair {
  __m256i low, high;
};
template <bool Signed, bool Shifted>
TACTUS_AVX2_INLINE TapPair load_tap(const std::uint8_t* even, const std::uint8_t* odd,
                                    __m256i zero_point) {
  const __m128i e = _mm_loadu_si128(reinterpret_cast<const __m128i*>(even));
  const __m128i o = _mm_loadu_si128(reinterpret_cast<const __m128i*>(odd));
  const __m128i low = _mm_unpacklo_epi8(e, o), high = _mm_unpackhi_epi8(e, o);
  TapPair tap{Signed ? _mm256_cvtepi8_epi16(low) : _mm256_cvtepu8_epi16(low),
              Signed ? _mm256_cvtepi8_epi16(high) : _mm256_cvtepu8_epi16(high)};
  if constexpr (Shifted) {
    tap.low = _mm256_sub_epi16(tap.low, zero_point);
    tap.high = _mm256_sub_epi16(tap.high, zero_point);
  }
  return tap;
}

TACTUS_AVX2_INLINE void store_row(__m256i a, __m256i b, __m256i c, std::int64_t point_stride,
                                  std::int16_t* out) {
  const Filtered points = times_g({a, b, c});
  _mm256_storeu_si256(vec(out), points.row0);
  _mm256_storeu_si256(vec(out + point_stride), points.row1);
  _mm256_storeu_si256(vec(out + 2 * point_stride), points.row2);
  _mm256_storeu_si256(vec(out + 3 * point_stride), points.row3);
}

/// 2G g (2G)^T from the columns of 2G g.
TACTUS_AVX2_INLINE void store_filter(const Filtered& a, const Filtered& b, const Filtered& c,
                                     std::int64_t point_stride, std::int16_t* out) {
  store_row(a.row0, b.row0, c.row0, point_stride, out);
  store_row(a.row1, b.row1, c.row1, point_stride, out + 4 * point_stride);
  store_row(a.row2, b.row2, c.row2, point_stride, out + 8 * point_stride);
  store_row(a.row3, b.row3, c.row3, point_stride, out + 12 * point_stride);
}

template <bool Signed, bool Shifted>
TACTUS_AVX2 void transform_weights_of(const std::uint8_t* even, const std::uint8_t* odd,
                                      std::int64_t tap_step, std::int16_t zero_point,
                                      std::int64_t point_stride, std::int16_t* out) {
  const __m256i zero = _mm256_set1_epi16(zero_point);
  const auto tap = [&](std::int64_t i) TACTUS_AVX2 {
    return load_tap<Signed, Shifted>(even + i * tap_step, odd + i * tap_step, zero);
  };
  const TapPair t0 = tap(0), t3 = tap(3), t6 = tap(6), t1 = tap(1), t4 = tap(4), t7 = tap(7);
  const TapPair t2 = tap(2), t5 = tap(5), t8 = tap(8);
  store_filter(times_g({t0.low, t3.low, t6.low}), times_g({t1.low, t4.low, t7.low}),
               times_g({t2.low, t5.low, t8.low}), point_stride, out);
  store_filter(times_g({t0.high, t3.high, t6.high}), times_g({t1.high, t4.high, t7.high}),
               times_g({t2.high, t5.high, t8.high}), point_stride, out + strip_cols);
}

void transform_weights(const std::uint8_t* even, const std::uint8_t* odd, std::int64_t tap_step,
                       OperandFormat format, std::int64_t point_stride, std::int16_t* out) {
  const auto as_signed =
      format.zero_point != 0 ? transform_weights_of<true, true> : transform_weights_of<true, false>;
  const auto as_unsigned = format.zero_point != 0 ? transform_weights_of<false, true>
                                                  : transform_weights_of<false, false>;
  const auto transform = format.is_signed ? as_signed : as_unsigned;
  transform(even, odd, tap_step, format.zero_point, point_stride, out);
}

/// Sums of a tile for the 16 columns.
struct TileSums {
  __m256i low, high;
};
TACTUS_AVX2_INLINE void add_pair(TileSums& sums, const std::int16_t* pixel, __m256i low,
                                 __m256i high) {
  std::int32_t pair = 0;
  std::memcpy(&pair, pixel, sizeof pair);
  const __m256i pixels = _mm256_set1_epi32(pair);
  sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(pixels, low));
  sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(pixels, high));
}
TACTUS_AVX2_INLINE void store_sums(const TileSums& sums, std::int32_t* to) {
  _mm256_storeu_si256(vec(to), sums.low);
  _mm256_storeu_si256(vec(to + 8), sums.high);
}

/// `Tiles` tiles, at most six: 12 sums, two weights, a pixel and a product fill the 16 registers.
template <int Tiles>
TACTUS_AVX2 void multiply_tiles(const std::int16_t* a, const std::int16_t* w, std::int64_t pairs,
                                std::int64_t tiles, std::int32_t* out) {
  TileSums s0{}, s1{}, s2{}, s3{}, s4{}, s5{};
  for (std::int64_t k = 0; k < pairs; ++k, a += 2 * tiles, w += 2 * strip_cols) {
    const __m256i low = _mm256_loadu_si256(vec(w)), high = _mm256_loadu_si256(vec(w + 16));
    add_pair(s0, a, low, high);
    if constexpr (Tiles > 1) add_pair(s1, a + 2, low, high);
    if constexpr (Tiles > 2) add_pair(s2, a + 4, low, high);
    if constexpr (Tiles > 3) add_pair(s3, a + 6, low, high);
    if constexpr (Tiles > 4) add_pair(s4, a + 8, low, high);
    if constexpr (Tiles > 5) add_pair(s5, a + 10, low, high);
  }
  store_sums(s0, out);
  if constexpr (Tiles > 1) store_sums(s1, out + 1 * strip_cols);
  if constexpr (Tiles > 2) store_sums(s2, out + 2 * strip_cols);
  if constexpr (Tiles > 3) store_sums(s3, out + 3 * strip_cols);
  if constexpr (Tiles > 4) store_sums(s4, out + 4 * strip_cols);
  if constexpr (Tiles > 5) store_sums(s5, out + 5 * strip_cols);
}

void multiply(const std::int16_t* pixels, const std::int16_t* weights, std::int64_t pairs,
              std::int64_t tiles, std::int32_t* products) {
  using Multiply =
      void (*)(const std::int16_t*, const std::int16_t*, std::int64_t, std::int64_t, std::int32_t*);
  static constexpr Multiply by_count[] = {multiply_tiles<1>, multiply_tiles<2>, multiply_tiles<3>,
                                          multiply_tiles<4>, multiply_tiles<5>, multiply_tiles<6>};
  // Groups as equal as possible: small ones spend more on loads.
  for (std::int64_t groups = (tiles + 5) / 6, t = 0; groups > 0; --groups) {
    const std::int64_t count = (tiles - t + groups - 1) / groups;
    by_count[count - 1](pixels + 2 * t, weights, pairs, tiles, products + t * strip_cols);
    t += count;
  }
}

TACTUS_AVX2 void finish(const std::int32_t* products, const WinogradGrid& grid, std::int64_t first,
                        std::int64_t last, std::int32_t* sums) {
  const std::int64_t tiles_x = grid.tiles_x(), point_stride = grid.tiles() * strip_cols;
  std::int64_t y = first / tiles_x * 2, x = first % tiles_x * 2;
  for (std::int64_t t = first; t < last; ++t) {
    const bool right = x + 1 < grid.out_w, below = y + 1 < grid.out_h;
    std::int32_t* to = sums + (y * grid.out_w + x) * strip_cols;
    for (std::int64_t half = 0; half < strip_cols; half += 8) {
      const std::int32_t* m = products + t * strip_cols + half;
      const auto at = [&](std::int64_t point)
                          TACTUS_AVX2 { return _mm256_loadu_si256(vec(m + point * point_stride)); };
      const auto upper = [&](std::int64_t i) TACTUS_AVX2 {
        return _mm256_add_epi32(_mm256_add_epi32(at(i), at(4 + i)), at(8 + i));
      };
      const auto lower = [&](std::int64_t i) TACTUS_AVX2 {
        return _mm256_sub_epi32(_mm256_sub_epi32(at(4 + i), at(8 + i)), at(12 + i));
      };
      const auto put = [&](__m256i a, __m256i b, __m256i c, __m256i d,
                           std::int32_t* line) TACTUS_AVX2 {
        const __m256i left = _mm256_add_epi32(_mm256_add_epi32(a, b), c);
        _mm256_storeu_si256(vec(line), _mm256_srai_epi32(left, 2));
        if (!right) return;
        const __m256i next = _mm256_sub_epi32(_mm256_sub_epi32(b, c), d);
        _mm256_storeu_si256(vec(line + strip_cols), _mm256_srai_epi32(next, 2));
      };
      put(upper(0), upper(1), upper(2), upper(3), to + half);
      if (below) {
        put(lower(0), lower(1), lower(2), lower(3), to + grid.out_w * strip_cols + half);
      }
    }
    x += 2;
    if (x >= grid.out_w) {
      x = 0;
      y += 2;
    }
  }
}

/// Eight entries of a column.
TACTUS_AVX2_INLINE void store_column(__m128i low, __m128i high, std::int64_t* to) {
  _mm256_storeu_si256(vec(to), _mm256_cvtepi32_epi64(low));
  _mm256_storeu_si256(vec(to + 4), _mm256_cvtepi32_epi64(high));
}

TACTUS_AVX2 void store(const std::int32_t* sums, std::int64_t pixels, std::int64_t cols,
                       std::int64_t* psums, std::int64_t stride) {
  for (std::int64_t first = 0; first < pixels; first += 8, sums += 8 * strip_cols) {
    for (std::int64_t quad = 0; quad < strip_cols; quad += 4) {
      if (quad >= cols) break;
      const auto at = [&](std::int64_t pixel) TACTUS_AVX2 {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(sums + pixel * strip_cols + quad));
      };
      const auto both = [&](std::int64_t pixel)
                            TACTUS_AVX2 { return _mm256_set_m128i(at(pixel + 4), at(pixel)); };
      const __m256i p0 = both(0), p1 = both(1), p2 = both(2), p3 = both(3);
      const __m256i low01 = _mm256_unpacklo_epi32(p0, p1), low23 = _mm256_unpacklo_epi32(p2, p3);
      const __m256i high01 = _mm256_unpackhi_epi32(p0, p1), high23 = _mm256_unpackhi_epi32(p2, p3);
      const __m256i columns[4] = {
          _mm256_unpacklo_epi64(low01, low23), _mm256_unpackhi_epi64(low01, low23),
          _mm256_unpacklo_epi64(high01, high23), _mm256_unpackhi_epi64(high01, high23)};
      for (std::int64_t i = 0; i < 4; ++i) {
        if (quad + i >= cols) break;
        std::int64_t* to = psums + (quad + i) * stride + first;
        const __m128i low = _mm256_castsi256_si128(columns[i]);
        const __m128i high = _mm256_extracti128_si256(columns[i], 1);
        if (pixels - first >= 8) {
          store_column(low, high, to);
          continue;
        }
        std::int64_t rest[8];
        store_column(low, high, rest);
        for (std::int64_t p = 0; p < pixels - first; ++p) to[p] = rest[p];
      }
    }
  }
}

}  // namespace

const WinogradKernels* avx2_winograd() {
  static const WinogradKernels kernels{
      transform_pixels, transform_weights, multiply, finish, store, 16, 1000};
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}

}  // namespace tactus::fast

#else

namespace tactus::fast {
const WinogradKernels* avx2_winograd() { return nullptr; }
}  // namespace tactus::fast

#endif
