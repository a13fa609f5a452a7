// SPDX-License-Identifier: Apache-2.0
// How a tile of an activation tensor lies in the banks of a buffer, padding included.
#pragma once

#include <cstdint>

#include "network/network.hpp"

namespace tactus::lower {

[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
[[nodiscard]] constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_div(a, b) * b;
}

/// Bytes of an element in the ofmap buffer: an operand word, or 2 or 4 where that is too narrow.
[[nodiscard]] constexpr std::int64_t element_bytes(const Format& f, std::int64_t word_bytes) {
  return f.bits <= 8 * word_bytes ? word_bytes : f.bits <= 16 ? 2 : 4;
}
[[nodiscard]] constexpr std::int64_t log2_bytes(std::int64_t bytes) {
  return bytes == 1 ? 0 : bytes == 2 ? 1 : 2;
}
[[nodiscard]] constexpr std::int64_t log2_of(std::int64_t power_of_two) {
  std::int64_t n = 0;
  while ((std::int64_t{1} << n) < power_of_two) ++n;
  return n;
}

/// Window of a layer with sliding taps.
struct Window {
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1,
               dilation_w = 1, pad_top = 0, pad_left = 0;
};

/// Output pixels [y0, y0+h) x [x0, x0+w).
struct PixelTile {
  std::int64_t y0 = 0, x0 = 0, h = 0, w = 0;
  [[nodiscard]] std::int64_t count() const { return h * w; }
};

/// Layout of the input region of a pixel tile inside one slot of a bank. All lengths in bytes
/// except where the name says otherwise; a line is [left pad][data][right pad].
struct TileLayout {
  std::int64_t base = 0;        ///< of pixel (0,0), tap (0,0)
  std::int64_t pitch = 0;       ///< from line to line, beat aligned
  std::int64_t lines = 0;       ///< buffer lines, pad lines included
  std::int64_t trailing = 0;    ///< behind the last slot, beat aligned
  std::int64_t data_begin = 0;  ///< of the first loaded byte inside a line, beat aligned
  std::int64_t data_bytes = 0;  ///< loaded bytes per line; 0 when nothing is inside the image
  std::int64_t first_line = 0;  ///< buffer line of the first loaded line
  std::int64_t loaded_lines = 0;
  std::int64_t src_y = 0, src_x = 0;  ///< element coordinates of the first loaded element
  bool needs_fill = false;            ///< some tap lies outside the image
  [[nodiscard]] std::int64_t slot_bytes() const { return lines * pitch; }
  [[nodiscard]] std::int64_t bank_bytes(std::int64_t slots) const {
    return slots * slot_bytes() + trailing;
  }
};

/// Layout for `tile` of a layer that reads an image of h x w pixels of `elem` bytes with beats of
/// `beat` bytes. Loads start at beat-aligned addresses of the tensor's lines.
[[nodiscard]] TileLayout layout_tile(const Window& window, const PixelTile& tile, std::int64_t h,
                                     std::int64_t w, std::int64_t elem, std::int64_t beat);

}  // namespace tactus::lower
