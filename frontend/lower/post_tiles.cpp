// SPDX-License-Identifier: Apache-2.0
#include "lower/post_tiles.hpp"

#include <algorithm>

namespace tactus::lower {

namespace {
constexpr std::int64_t max_pixels_per_axis = 16383;
}  // namespace

std::int64_t elem_of(const Context& ctx, const Format& format) {
  return element_bytes(format, ctx.config.word_bytes());
}

PostTiles choose_tiles(const Context& ctx, const Layer& layer, const Shape& out,
                       std::int64_t elems_per_beat, std::int64_t max_channels,
                       const BankBytes& bank_bytes) {
  const std::int64_t array_cols = ctx.config.hw_array_cols;
  const std::int64_t have = ctx.config.ofmap_bank_bytes();
  std::int64_t least = -1;
  for (std::int64_t w = out.w; w > 0; w = w == 1 ? 0 : round_up(ceil_div(w, 2), elems_per_beat)) {
    for (std::int64_t parts = 1; parts <= out.h; ++parts) {
      const std::int64_t h = ceil_div(out.h, parts);
      if (w > max_pixels_per_axis || h > max_pixels_per_axis) continue;
      for (std::int64_t slots = ceil_div(out.c, array_cols); slots > 0; slots = slots / 2) {
        const std::int64_t channels = std::min<std::int64_t>(out.c, slots * array_cols);
        if (max_channels > 0 && channels > max_channels && slots > 1) continue;
        std::int64_t need = 0;
        for (std::int64_t x0 = 0; x0 < out.w; x0 += w) {
          need = std::max(need,
                          bank_bytes(channels, {0, x0, h, std::min<std::int64_t>(w, out.w - x0)}));
        }
        if (need <= have) return {channels, h, w};
        if (least < 0 || need < least) least = need;
      }
    }
    if (w <= elems_per_beat) break;
  }
  const std::int64_t need_kib =
      std::max(ceil_div(least * array_cols, 512), ctx.config.buf_ofmap_kib + 1);
  ctx.refuse(layer, "its smallest tile needs " + std::to_string(need_kib) +
                        " KiB of ofmap buffer, the buffer has " +
                        std::to_string(ctx.config.buf_ofmap_kib) + " KiB; " +
                        std::to_string(need_kib - ctx.config.buf_ofmap_kib) +
                        " KiB more in buf.ofmap_kib would do");
}

void for_each_tile(const Shape& out, const PostTiles& tiles, const TileWork& work) {
  for (std::int64_t c0 = 0; c0 < out.c; c0 += tiles.channels) {
    for (std::int64_t y0 = 0; y0 < out.h; y0 += tiles.h) {
      for (std::int64_t x0 = 0; x0 < out.w; x0 += tiles.w) {
        work(c0, std::min<std::int64_t>(tiles.channels, out.c - c0),
             {y0, x0, std::min<std::int64_t>(tiles.h, out.h - y0),
              std::min<std::int64_t>(tiles.w, out.w - x0)});
      }
    }
  }
}

PostOp source_op(const TileLayout& layout, const Format& format, std::int64_t elem,
                 std::int64_t stride_w, int half) {
  PostOp op;
  op.src_half = half;
  op.src_base = layout.base;
  op.src_slot_stride = layout.slot_bytes();
  op.src_step_x = stride_w * elem;
  op.src_log2_bytes = log2_bytes(elem);
  op.src_signed = format.is_signed ? 1 : 0;
  op.win_h = 1;
  op.win_w = 1;
  return op;
}

void set_destination(const Context& ctx, int index, std::int64_t channels, const PixelTile& tile,
                     std::int64_t out_base, int half, PostOp& op) {
  const std::int64_t elem = elem_of(ctx, ctx.layer(index).out_format);
  const std::int64_t pitch = round_up(tile.w * elem, ctx.config.beat_bytes());
  op.channels = channels;
  op.out_h = tile.h;
  op.out_w = tile.w;
  op.dst = 0;
  op.dst_half = half;
  op.dst_base = out_base;
  op.dst_slot_stride = tile.h * pitch;
  op.dst_step_y = pitch;
  op.dst_log2_bytes = log2_bytes(elem);
}

void store_result(Context& ctx, int index, std::int64_t c0, std::int64_t channels,
                  const PixelTile& tile, std::int64_t out_base, int half) {
  const Layer& layer = ctx.layer(index);
  const std::int64_t pitch =
      round_up(tile.w * elem_of(ctx, layer.out_format), ctx.config.beat_bytes());
  ctx.store_tile(index, layer.id, {half, 0, out_base, tile.h * pitch, pitch}, tile, c0, channels);
}

void emit_with_store(Context& ctx, int index, PostOp op, std::int64_t c0, std::int64_t channels,
                     const PixelTile& tile, std::int64_t out_base, int half,
                     std::vector<Half> touches) {
  set_destination(ctx, index, channels, tile, out_base, half, op);
  touches.push_back({Buffer::ofmap, half});
  ctx.builder.emit(op, index, touches);
  store_result(ctx, index, c0, channels, tile, out_base, half);
}

std::int64_t out_bank_bytes(const Context& ctx, const Format& format, std::int64_t slots,
                            const PixelTile& tile) {
  return slots * tile.h * round_up(tile.w * elem_of(ctx, format), ctx.config.beat_bytes());
}

void note(Context& ctx, int index, const PostTiles& tiles) {
  ctx.infos[static_cast<std::size_t>(index)].mapping =
      "post-processor, tiles of " + std::to_string(tiles.channels) + " channels x " +
      std::to_string(tiles.h) + "x" + std::to_string(tiles.w);
}

std::vector<EncodedRecord> table_records(const std::vector<std::uint32_t>& entries) {
  constexpr std::size_t per_record = record_bytes / 4;
  std::vector<EncodedRecord> records((entries.size() + per_record - 1) / per_record);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      records[i / per_record][i % per_record * 4 + k] =
          static_cast<std::uint8_t>(entries[i] >> (8 * k));
    }
  }
  return records;
}

}  // namespace tactus::lower
