// SPDX-License-Identifier: Apache-2.0
// Pixels that become channels, channels that become pixels: strided loads and stores bring the
// channels to their banks, clamps without effect put lines together or apart in the ofmap buffer.
#include <algorithm>

#include "lower/post_tiles.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

constexpr std::int64_t most_pixels = 16383;  ///< lines of a post op

/// A post op that copies.
PostOp copy_op(const TileLayout& layout, const Format& format, std::int64_t elem,
               std::int64_t stride_w, int half) {
  PostOp op = source_op(layout, format, elem, stride_w, half);
  op.mode = static_cast<std::int64_t>(PostMode::clamp);
  op.clamp_min = -(std::int64_t{1} << 31);
  op.clamp_max = (std::int64_t{1} << 31) - 1;
  op.dst_half = half;
  op.dst_log2_bytes = log2_bytes(elem);
  return op;
}

/// Lines [y, y + count) of channel c, one to each bank: `step` is the distance of two of them.
struct LinesOf {
  std::int64_t c = 0, y = 0, count = 0, step = 1;
};

void load_lines(Context& ctx, int index, const std::string& from, const LinesOf& lines,
                const TileLayout& layout, int half, std::int64_t base) {
  const TensorPlace& t = ctx.place(from);
  const std::int64_t beat = ctx.config.beat_bytes();
  const auto stride = static_cast<std::int64_t>(t.line_stride);
  LoadOp op;
  op.mem_addr = static_cast<std::int64_t>(t.address) +
                lines.c * static_cast<std::int64_t>(t.plane_stride) + lines.y * stride +
                layout.src_x * t.element_bytes;
  op.planes = lines.count;
  op.plane_stride = lines.step * stride;
  op.lines = layout.loaded_lines;
  op.line_stride = stride;
  op.line_bytes = layout.data_bytes;
  op.dest = static_cast<std::int64_t>(Dest::ofmap);
  op.half = half;
  op.dst_base = base / beat;
  op.dst_slot_stride = layout.slot_bytes() / beat;
  op.dst_line_stride = layout.pitch / beat;
  op.log2_group = log2_of(ctx.config.hw_array_cols);
  ctx.builder.emit(op, index, {{Buffer::ofmap, half}}, {ctx.store_of(from)});
}

/// Stores one line of each bank, from the first line's bank on.
void store_lines(Context& ctx, int index, const LinesOf& lines, std::int64_t x, std::int64_t w,
                 const Context::StoreSource& source) {
  const std::string& id = ctx.layer(index).id;
  const TensorPlace& t = ctx.place(id);
  const std::int64_t beat = ctx.config.beat_bytes();
  const auto stride = static_cast<std::int64_t>(t.line_stride);
  StoreOp op;
  op.mem_addr = static_cast<std::int64_t>(t.address) +
                lines.c * static_cast<std::int64_t>(t.plane_stride) + lines.y * stride +
                x * t.element_bytes;
  op.planes = lines.count;
  op.bank0 = source.bank0;
  op.plane_stride = lines.step * stride;
  op.lines = 1;
  op.line_stride = stride;
  op.line_bytes = w * t.element_bytes;
  op.half = source.half;
  op.src_base = source.base / beat;
  op.src_slot_stride = source.slot_bytes / beat;
  ctx.last_store[id] = ctx.builder.emit(op, index, {{Buffer::ofmap, source.half}});
}

/// One pixel_shuffle. A tile is of source pixels; its columns begin the result's at x0 * factor,
/// so that with a part that begins inside a source pixel it reads one column more. The lanes of the
/// post-processor take channels, or the lines of one channel where that fills more of them.
class PixelShuffle {
 public:
  PixelShuffle(Context& ctx, int index)
      : ctx_(ctx),
        index_(index),
        layer_(ctx.layer(index)),
        from_(ctx.source_of(layer_.inputs.at(0))),
        beat_(ctx.config.beat_bytes()),
        cols_(ctx.config.hw_array_cols),
        elem_(elem_of(ctx, layer_.out_format)),
        skip_y_(layer_.begin[1]),
        skip_x_(layer_.begin[2]) {
    // Channels of a block lie one behind the other; blocks of one channel are a strided load.
    each_ = layer_.blocks == 0 ? 1 : layer_.out_shape.c / layer_.blocks;
    together_ = each_ == 1 ? layer_.out_shape.c : each_;
    const std::int64_t lanes = ctx.config.hw_post_lanes, lines = layer_.in_shape.h;
    by_lines_ = layer_.out_shape.c * ceil_div(lines, lanes) <
                layer_.out_shape.c / together_ * ceil_div(together_, lanes) * lines;
  }

