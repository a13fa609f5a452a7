// SPDX-License-Identifier: Apache-2.0
// Layers that work element by element, on the post-processor: residual adds that stand alone,
// products, maxima, clamps, requantised versions, look-up tables.
#include <algorithm>
#include <functional>

#include "lower/post_tiles.hpp"

namespace tactus::lower {

namespace {

constexpr std::int64_t most_line_pixels = 16383;  ///< of a post op

PostMode mode_of(LayerOp op) {
  switch (op) {
    case LayerOp::mul:
      return PostMode::multiply;
    case LayerOp::maximum:
      return PostMode::maximum;
    case LayerOp::minimum:
      return PostMode::minimum;
    default:
      return PostMode::add;
  }
}

/// Bits of |value| and a sign.
std::int64_t width_of(std::int64_t value) {
  std::int64_t bits = 1;
  for (std::int64_t v = value < 0 ? ~value : value; v > 0; v >>= 1) ++bits;
  return bits;
}

/// Record of a product; completes the op's requantisation.
AddRecord product_record(const Context& ctx, const Layer& layer, const Format& fa, const Format& fb,
                         PostOp& op) {
  set_requant(ctx, layer, op);
  const ChannelRecord factor = channel_record(ctx, layer, 0);
  const auto widest = [](const Format& f) {
    return std::max(width_of(f.min() - f.zero_point), width_of(f.max() - f.zero_point));
  };
  const std::int64_t product = widest(fa) + widest(fb);
  if (product + width_of(factor.mult) > 64) {
    ctx.refuse(layer, "a product of " + std::to_string(product) + " bits times requant/mult " +
                          std::to_string(factor.mult) +
                          " exceeds the 64 bits of the post-processor");
  }
  if (width_of(factor.add) > 48) {
    ctx.refuse(layer, "requant/add is " + std::to_string(factor.add) +
                          ", the record of a product holds 48 bits");
  }
  AddRecord record;
  record.za = fa.zero_point;
  record.zb = fb.zero_point;
  record.ma = factor.mult;
  record.shift = factor.shift & 63;
  record.add = factor.add;
  return record;
}

/// A layer that makes each element of its result from one element of its input: `parameters` puts
/// what the op reads into a half of the parameter buffer and completes the op, for the channels of
/// a tile; `max_channels` as for choose_tiles.
void one_operand(Context& ctx, int index, std::int64_t max_channels,
                 const std::function<std::vector<Half>(std::int64_t c0, std::int64_t channels,
                                                       PostOp& op)>& complete) {
  const Layer& layer = ctx.layer(index);
  const std::string input = ctx.source_of(layer.inputs.at(0));
  const Format in = ctx.network.format_of(input);
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, in);
  const std::int64_t narrow = std::min(elem, elem_of(ctx, layer.out_format));
  const auto layout_of = [&](const PixelTile& tile) {
    return layout_tile(Window{}, tile, layer.out_shape.h, layer.out_shape.w, elem, beat);
  };
  const PostTiles tiles = choose_tiles(ctx, layer, layer.out_shape, beat / narrow, max_channels,
                                       [&](std::int64_t channels, const PixelTile& tile) {
                                         const std::int64_t slots = ceil_div(channels, cols);
                                         return layout_of(tile).bank_bytes(slots) +
                                                out_bank_bytes(ctx, layer.out_format, slots, tile);
                                       });
  ctx.place_in_memory(layer.id);
  for_each_tile(layer.out_shape, tiles,
                [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
                  const std::int64_t slots = ceil_div(channels, cols);
                  const TileLayout layout = layout_of(tile);
                  const int half = ctx.builder.next_half(Buffer::ofmap);
                  ctx.load_ofmap(index, input, half, layout, c0, channels, 0);
                  PostOp op = source_op(layout, in, elem, 1, half);
                  op.src_step_y = layout.pitch;
                  const std::vector<Half> touches = complete(c0, channels, op);
                  emit_with_store(ctx, index, op, c0, channels, tile, layout.bank_bytes(slots),
                                  half, touches);
                });
  note(ctx, index, tiles);
}

/// Records of one set of channels after the other: the halves of the parameter buffer take turns.
class RecordSets {
 public:
  RecordSets(Context& ctx, int index) : ctx_(ctx), index_(index) {}
  int use(std::int64_t first, const std::vector<EncodedRecord>& records) {
    if (first != loaded_) {
      half_ = ctx_.builder.next_half(Buffer::param);
      const auto count = static_cast<std::int64_t>(records.size());
      ctx_.load_records(index_, ctx_.put_records(records), count, half_);
      loaded_ = first;
    }
    return half_;
  }

