// SPDX-License-Identifier: Apache-2.0
// Layers that only the post-processor works on: pooling, stand-alone residual add, clamp.
#include <algorithm>
#include <functional>

#include "lower/context.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

constexpr std::int64_t max_pixels_per_axis = 16383;

/// Bytes of a tensor's elements in the ofmap buffer.
std::int64_t elem_of(const Context& ctx, const Format& format) {
  return element_bytes(format, ctx.config.word_bytes());
}

/// A tile of channels x lines x pixels and what it takes in one ofmap bank.
struct PostTiles {
  std::int64_t channels = 0, h = 0, w = 0;
};

/// Largest tile (full width first, then lines, then channels) whose source and result regions fit
/// one ofmap half; at most `max_channels` (no limit for 0) channels. `bank_bytes(channels, tile)`
/// gives the bytes per bank.
using BankBytes = std::function<std::int64_t(std::int64_t, const PixelTile&)>;
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

/// Work of one tile: its channels [c0, c0 + channels) and pixels.
using TileWork = std::function<void(std::int64_t c0, std::int64_t channels, const PixelTile&)>;

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

/// Fields that every post op on an ofmap source shares.
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

/// Completes the post op's destination in the same half, emits it and the store.
void emit_with_store(Context& ctx, int index, PostOp op, std::int64_t c0, std::int64_t channels,
                     const PixelTile& tile, std::int64_t out_base, int half,
                     std::vector<Half> touches) {
  const Layer& layer = ctx.layer(index);
  const std::int64_t beat = ctx.config.beat_bytes();
  const std::int64_t elem = elem_of(ctx, layer.out_format);
  const std::int64_t pitch = round_up(tile.w * elem, beat);
  op.channels = channels;
  op.out_h = tile.h;
  op.out_w = tile.w;
  op.dst = 0;
  op.dst_half = half;
  op.dst_base = out_base;
  op.dst_slot_stride = tile.h * pitch;
  op.dst_step_y = pitch;
  op.dst_log2_bytes = log2_bytes(elem);
  touches.push_back({Buffer::ofmap, half});
  ctx.builder.emit(op, index, touches);
  ctx.store_tile(index, layer.id, {half, 0, out_base, tile.h * pitch, pitch}, tile, c0, channels);
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

struct WindowShape {
  Window window;
  std::int64_t taps = 1;
};

WindowShape window_of(const Layer& layer) {
  WindowShape s;
  if (layer.op == LayerOp::global_avgpool) {
    s.window.kernel_h = layer.in_shape.h;
    s.window.kernel_w = layer.in_shape.w;
  } else {
    s.window.kernel_h = layer.kernel_h;
    s.window.kernel_w = layer.kernel_w;
    s.window.stride_h = layer.stride_h;
    s.window.stride_w = layer.stride_w;
    s.window.pad_top = layer.padding[0];
    s.window.pad_left = layer.padding[1];
  }
  s.taps = s.window.kernel_h * s.window.kernel_w;
  return s;
}

/// Channel record of a pooling sum. An average in TFLite's sense becomes a multiplication that
/// gives the same integers: mult = ceil(2^shift / n) with ties away from zero is exact while
/// |sum| * n < 2^shift, because S/n is at least 1/(2n) away from a tie or on it (and then the
/// multiplier, being no smaller than 1/n, rounds the same way).
ChannelRecord pool_record(const Context& ctx, const Layer& layer, const Format& in,
                          std::int64_t taps, PostOp& op) {
  if (layer.requant.convention != Convention::avg_tflite) {
    ChannelRecord record = channel_record(ctx, layer, 0);
    record.bias = -taps * in.zero_point;
    set_requant(ctx, layer, op);
    return record;
  }
  constexpr std::int64_t max_taps = 1024;
  if (taps > max_taps || in.bits > 8) {
    ctx.refuse(layer, "an avg_tflite window of " + std::to_string(taps) + " taps of " +
                          std::to_string(in.bits) + " bits is beyond the exact range (" +
                          std::to_string(max_taps) + " taps of 8 bits)");
  }
  ChannelRecord record;
  // |sum| <= 255 * n, so |sum| * 2n < 2^shift holds for shift = 8 + 2 * bits(n) + 1.
  std::int64_t shift = 9;
  while ((std::int64_t{1} << (shift - 9)) < taps * taps) ++shift;
  record.shift = shift;
  record.mult = ceil_div(std::int64_t{1} << shift, taps);
  op.convention = static_cast<std::int64_t>(Convention::mul_shift);
  op.rounding = static_cast<std::int64_t>(Rounding::half_away);
  op.clamp_min = layer.requant.clamp_min;
  op.clamp_max = layer.requant.clamp_max;
  op.out_zp = 0;
  return record;
}

}  // namespace