  void run() {
    // Banks take channels or lines.
    const Shape grid =
        by_lines_ ? Shape{layer_.in_shape.h, 1, layer_.in_shape.w}
                  : Shape{static_cast<int>(together_), layer_.in_shape.h, layer_.in_shape.w};
    const PostTiles tiles = choose_tiles(
        ctx_, layer_, grid, beat_ / elem_, 0, [&](std::int64_t banks, const PixelTile& tile) {
          const TileLayout layout = source_of(tile);
          if (tile.h * layout.pitch / elem_ > most_pixels) {
            return ctx_.config.ofmap_bank_bytes() + 1;
          }
          return margin() + bank_bytes(ceil_div(banks, cols_), tile, layout);
        });
    ctx_.place_in_memory(layer_.id);
    for (std::int64_t c = 0; c < layer_.out_shape.c; c += by_lines_ ? 1 : together_) {
      for_each_tile(grid, tiles, [&](std::int64_t n, std::int64_t banks, const PixelTile& tile) {
        if (tile.x0 * right() < layer_.out_shape.w) work(c, n, banks, tile);
      });
    }
    note(ctx_, index_, by_lines_ ? PostTiles{1, tiles.channels, tiles.w} : tiles);
  }

 private:
  [[nodiscard]] std::int64_t down() const { return layer_.stride_h; }
  [[nodiscard]] std::int64_t right() const { return layer_.stride_w; }
  /// In front of the result's first line, for the columns that are left out.
  [[nodiscard]] std::int64_t margin() const { return round_up(skip_x_ * elem_, beat_); }

  [[nodiscard]] TileLayout source_of(const PixelTile& tile) const {
    const std::int64_t more = skip_x_ > 0 && tile.x0 + tile.w < layer_.in_shape.w ? 1 : 0;
    return layout_tile(Window{}, {tile.y0, tile.x0, tile.h, tile.w + more}, layer_.in_shape.h,
                       layer_.in_shape.w, elem_, beat_);
  }

  [[nodiscard]] std::int64_t bank_bytes(std::int64_t slots, const PixelTile& tile,
                                        const TileLayout& layout) const {
    // A picture of every sub-pixel, and for every line of sub-pixels those side by side.
    return down() * right() * layout.bank_bytes(slots) +
           down() * slots * tile.h * right() * layout.pitch;
  }

  /// Channel of the source that has sub-pixel p of channel c of the result.
  [[nodiscard]] std::int64_t source_channel(std::int64_t c, std::int64_t p) const {
    return (c / each_ * down() * right() + p) * each_ + c % each_;
  }

  /// Brings sub-pixel p of the tile to the banks.
  void load(std::int64_t c, std::int64_t n, std::int64_t banks, const TileLayout& layout,
            std::int64_t p, int half, std::int64_t base) {
    if (by_lines_) {
      load_lines(ctx_, index_, from_, {source_channel(c, p), n, banks, 1}, layout, half, base);
    } else {
      ctx_.load_ofmap(index_, from_, half, layout, source_channel(c + n, p), banks, base,
                      each_ == 1 ? down() * right() : 1);
    }
  }

  /// Channels [c + n, c + n + banks), or lines [n, n + banks) of channel c.
  void work(std::int64_t c, std::int64_t n, std::int64_t banks, const PixelTile& tile) {
    const std::int64_t slots = ceil_div(banks, cols_), pixels = down() * right();
    const TileLayout layout = source_of(tile);
    const int half = ctx_.builder.next_half(Buffer::ofmap);
    const std::int64_t region = layout.bank_bytes(slots);
    const std::int64_t pitch = right() * layout.pitch;
    for (std::int64_t p = 0; p < pixels; ++p) load(c, n, banks, layout, p, half, p * region);
    for (std::int64_t dy = 0; dy < down(); ++dy) {
      const std::int64_t lines = margin() + pixels * region + dy * slots * tile.h * pitch;
      for (std::int64_t dx = 0; dx < right(); ++dx) {
        // All lines with their padding are one column of pixels.
        PostOp op = copy_op(layout, layer_.out_format, elem_, 0, half);
        op.src_base += (dy * right() + dx) * region;
        op.src_step_y = elem_;
        op.channels = banks;
        op.out_h = tile.h * layout.pitch / elem_;
        op.out_w = 1;
        op.dst_base = lines + (dx - skip_x_) * elem_;
        op.dst_slot_stride = tile.h * pitch;
        op.dst_step_y = right() * elem_;
        ctx_.builder.emit(op, index_, {{Buffer::ofmap, half}});
      }
      store(c, n, banks, tile, dy, {half, 0, lines, tile.h * pitch, pitch});
    }
  }