 private:
  Context& ctx_;
  int index_;
  std::int64_t loaded_ = -1;
  int half_ = 0;
};

}  // namespace

namespace {

/// An operand of a layer with two, and how it stands for a tensor of the result's shape.
struct Operand {
  std::string id;
  Format format;
  std::int64_t elem = 1;
  bool one_channel = false, one_pixel = false;
};

Operand operand_of(const Context& ctx, const Layer& layer, std::size_t i) {
  Operand o;
  o.id = ctx.source_of(layer.inputs.at(i));
  o.format = ctx.network.format_of(o.id);
  o.elem = elem_of(ctx, o.format);
  const Shape s = ctx.network.shape_of(o.id), &out = layer.out_shape;
  o.one_channel = s.c < out.c;
  o.one_pixel = s.h < out.h || s.w < out.w;
  return o;
}

/// Loads the channels of an operand; the one channel of all goes to every bank.
void load_operand(Context& ctx, int index, const Operand& o, int half, const TileLayout& layout,
                  std::int64_t c0, std::int64_t channels, std::int64_t base) {
  ctx.load_ofmap(index, o.id, half, layout, o.one_channel ? 0 : c0, channels, base,
                 o.one_channel ? 0 : 1);
}

/// The fields of the op that all tiles share; loads its record.
PostOp two_operand_op(Context& ctx, int index, const Operand& a, const Operand& b, bool swapped,
                      std::vector<Half>& touches) {
  const Layer& layer = ctx.layer(index);
  PostOp op;
  if (layer.op == LayerOp::add || layer.op == LayerOp::mul) {
    const AddRecord record = layer.op == LayerOp::add
                                 ? add_record(ctx, layer, swapped)
                                 : product_record(ctx, layer, a.format, b.format, op);
    op.param_half = ctx.builder.next_half(Buffer::param);
    const int half = static_cast<int>(op.param_half);
    ctx.load_records(index, ctx.put_records({encode(record)}), 1, half);
    touches.push_back({Buffer::param, half});
  } else {
    op.clamp_min = layer.requant.clamp_min;
    op.clamp_max = layer.requant.clamp_max;
  }
  op.mode = static_cast<std::int64_t>(mode_of(layer.op));
  op.src_log2_bytes = log2_bytes(a.elem);
  op.src_signed = a.format.is_signed ? 1 : 0;
  op.srcb_log2_bytes = log2_bytes(b.elem);
  op.srcb_signed = b.format.is_signed ? 1 : 0;
  op.win_h = op.win_w = 1;
  return op;
}

/// One pixel of operand a stands for all: it lies behind the lines of b in each slot, and ops of
/// one line read it again and again. Lines without gaps are one line.
void one_pixel_for_all(Context& ctx, int index, const Operand& a, const Operand& b, bool swapped) {
  const Layer& layer = ctx.layer(index);
  const Shape out = layer.out_shape;
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t to = elem_of(ctx, layer.out_format);
  const std::int64_t per_beat = beat / std::min(b.elem, to);
  const auto layouts = [&](const PixelTile& tile) {
    TileLayout la = layout_tile(Window{}, {0, 0, 1, 1}, 1, 1, a.elem, beat);
    TileLayout lb = layout_tile(Window{}, tile, out.h, out.w, b.elem, beat);
    la.pitch = lb.pitch = round_up(tile.w, per_beat) * b.elem;
    la.lines = lb.lines = tile.h + 1;
    return std::make_pair(la, lb);
  };
  const auto out_pitch = [&](const PixelTile& tile) { return round_up(tile.w, per_beat) * to; };
  const PostTiles tiles =
      choose_tiles(ctx, layer, out, per_beat, 0, [&](std::int64_t channels, const PixelTile& tile) {
        return ceil_div(channels, cols) *
               (layouts(tile).second.slot_bytes() + tile.h * out_pitch(tile));
      });
  ctx.place_in_memory(layer.id);
  std::vector<Half> touches;
  const PostOp common = two_operand_op(ctx, index, a, b, swapped, touches);
  for_each_tile(out, tiles, [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
    const std::int64_t slots = ceil_div(channels, cols);
    const auto [la, lb] = layouts(tile);
    const int half = ctx.builder.next_half(Buffer::ofmap);
    const std::int64_t base_a = tile.h * lb.pitch, base_out = slots * lb.slot_bytes();
    load_operand(ctx, index, b, half, lb, c0, channels, 0);
    load_operand(ctx, index, a, half, la, c0, channels, base_a);
    const bool dense = tile.w % per_beat == 0;
    const std::int64_t together = dense ? std::min(tile.h, most_line_pixels / tile.w) : 1;
    std::vector<Half> all = touches;
    all.push_back({Buffer::ofmap, half});
    for (std::int64_t y = 0; y < tile.h; y += together) {
      const std::int64_t lines = std::min(together, tile.h - y);
      PostOp op = common;
      op.src_half = half;
      op.src_base = base_a;
      op.src_base_b = y * lb.pitch;
      op.src_slot_stride = lb.slot_bytes();
      op.channels = channels;
      op.out_h = 1;
      op.out_w = lines * tile.w;
      op.dst_half = half;
      op.dst_base = base_out + y * out_pitch(tile);
      op.dst_slot_stride = tile.h * out_pitch(tile);
      op.dst_log2_bytes = log2_bytes(to);
      ctx.builder.emit(op, index, all);
    }
    ctx.store_tile(index, layer.id, {half, 0, base_out, tile.h * out_pitch(tile), out_pitch(tile)},
                   tile, c0, channels);
  });
  note(ctx, index, tiles);
  ctx.infos[static_cast<std::size_t>(index)].mapping += ", " + a.id + " read again for each pixel";
}

}  // namespace