void lower_pool(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const std::string input = ctx.source_of(layer.inputs.at(0));
  const Format in = ctx.network.format_of(input);
  const Shape shape = ctx.network.shape_of(input);
  const WindowShape ws = window_of(layer);
  const bool max = layer.op == LayerOp::maxpool;
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, in);
  if (ws.window.kernel_h > 255 || ws.window.kernel_w > 255) {
    ctx.refuse(layer, "its window of " + std::to_string(ws.window.kernel_h) + "x" +
                          std::to_string(ws.window.kernel_w) + " is larger than 255x255");
  }
  if (ws.window.stride_w * elem > 255) {
    ctx.refuse(layer, "its horizontal stride " + std::to_string(ws.window.stride_w) +
                          " is more than the 255 bytes a tile op holds");
  }
  const bool padded = layer.padding != std::array<int, 4>{0, 0, 0, 0};
  if (!max && padded &&
      (layer.requant.convention == Convention::avg_tflite || !layer.count_include_pad)) {
    ctx.refuse(layer,
               "average pooling that counts only the taps inside the image is not "
               "supported with padding");
  }
  const PostTiles tiles = choose_tiles(
      ctx, layer, layer.out_shape, beat / elem_of(ctx, layer.out_format),
      max ? 0 : ctx.config.param_records(), [&](std::int64_t channels, const PixelTile& tile) {
        const std::int64_t slots = ceil_div(channels, cols);
        return layout_tile(ws.window, tile, shape.h, shape.w, elem, beat).bank_bytes(slots) +
               out_bank_bytes(ctx, layer.out_format, slots, tile);
      });
  ctx.place_in_memory(layer.id);

  PostOp requant;
  ChannelRecord record;
  std::uint64_t records = 0;
  if (max) {
    requant.clamp_min = layer.out_format.min();
    requant.clamp_max = layer.out_format.max();
  } else {
    record = pool_record(ctx, layer, in, ws.taps, requant);
    if (ctx.config.param_records() < tiles.channels) {
      ctx.refuse(layer, "needs " + std::to_string(tiles.channels) +
                            " parameter records, buf.param_kib has room for " +
                            std::to_string(ctx.config.param_records()));
    }
    records = ctx.put_records(
        std::vector<EncodedRecord>(static_cast<std::size_t>(tiles.channels), encode(record)));
  }
  int param_half = 0;
  if (!max) {
    param_half = ctx.builder.next_half(Buffer::param);
    ctx.load_records(index, records, tiles.channels, param_half);
  }
  for_each_tile(
      layer.out_shape, tiles, [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
        const std::int64_t slots = ceil_div(channels, cols);
        const TileLayout layout = layout_tile(ws.window, tile, shape.h, shape.w, elem, beat);
        const int half = ctx.builder.next_half(Buffer::ofmap);
        if (layout.needs_fill) {
          ctx.fill_tile(index, Dest::ofmap, half, layout, slots, 0,
                        repeated(max ? in.min() : in.zero_point, 8 * elem));
        }
        ctx.load_ofmap(index, input, half, layout, c0, channels, 0);
        PostOp op = source_op(layout, in, elem, ws.window.stride_w, half);
        op.mode = static_cast<std::int64_t>(max ? PostMode::max_window : PostMode::sum_window);
        op.src_step_y = ws.window.stride_h * layout.pitch;
        op.src_step_kx = elem;
        op.src_step_ky = layout.pitch;
        op.win_h = ws.window.kernel_h;
        op.win_w = ws.window.kernel_w;
        op.param_half = param_half;
        op.convention = requant.convention;
        op.rounding = requant.rounding;
        op.clamp_min = requant.clamp_min;
        op.clamp_max = requant.clamp_max;
        op.out_zp = requant.out_zp;
        std::vector<Half> touches;
        if (!max) touches.push_back({Buffer::param, param_half});
        emit_with_store(ctx, index, op, c0, channels, tile, layout.bank_bytes(slots), half,
                        touches);
      });
  note(ctx, index, tiles);
}