  /// Lines dy of the sub-pixels, those outside the part left out.
  void store(std::int64_t c, std::int64_t n, std::int64_t banks, const PixelTile& tile,
             std::int64_t dy, Context::StoreSource source) {
    const std::int64_t y0 = by_lines_ ? n : tile.y0, count = by_lines_ ? banks : tile.h;
    const std::int64_t above = y0 * down() + dy - skip_y_;
    const std::int64_t skip = above < 0 ? ceil_div(-above, down()) : 0;
    const std::int64_t first = above + skip * down();
    const std::int64_t lines = std::min(count - skip, ceil_div(layer_.out_shape.h - first, down()));
    if (lines <= 0) return;
    const std::int64_t x = tile.x0 * right();
    const std::int64_t w = std::min(tile.w * right(), layer_.out_shape.w - x);
    if (by_lines_) {
      source.bank0 = skip;
      store_lines(ctx_, index_, {c, first, lines, down()}, x, w, source);
    } else {
      source.base += skip * source.pitch;
      ctx_.store_tile(index_, layer_.id, source, {first, x, lines, w}, c + n, banks, down());
    }
  }

  Context& ctx_;
  int index_;
  const Layer& layer_;
  std::string from_;
  std::int64_t beat_, cols_, elem_, skip_y_, skip_x_;
  std::int64_t each_ = 1, together_ = 1;  ///< channels of a block, of a load
  bool by_lines_ = false;
};

}  // namespace

void lower_pixel_shuffle(Context& ctx, int index) { PixelShuffle(ctx, index).run(); }

void lower_space_to_depth(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const std::string from = ctx.source_of(layer.inputs.at(0));
  const Shape in = layer.in_shape, out = layer.out_shape;
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, layer.out_format);
  const std::int64_t down = layer.stride_h, right = layer.stride_w, pixels = down * right;
  if (right * elem > 255) {
    ctx.refuse(layer, "factor[1] is " + std::to_string(right) + ", with elements of " +
                          std::to_string(elem) + " bytes tile ops hold at most " +
                          std::to_string(255 / elem));
  }
  const auto source_of = [&](const PixelTile& tile) {
    return layout_tile(Window{}, {tile.y0 * down, tile.x0 * right, tile.h * down, tile.w * right},
                       in.h, in.w, elem, beat);
  };
  // The lanes take channels, or the lines of one channel where that fills more of them.
  const std::int64_t lanes = ctx.config.hw_post_lanes;
  const bool by_lines = in.c * ceil_div(out.h, lanes) < ceil_div(in.c, lanes) * out.h;
  const Shape grid = by_lines ? Shape{out.h, 1, out.w} : Shape{in.c, out.h, out.w};
  const PostTiles tiles = choose_tiles(
      ctx, layer, grid, beat / elem, 0, [&](std::int64_t banks, const PixelTile& tile) {
        const std::int64_t slots = ceil_div(banks, cols);
        return source_of(tile).bank_bytes(slots) +
               pixels * out_bank_bytes(ctx, layer.out_format, slots, tile);
      });
  ctx.place_in_memory(layer.id);
  const auto work = [&](std::int64_t c, std::int64_t n, std::int64_t banks, const PixelTile& tile) {
    const std::int64_t slots = ceil_div(banks, cols);
    const TileLayout layout = source_of(tile);
    const int half = ctx.builder.next_half(Buffer::ofmap);
    const std::int64_t pitch = round_up(tile.w * elem, beat);
    if (by_lines) {
      load_lines(ctx, index, from, {c, n * down, banks, down}, layout, half, 0);
    } else {
      ctx.load_ofmap(index, from, half, layout, n, banks, 0);
    }
    for (std::int64_t p = 0; p < pixels; ++p) {
      const std::int64_t base = layout.bank_bytes(slots) + p * slots * tile.h * pitch;
      PostOp op = copy_op(layout, layer.out_format, elem, right, half);
      op.src_base += p / right * layout.pitch + p % right * elem;
      op.src_step_y = down * layout.pitch;
      set_destination(ctx, index, banks, tile, base, half, op);
      ctx.builder.emit(op, index, {{Buffer::ofmap, half}});
      const Context::StoreSource source{half, 0, base, tile.h * pitch, pitch};
      const bool apart = layer.blocks == 0;
      const std::int64_t first = apart ? (c + n) * pixels + p : p * in.c + c + n;
      if (by_lines) {
        store_lines(ctx, index, {apart ? c * pixels + p : p * in.c + c, n, banks, 1}, tile.x0,
                    tile.w, source);
      } else {
        ctx.store_tile(index, layer.id, source, tile, first, banks, 1, apart ? pixels : 1);
      }
    }
  };
  for (std::int64_t c = 0; c < (by_lines ? in.c : 1); ++c) {
    for_each_tile(grid, tiles, [&](std::int64_t n, std::int64_t banks, const PixelTile& tile) {
      work(c, n, banks, tile);
    });
  }
  note(ctx, index, by_lines ? PostTiles{1, tiles.channels, tiles.w} : tiles);
}

}  // namespace tactus::lower
