// SPDX-License-Identifier: Apache-2.0
// Pooling.
#include <algorithm>
#include <map>

#include "lower/post_tiles.hpp"

namespace tactus::lower {

namespace {

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

/// Channel record of a pooling sum with one factor for all windows.
ChannelRecord pool_record(const Context& ctx, const Layer& layer, const Format& in,
                          std::int64_t taps, PostOp& op) {
  ChannelRecord record = channel_record(ctx, layer, 0);
  record.bias = -taps * in.zero_point;
  set_requant(ctx, layer, op);
  return record;
}

/// Channel record of an average in TFLite's sense over n taps: a multiplication that gives the same
/// integers. mult = ceil(2^shift / n) with ties away from zero is exact while 2 * |sum| * n <
/// 2^shift, because S/n is at least 1/(2n) away from a tie or on it (and then the multiplier, being
/// no smaller than 1/n, rounds the same way).
ChannelRecord average_record(const Format& in, std::int64_t n) {
  ChannelRecord record;
  std::int64_t shift = in.bits + 1;  // |sum| < 2^bits * n
  while ((std::int64_t{1} << (shift - in.bits - 1)) < n * n) ++shift;
  record.shift = shift;
  record.mult = ceil_div(std::int64_t{1} << shift, n);
  return record;
}

/// Output positions [begin, end) of one axis whose windows have `taps` taps inside the image.
struct Stretch {
  std::int64_t begin, end, taps;
};

std::vector<Stretch> stretches(std::int64_t begin, std::int64_t end, std::int64_t stride,
                               std::int64_t before, std::int64_t kernel, std::int64_t size) {
  std::vector<Stretch> out;
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t first = std::max<std::int64_t>(0, i * stride - before);
    const std::int64_t last = std::min(size, i * stride - before + kernel);
    if (!out.empty() && out.back().taps == last - first) {
      out.back().end = i + 1;
    } else {
      out.push_back({i, i + 1, last - first});
    }
  }
  return out;
}

/// Average pooling in TFLite's sense: the windows of a tile that have equally many taps inside the
/// image are rectangles, each of which is a post op with a factor of its own.
class Average {
 public:
  Average(Context& ctx, int index, const Format& in, std::int64_t channels)
      : ctx_(ctx), index_(index), in_(in), channels_(channels) {}

  /// Emits the op with a destination for the whole tile; pixel (y, x) of the layer is in the tile.
  void emit(const PostOp& whole, const Window& window, const PixelTile& tile, const Shape& image,
            std::int64_t src_elem, std::int64_t dst_elem, int half) {
    for (const Stretch& y : stretches(tile.y0, tile.y0 + tile.h, window.stride_h, window.pad_top,
                                      window.kernel_h, image.h)) {
      for (const Stretch& x : stretches(tile.x0, tile.x0 + tile.w, window.stride_w, window.pad_left,
                                        window.kernel_w, image.w)) {
        PostOp op = whole;
        use(y.taps * x.taps);
        op.param_half = half_;
        op.out_h = y.end - y.begin;
        op.out_w = x.end - x.begin;
        const std::int64_t down = y.begin - tile.y0, right = x.begin - tile.x0;
        op.src_base += down * op.src_step_y + right * window.stride_w * src_elem;
        op.dst_base += down * op.dst_step_y + right * dst_elem;
        ctx_.builder.emit(op, index_, {{Buffer::param, half_}, {Buffer::ofmap, half}});
      }
    }
  }

 private:
  /// Makes the records for n taps those of half_.
  void use(std::int64_t n) {
    if (n == loaded_) return;
    if (addresses_.count(n) == 0) {
      addresses_[n] = ctx_.put_records(std::vector<EncodedRecord>(
          static_cast<std::size_t>(channels_), encode(average_record(in_, n))));
    }
    half_ = ctx_.builder.next_half(Buffer::param);
    ctx_.load_records(index_, addresses_[n], channels_, half_);
    loaded_ = n;
  }

  Context& ctx_;
  int index_;
  Format in_;
  std::int64_t channels_;
  std::map<std::int64_t, std::uint64_t> addresses_;  ///< of the records, by taps
  std::int64_t loaded_ = 0;
  int half_ = 0;
};

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
  const bool counts = layer.requant.convention == Convention::avg_tflite;
  constexpr std::int64_t max_taps = 1024;
  if (counts && (ws.taps > max_taps || in.bits > 16)) {
    ctx.refuse(layer, "an avg_tflite window of " + std::to_string(ws.taps) + " taps of " +
                          std::to_string(in.bits) + " bits is beyond the exact range (" +
                          std::to_string(max_taps) + " taps of 16 bits)");
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
  if (max) {
    requant.clamp_min = layer.out_format.min();
    requant.clamp_max = layer.out_format.max();
  } else {
    if (ctx.config.param_records() < tiles.channels) {
      ctx.refuse(layer, "needs " + std::to_string(tiles.channels) +
                            " parameter records, buf.param_kib has room for " +
                            std::to_string(ctx.config.param_records()));
    }
  }
  int param_half = 0;
  if (counts) {
    requant.convention = static_cast<std::int64_t>(Convention::mul_shift);
    requant.rounding = static_cast<std::int64_t>(Rounding::half_away);
    requant.clamp_min = layer.requant.clamp_min;
    requant.clamp_max = layer.requant.clamp_max;
  } else if (!max) {
    const ChannelRecord record = pool_record(ctx, layer, in, ws.taps, requant);
    const std::uint64_t records = ctx.put_records(
        std::vector<EncodedRecord>(static_cast<std::size_t>(tiles.channels), encode(record)));
    param_half = ctx.builder.next_half(Buffer::param);
    ctx.load_records(index, records, tiles.channels, param_half);
  }
  Average average(ctx, index, in, tiles.channels);
  for_each_tile(
      layer.out_shape, tiles, [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
        const std::int64_t slots = ceil_div(channels, cols);
        const TileLayout layout = layout_tile(ws.window, tile, shape.h, shape.w, elem, beat);
        const int half = ctx.builder.next_half(Buffer::ofmap);
        if (layout.needs_fill) {
          ctx.fill_tile(index, Dest::ofmap, half, layout, slots, 0,
                        repeated(max      ? in.min()
                                 : counts ? 0
                                          : in.zero_point,
                                 8 * elem));
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
        const std::int64_t out_base = layout.bank_bytes(slots);
        if (counts) {
          set_destination(ctx, index, channels, tile, out_base, half, op);
          average.emit(op, ws.window, tile, shape, elem, elem_of(ctx, layer.out_format), half);
          store_result(ctx, index, c0, channels, tile, out_base, half);
          return;
        }
        std::vector<Half> touches;
        if (!max) touches.push_back({Buffer::param, param_half});
        emit_with_store(ctx, index, op, c0, channels, tile, out_base, half, touches);
      });
  note(ctx, index, tiles);
}

}  // namespace tactus::lower