void lower_two_operands(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const Operand a = operand_of(ctx, layer, 0), b = operand_of(ctx, layer, 1);
  if (a.one_pixel) return one_pixel_for_all(ctx, index, a, b, false);
  if (b.one_pixel) return one_pixel_for_all(ctx, index, b, a, true);
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  // Both operands have the line pitch of the wider one.
  const auto layouts = [&](const PixelTile& tile) {
    const Shape& out = layer.out_shape;
    TileLayout la = layout_tile(Window{}, tile, out.h, out.w, a.elem, beat);
    TileLayout lb = layout_tile(Window{}, tile, out.h, out.w, b.elem, beat);
    la.pitch = lb.pitch = std::max(la.pitch, lb.pitch);
    return std::make_pair(la, lb);
  };
  const std::int64_t narrow = std::min({a.elem, b.elem, elem_of(ctx, layer.out_format)});
  const PostTiles tiles = choose_tiles(ctx, layer, layer.out_shape, beat / narrow, 0,
                                       [&](std::int64_t channels, const PixelTile& tile) {
                                         const std::int64_t slots = ceil_div(channels, cols);
                                         const auto [la, lb] = layouts(tile);
                                         return la.bank_bytes(slots) + lb.bank_bytes(slots) +
                                                out_bank_bytes(ctx, layer.out_format, slots, tile);
                                       });
  ctx.place_in_memory(layer.id);
  std::vector<Half> touches;
  const PostOp common = two_operand_op(ctx, index, a, b, false, touches);
  for_each_tile(layer.out_shape, tiles,
                [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
                  const std::int64_t slots = ceil_div(channels, cols);
                  const auto [la, lb] = layouts(tile);
                  const int half = ctx.builder.next_half(Buffer::ofmap);
                  const std::int64_t base_b = la.bank_bytes(slots);
                  load_operand(ctx, index, a, half, la, c0, channels, 0);
                  load_operand(ctx, index, b, half, lb, c0, channels, base_b);
                  PostOp op = common;
                  op.src_half = half;
                  op.src_base = la.base;
                  op.src_base_b = base_b + lb.base;
                  op.src_slot_stride = la.slot_bytes();
                  op.src_step_x = a.elem;
                  op.src_step_y = la.pitch;
                  emit_with_store(ctx, index, op, c0, channels, tile, base_b + lb.bank_bytes(slots),
                                  half, touches);
                });
  note(ctx, index, tiles);
}

