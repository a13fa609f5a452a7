// SPDX-License-Identifier: Apache-2.0
// Layers that work element by element, on the post-processor: residual adds that stand alone,
// products, maxima, clamps, requantised versions, look-up tables.
#include <algorithm>
#include <functional>

#include "lower/post_tiles.hpp"

namespace tactus::lower {

namespace {

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

void lower_two_operands(Context& ctx, int index) {
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
  PostOp common;
  std::vector<Half> touches;
  if (layer.op == LayerOp::add || layer.op == LayerOp::mul) {
    const AddRecord record = layer.op == LayerOp::add ? add_record(ctx, layer, false)
                                                      : product_record(ctx, layer, fa, fb, common);
    const int half = ctx.builder.next_half(Buffer::param);
    ctx.load_records(index, ctx.put_records({encode(record)}), 1, half);
    common.param_half = half;
    touches.push_back({Buffer::param, half});
  } else {
    common.clamp_min = layer.requant.clamp_min;
    common.clamp_max = layer.requant.clamp_max;
  }
  for_each_tile(layer.out_shape, tiles,
                [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
                  const std::int64_t slots = ceil_div(channels, cols);
                  const auto [la, lb] = layouts(tile);
                  const int half = ctx.builder.next_half(Buffer::ofmap);
                  const std::int64_t base_b = la.bank_bytes(slots);
                  ctx.load_ofmap(index, a, half, la, c0, channels, 0);
                  ctx.load_ofmap(index, b, half, lb, c0, channels, base_b);
                  PostOp op = source_op(la, fa, ea, 1, half);
                  op.mode = static_cast<std::int64_t>(mode_of(layer.op));
                  op.convention = common.convention;
                  op.rounding = common.rounding;
                  op.clamp_min = common.clamp_min;
                  op.clamp_max = common.clamp_max;
                  op.out_zp = common.out_zp;
                  op.param_half = common.param_half;
                  op.src_base_b = base_b + lb.base;
                  op.src_step_y = la.pitch;
                  op.srcb_log2_bytes = log2_bytes(eb);
                  op.srcb_signed = fb.is_signed ? 1 : 0;
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
