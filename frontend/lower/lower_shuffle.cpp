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

/// One pixel_shuffle. A tile is of source pixels; its columns begin the result's at x0 * factor,
/// so that with a part that begins inside a source pixel it reads one column more.
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
  }

  void run() {
    const std::int64_t together = each_ == 1 ? layer_.out_shape.c : each_;
    const Shape grid{static_cast<int>(together), layer_.in_shape.h, layer_.in_shape.w};
    const PostTiles tiles = choose_tiles(
        ctx_, layer_, grid, beat_ / elem_, 0, [&](std::int64_t channels, const PixelTile& tile) {
          const TileLayout layout = source_of(tile);
          if (tile.h * layout.pitch / elem_ > most_pixels) {
            return ctx_.config.ofmap_bank_bytes() + 1;
          }
          return margin() + bank_bytes(ceil_div(channels, cols_), tile, layout);
        });
    ctx_.place_in_memory(layer_.id);
    for (std::int64_t block = 0; block < layer_.out_shape.c; block += together) {
      for_each_tile(grid, tiles,
                    [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
                      if (tile.x0 * right() < layer_.out_shape.w) {
                        work(block, c0, channels, tile);
                      }
                    });
    }
    note(ctx_, index_, tiles);
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

  void work(std::int64_t block, std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
    const std::int64_t slots = ceil_div(channels, cols_), pixels = down() * right();
    const TileLayout layout = source_of(tile);
    const int half = ctx_.builder.next_half(Buffer::ofmap);
    const std::int64_t region = layout.bank_bytes(slots);
    const std::int64_t pitch = right() * layout.pitch;
    for (std::int64_t p = 0; p < pixels; ++p) {
      const std::int64_t first = each_ == 1 ? c0 * pixels + p : block * pixels + p * each_ + c0;
      ctx_.load_ofmap(index_, from_, half, layout, first, channels, p * region,
                      each_ == 1 ? pixels : 1);
    }
    for (std::int64_t dy = 0; dy < down(); ++dy) {
      const std::int64_t lines = margin() + pixels * region + dy * slots * tile.h * pitch;
      for (std::int64_t dx = 0; dx < right(); ++dx) {
        // All lines with their padding are one column of pixels.
        PostOp op = copy_op(layout, layer_.out_format, elem_, 0, half);
        op.src_base += (dy * right() + dx) * region;
        op.src_step_y = elem_;
        op.channels = channels;
        op.out_h = tile.h * layout.pitch / elem_;
        op.out_w = 1;
        op.dst_base = lines + (dx - skip_x_) * elem_;
        op.dst_slot_stride = tile.h * pitch;
        op.dst_step_y = right() * elem_;
        ctx_.builder.emit(op, index_, {{Buffer::ofmap, half}});
      }
      store(block + c0, channels, tile, dy, {half, 0, lines, tile.h * pitch, pitch});
    }
  }

  /// Lines dy of the sub-pixels, those outside the part left out.
  void store(std::int64_t c0, std::int64_t channels, const PixelTile& tile, std::int64_t dy,
             Context::StoreSource source) {
    const std::int64_t above = tile.y0 * down() + dy - skip_y_;
    const std::int64_t skip = above < 0 ? ceil_div(-above, down()) : 0;
    const std::int64_t first = above + skip * down();
    const std::int64_t lines =
        std::min(tile.h - skip, ceil_div(layer_.out_shape.h - first, down()));
    if (lines <= 0) return;
    source.base += skip * source.pitch;
    const std::int64_t x = tile.x0 * right();
    const std::int64_t w = std::min(tile.w * right(), layer_.out_shape.w - x);
    ctx_.store_tile(index_, layer_.id, source, {first, x, lines, w}, c0, channels, down());
  }

  Context& ctx_;
  int index_;
  const Layer& layer_;
  std::string from_;
  std::int64_t beat_, cols_, elem_, skip_y_, skip_x_, each_ = 1;
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
  const PostTiles tiles =
      choose_tiles(ctx, layer, {in.c, out.h, out.w}, beat / elem, 0,
                   [&](std::int64_t channels, const PixelTile& tile) {
                     const std::int64_t slots = ceil_div(channels, cols);
                     return source_of(tile).bank_bytes(slots) +
                            pixels * out_bank_bytes(ctx, layer.out_format, slots, tile);
                   });
  ctx.place_in_memory(layer.id);
  for_each_tile({in.c, out.h, out.w}, tiles,
                [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
                  const std::int64_t slots = ceil_div(channels, cols);
                  const TileLayout layout = source_of(tile);
                  const int half = ctx.builder.next_half(Buffer::ofmap);
                  const std::int64_t pitch = round_up(tile.w * elem, beat);
                  ctx.load_ofmap(index, from, half, layout, c0, channels, 0);
                  for (std::int64_t p = 0; p < pixels; ++p) {
                    const std::int64_t base = layout.bank_bytes(slots) + p * slots * tile.h * pitch;
                    PostOp op = copy_op(layout, layer.out_format, elem, right, half);
                    op.src_base += p / right * layout.pitch + p % right * elem;
                    op.src_step_y = down * layout.pitch;
                    set_destination(ctx, index, channels, tile, base, half, op);
                    ctx.builder.emit(op, index, {{Buffer::ofmap, half}});
                    const bool apart = layer.blocks == 0;
                    ctx.store_tile(index, layer.id, {half, 0, base, tile.h * pitch, pitch}, tile,
                                   apart ? c0 * pixels + p : p * in.c + c0, channels, 1,
                                   apart ? pixels : 1);
                  }
                });
  note(ctx, index, tiles);
}

}  // namespace tactus::lower
