// SPDX-License-Identifier: Apache-2.0
// The blocked loop of Kernels::multiply for instruction sets with a fused dot product, over a type
// V that wraps one vector of 8 * V::panels pixels:
//   V::Sums                        int32 sums of its pixels
//   V::Sums V::zero(), V::load(const std::int32_t*)
//   void V::store(V::Sums, std::int32_t*)
//   V::Pairs V::pixels(a, stride)  the pairs of V::panels panels that are `stride` apart
//   V::Pairs V::weight(w)          one pair for all pixels
//   V::Sums V::dot(sums, pixels, weight)   sums + the dot product of each pair, exact modulo 2^32
// Include it inside the region whose functions may use the instructions: it has no #pragma once.

/// Sums of one column over up to four vectors; members of their own, because the compiler keeps
/// arrays of vectors in memory.
template <class V>
struct TileColumn {
  typename V::Sums first, second, third, fourth;
};

template <class V, int Vectors>
TACTUS_TILES_INLINE TileColumn<V> load_column(const std::int32_t* from, bool add) {
  constexpr std::int64_t step = V::panels * panel_pixels;
  TileColumn<V> sums;
  sums.first = add ? V::load(from) : V::zero();
  sums.second = add && Vectors > 1 ? V::load(from + step) : V::zero();
  sums.third = add && Vectors > 2 ? V::load(from + 2 * step) : V::zero();
  sums.fourth = add && Vectors > 3 ? V::load(from + 3 * step) : V::zero();
  return sums;
}

template <class V, int Vectors>
TACTUS_TILES_INLINE void store_column(const TileColumn<V>& sums, std::int32_t* to) {
  constexpr std::int64_t step = V::panels * panel_pixels;
  V::store(sums.first, to);
  if constexpr (Vectors > 1) V::store(sums.second, to + step);
  if constexpr (Vectors > 2) V::store(sums.third, to + 2 * step);
  if constexpr (Vectors > 3) V::store(sums.fourth, to + 3 * step);
}

/// One tile of `Vectors` vectors x one block over `pairs` pairs.
template <class V, int Vectors>
TACTUS_TILES_INLINE void vector_tile(const std::int16_t* a, std::int64_t panel_stride,
                                     const std::int16_t* w, std::int64_t pairs, bool add,
                                     std::int32_t* out, std::int64_t out_stride) {
  const std::int64_t step = V::panels * panel_stride;
  TileColumn<V> c0 = load_column<V, Vectors>(out, add);
  TileColumn<V> c1 = load_column<V, Vectors>(out + out_stride, add);
  TileColumn<V> c2 = load_column<V, Vectors>(out + 2 * out_stride, add);
  TileColumn<V> c3 = load_column<V, Vectors>(out + 3 * out_stride, add);
  for (std::int64_t k = 0; k < pairs; ++k, a += panel_step, w += block_step) {
    const typename V::Pairs w0 = V::weight(w), w1 = V::weight(w + 2);
    const typename V::Pairs w2 = V::weight(w + 4), w3 = V::weight(w + 6);
    const auto add_vector = [&](typename V::Sums TileColumn<V>::*sum,
                                const typename V::Pairs& pixels) TACTUS_TILES_LAMBDA {
      c0.*sum = V::dot(c0.*sum, pixels, w0);
      c1.*sum = V::dot(c1.*sum, pixels, w1);
      c2.*sum = V::dot(c2.*sum, pixels, w2);
      c3.*sum = V::dot(c3.*sum, pixels, w3);
    };
    add_vector(&TileColumn<V>::first, V::pixels(a, panel_stride));
    if constexpr (Vectors > 1)
      add_vector(&TileColumn<V>::second, V::pixels(a + step, panel_stride));
    if constexpr (Vectors > 2) {
      add_vector(&TileColumn<V>::third, V::pixels(a + 2 * step, panel_stride));
    }
    if constexpr (Vectors > 3) {
      add_vector(&TileColumn<V>::fourth, V::pixels(a + 3 * step, panel_stride));
    }
  }
  store_column<V, Vectors>(c0, out);
  store_column<V, Vectors>(c1, out + out_stride);
  store_column<V, Vectors>(c2, out + 2 * out_stride);
  store_column<V, Vectors>(c3, out + 3 * out_stride);
}

/// All panels: as many as go into tiles of V, at most `Most` vectors at a time, the rest with
/// vectors of one panel each.
template <class V, class OnePanel, int Most>
TACTUS_TILES_INLINE void multiply_tiles(const PackedOperands& in, std::int64_t first,
                                        std::int64_t last, std::int32_t* out,
                                        std::int64_t out_stride) {
  static_assert(Most == 3 || Most == 4);
  constexpr std::int64_t chunk = 256;  // pairs: the panels of a tile stay in the L1 cache
  for (std::int64_t from = first; from == first || from < last; from += chunk) {
    const std::int64_t pairs = last - from < chunk ? last - from : chunk;
    const bool add = from != first;
    for (std::int64_t p = 0; p < in.panels;) {
      std::int64_t vectors = (in.panels - p) / V::panels;
      if (vectors > Most) vectors = Most;
      const std::int16_t* a = in.activations + p * in.panel_stride + from * panel_step;
      for (std::int64_t b = 0; b < in.blocks; ++b) {
        const std::int16_t* w = in.weights + b * in.block_stride + from * block_step;
        std::int32_t* to = out + b * block_cols * out_stride + p * panel_pixels;
        switch (vectors) {
          case 4:
            if constexpr (Most > 3) {
              vector_tile<V, 4>(a, in.panel_stride, w, pairs, add, to, out_stride);
            }
            break;
          case 3:
            vector_tile<V, 3>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
          case 2:
            vector_tile<V, 2>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
          case 1:
            vector_tile<V, 1>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
          default:
            vector_tile<OnePanel, 1>(a, in.panel_stride, w, pairs, add, to, out_stride);
            break;
        }
      }
      p += vectors > 0 ? vectors * V::panels : 1;
    }
  }
}