void lower_clamp(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  one_operand(ctx, index, 0, [&](std::int64_t, std::int64_t, PostOp& op) {
    op.mode = static_cast<std::int64_t>(PostMode::clamp);
    op.clamp_min = layer.requant.clamp_min;
    op.clamp_max = layer.requant.clamp_max;
    return std::vector<Half>{};
  });
}

void lower_requant(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const std::int64_t zero = ctx.network.format_of(layer.inputs.at(0)).zero_point;
  const std::int64_t most = ctx.config.param_records();
  if (most < std::min<std::int64_t>(ctx.config.hw_array_cols, layer.out_shape.c)) {
    ctx.refuse(layer, "needs " + std::to_string(ctx.config.hw_array_cols) +
                          " parameter records, buf.param_kib has room for " + std::to_string(most));
  }
  RecordSets sets(ctx, index);
  one_operand(ctx, index, most, [&](std::int64_t c0, std::int64_t channels, PostOp& op) {
    // A window of one tap.
    op.mode = static_cast<std::int64_t>(PostMode::sum_window);
    set_requant(ctx, layer, op);
    std::vector<EncodedRecord> records;
    for (std::int64_t c = c0; c < c0 + channels; ++c) {
      ChannelRecord record = channel_record(ctx, layer, c);
      record.bias = -zero;
      records.push_back(encode(record));
    }
    op.param_half = sets.use(c0, records);
    return std::vector<Half>{{Buffer::param, static_cast<int>(op.param_half)}};
  });
}

void lower_lut(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const Format in = ctx.network.format_of(layer.inputs.at(0));
  const bool between = layer.interpolate_bits > 0;
  std::vector<std::uint32_t> entries;
  for (std::size_t i = 0; i + (between ? 1 : 0) < layer.table.size(); ++i) {
    const auto value = static_cast<std::uint32_t>(layer.table[i]);
    entries.push_back(between ? (value & 0xFFFFU) | static_cast<std::uint32_t>(layer.table[i + 1])
                                                        << 16U
                              : value);
  }
  const std::vector<EncodedRecord> records = table_records(entries);
  const auto count = static_cast<std::int64_t>(records.size());
  if (count > ctx.config.param_records()) {
    ctx.refuse(layer, "its table of " + std::to_string(entries.size()) + " entries needs " +
                          std::to_string(ceil_div(2 * count * record_bytes, 1024)) +
                          " KiB of parameter buffer, buf.param_kib is " +
                          std::to_string(ctx.config.buf_param_kib));
  }
  RecordSets sets(ctx, index);
  one_operand(ctx, index, 0, [&](std::int64_t, std::int64_t, PostOp& op) {
    op.mode = static_cast<std::int64_t>(PostMode::lut);
    op.clamp_min = in.min();
    op.clamp_max = in.max();
    op.lut_shift = layer.interpolate_bits;
    op.param_half = sets.use(0, records);
    return std::vector<Half>{{Buffer::param, static_cast<int>(op.param_half)}};
  });
}

}  // namespace tactus::lower