void lower_add(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const std::string a = ctx.source_of(layer.inputs.at(0)), b = ctx.source_of(layer.inputs.at(1));
  const Format fa = ctx.network.format_of(a), fb = ctx.network.format_of(b);
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t ea = elem_of(ctx, fa), eb = elem_of(ctx, fb);
  // Both operands have the line pitch of the wider one.
  const auto layouts = [&](const PixelTile& tile) {
    TileLayout la = layout_tile(Window{}, tile, layer.out_shape.h, layer.out_shape.w, ea, beat);
    TileLayout lb = layout_tile(Window{}, tile, layer.out_shape.h, layer.out_shape.w, eb, beat);
    la.pitch = lb.pitch = std::max(la.pitch, lb.pitch);
    return std::make_pair(la, lb);
  };
  const std::int64_t narrow = std::min({ea, eb, elem_of(ctx, layer.out_format)});
  const PostTiles tiles = choose_tiles(ctx, layer, layer.out_shape, beat / narrow, 0,
                                       [&](std::int64_t channels, const PixelTile& tile) {
                                         const std::int64_t slots = ceil_div(channels, cols);
                                         const auto [la, lb] = layouts(tile);
                                         return la.bank_bytes(slots) + lb.bank_bytes(slots) +
                                                out_bank_bytes(ctx, layer.out_format, slots, tile);
                                       });
  ctx.place_in_memory(layer.id);
  const std::uint64_t records = ctx.put_records({encode(add_record(ctx, layer, false))});
  const int param_half = ctx.builder.next_half(Buffer::param);
  ctx.load_records(index, records, 1, param_half);
  for_each_tile(layer.out_shape, tiles,
                [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
                  const std::int64_t slots = ceil_div(channels, cols);
                  const auto [la, lb] = layouts(tile);
                  const int half = ctx.builder.next_half(Buffer::ofmap);
                  const std::int64_t base_b = la.bank_bytes(slots);
                  ctx.load_ofmap(index, a, half, la, c0, channels, 0);
                  ctx.load_ofmap(index, b, half, lb, c0, channels, base_b);
                  PostOp op = source_op(la, fa, ea, 1, half);
                  op.mode = static_cast<std::int64_t>(PostMode::add);
                  op.src_base_b = base_b + lb.base;
                  op.src_step_y = la.pitch;
                  op.srcb_log2_bytes = log2_bytes(eb);
                  op.srcb_signed = fb.is_signed ? 1 : 0;
                  op.param_half = param_half;
                  op.param_base = 0;
                  emit_with_store(ctx, index, op, c0, channels, tile, base_b + lb.bank_bytes(slots),
                                  half, {{Buffer::param, param_half}});
                });
  note(ctx, index, tiles);
}

void lower_clamp(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const std::string input = ctx.source_of(layer.inputs.at(0));
  const Format in = ctx.network.format_of(input);
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, in);
  const auto layout_of = [&](const PixelTile& tile) {
    return layout_tile(Window{}, tile, layer.out_shape.h, layer.out_shape.w, elem, beat);
  };
  const PostTiles tiles = choose_tiles(ctx, layer, layer.out_shape, beat / elem, 0,
                                       [&](std::int64_t channels, const PixelTile& tile) {
                                         const std::int64_t slots = ceil_div(channels, cols);
                                         return layout_of(tile).bank_bytes(slots) +
                                                out_bank_bytes(ctx, layer.out_format, slots, tile);
                                       });
  ctx.place_in_memory(layer.id);
  for_each_tile(
      layer.out_shape, tiles, [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
        const std::int64_t slots = ceil_div(channels, cols);
        const TileLayout layout = layout_of(tile);
        const int half = ctx.builder.next_half(Buffer::ofmap);
        ctx.load_ofmap(index, input, half, layout, c0, channels, 0);
        PostOp op = source_op(layout, in, elem, 1, half);
        op.mode = static_cast<std::int64_t>(PostMode::clamp);
        op.src_step_y = layout.pitch;
        op.clamp_min = layer.requant.clamp_min;
        op.clamp_max = layer.requant.clamp_max;
        emit_with_store(ctx, index, op, c0, channels, tile, layout.bank_bytes(slots), half, {});
      });
  note(ctx, index, tiles);
}

}  // namespace tactus::lower
