// SPDX-License-Identifier: Apache-2.0
#include "lower/geometry.hpp"

#include <algorithm>

namespace tactus::lower {

TileLayout layout_tile(const Window& window, const PixelTile& tile, std::int64_t h, std::int64_t w,
                       std::int64_t elem, std::int64_t beat) {
  TileLayout out;
  const std::int64_t y_first = tile.y0 * window.stride_h - window.pad_top;
  const std::int64_t y_last = (tile.y0 + tile.h - 1) * window.stride_h - window.pad_top +
                              (window.kernel_h - 1) * window.dilation_h;
  const std::int64_t x_first = tile.x0 * window.stride_w - window.pad_left;
  const std::int64_t x_last = (tile.x0 + tile.w - 1) * window.stride_w - window.pad_left +
                              (window.kernel_w - 1) * window.dilation_w;

  out.lines = y_last - y_first + 1;
  const std::int64_t load_y0 = std::max<std::int64_t>(y_first, 0);
  const std::int64_t load_y1 = std::min(y_last, h - 1);
  out.loaded_lines = std::max<std::int64_t>(load_y1 - load_y0 + 1, 0);
  out.first_line = load_y0 - y_first;
  out.src_y = load_y0;

  const std::int64_t elems_per_beat = beat / elem;
  const std::int64_t load_x0 = std::max<std::int64_t>(x_first, 0) / elems_per_beat * elems_per_beat;
  const std::int64_t load_x1 = std::min(x_last, w - 1);
  out.src_x = load_x0;
  out.data_bytes = std::max<std::int64_t>(load_x1 - load_x0 + 1, 0) * elem;
  out.data_begin = x_first < 0 ? round_up(-x_first * elem, beat) : 0;
  out.base = out.data_begin + (x_first - load_x0) * elem;

  const std::int64_t line_end = out.data_begin + round_up(out.data_bytes, beat);
  const std::int64_t read_end = out.base + (x_last - x_first + 1) * elem;
  const std::int64_t overhang = std::max<std::int64_t>(read_end - line_end, 0);
  // The next line's left pad serves as right pad of this one.
  const std::int64_t own_right = std::max<std::int64_t>(overhang - out.data_begin, 0);
  out.pitch = line_end + round_up(own_right, beat);
  out.trailing = std::max<std::int64_t>(round_up(read_end, beat) - out.pitch, 0);
  out.needs_fill = y_first < 0 || y_last > h - 1 || x_first < 0 || x_last > w - 1;
  return out;
}

}  // namespace tactus::lower
