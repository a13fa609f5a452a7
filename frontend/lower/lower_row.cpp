// SPDX-License-Identifier: Apache-2.0
// Layers of the row unit: softmax over the channels of each pixel.
#include <algorithm>

#include "lower/post_tiles.hpp"
#include "numerics/softmax.hpp"

namespace tactus::lower {

namespace {

/// Entry and successor of an interpolated table.
std::uint32_t pair_of(const std::vector<std::int64_t>& table, std::size_t i) {
  return (static_cast<std::uint32_t>(table[i]) & 0xFFFFU) | static_cast<std::uint32_t>(table[i + 1])
                                                                << 16U;
}

/// The row record and its tables.
std::vector<EncodedRecord> softmax_records(const Layer& layer) {
  const Softmax& s = layer.softmax;
  RowRecord record;
  std::vector<std::uint32_t> entries;
  switch (s.kind) {
    case RowKind::softmax_tflite8:
      record.bits = layer.out_format.bits;
      // The last entry is that of all larger differences.
      for (int below = 0; below < 256; ++below) {
        entries.push_back(static_cast<std::uint32_t>(softmax8_entry(
            below, static_cast<std::int32_t>(s.mult), static_cast<unsigned>(s.shift), s.diff_min)));
      }
      while (entries.size() > 1 && entries.back() == entries[entries.size() - 2]) {
        entries.pop_back();
      }
      break;
    case RowKind::softmax_tflite16:
      record.mult = s.mult;
      record.shift = s.shift;
      for (std::size_t i = 0; i < 512; ++i) entries.push_back(pair_of(layer.table, i));
      for (std::size_t i = 0; i < 512; ++i) entries.push_back(pair_of(layer.inverse_table, i));
      break;
    default:
      record.one = s.one;
      for (const std::int64_t e : layer.table) entries.push_back(static_cast<std::uint32_t>(e));
      break;
  }
  record.last = static_cast<std::int64_t>(entries.size()) - 1;
  std::vector<EncodedRecord> records = table_records(entries);
  records.insert(records.begin(), encode(record));
  return records;
}

}  // namespace

void lower_softmax(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const std::string input = ctx.source_of(layer.inputs.at(0));
  const std::int64_t length = layer.out_shape.c / layer.heads;
  const std::vector<EncodedRecord> records = softmax_records(layer);
  const auto count = static_cast<std::int64_t>(records.size());
  if (count > ctx.config.param_records()) {
    ctx.refuse(layer, "its table needs " +
                          std::to_string(ceil_div(2 * count * record_bytes, 1024)) +
                          " KiB of parameter buffer, buf.param_kib is " +
                          std::to_string(ctx.config.buf_param_kib));
  }
  for (const std::string& name : {input, layer.id}) {
    const std::int64_t plane = ctx.layout_of(name).plane_channels();
    if (length % plane != 0 && layer.heads > 1) {
      ctx.refuse(layer, "its heads of " + std::to_string(length) + " channels begin inside a word" +
                            " of " + std::to_string(plane) + " channels of " + name);
    }
  }
  const int param_half = ctx.builder.next_half(Buffer::param);
  ctx.load_records(index, ctx.put_records(records), count, param_half);
  PostOp op;
  op.mode = static_cast<std::int64_t>(PostMode::row);
  op.row_kind = static_cast<std::int64_t>(layer.softmax.kind);
  op.param_half = param_half;
  op.clamp_min = layer.out_format.min();
  op.clamp_max = layer.out_format.max();
  op.out_zp = layer.out_format.zero_point;
  lower_rows(ctx, index, length, op, {{Buffer::param, param_half}});
}

void lower_norm(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  const Format in = ctx.network.format_of(layer.inputs.at(0));
  const std::int64_t channels = layer.out_shape.c;
  RowRecord record;
  record.zp = in.zero_point;
  record.eps = layer.eps;
  std::vector<EncodedRecord> records{encode(record)};
  const Requant& r = layer.requant;
  const bool same = r.mult.size() <= 1 && r.shift.size() <= 1 && r.add.size() <= 1;
  for (std::int64_t c = 0; c < (same ? 1 : channels); ++c) {
    records.push_back(encode(channel_record(ctx, layer, c)));
  }
  const auto count = static_cast<std::int64_t>(records.size());
  if (count > ctx.config.param_records()) {
    ctx.refuse(layer, "its " + std::to_string(channels) + " channels need " +
                          std::to_string(ceil_div(2 * count * record_bytes, 1024)) +
                          " KiB of parameter buffer, buf.param_kib is " +
                          std::to_string(ctx.config.buf_param_kib));
  }
  const int half = ctx.builder.next_half(Buffer::param);
  ctx.load_records(index, ctx.put_records(records), count, half);
  PostOp op;
  op.mode = static_cast<std::int64_t>(PostMode::row);
  op.row_kind = static_cast<std::int64_t>(layer.op == LayerOp::layernorm ? RowKind::layernorm_isqrt
                                                                         : RowKind::rmsnorm_isqrt);
  op.param_half = half;
  op.row_same = same ? 1 : 0;
  set_requant(ctx, layer, op);
  lower_rows(ctx, index, channels, op, {{Buffer::param, half}});
}

void lower_rows(Context& ctx, int index, std::int64_t length, const PostOp& whole,
                const std::vector<Half>& touches) {
  const Layer& layer = ctx.layer(index);
  const std::string input = ctx.source_of(layer.inputs.at(0));
  const Format in = ctx.network.format_of(input);
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, in);
  const Shape row{static_cast<int>(length), layer.out_shape.h, layer.out_shape.w};
  const auto layout_of = [&](const PixelTile& tile) {
    return layout_tile(Window{}, tile, row.h, row.w, elem, beat);
  };
  const std::int64_t slots = ceil_div(length, cols);
  const std::int64_t narrow = std::min(elem, elem_of(ctx, layer.out_format));
  // All channels of a pixel at once.
  const PostTiles tiles = choose_tiles(ctx, layer, row, beat / narrow, 0,
                                       [&](std::int64_t channels, const PixelTile& tile) {
                                         if (channels < length)
                                           return ctx.config.ofmap_bank_bytes() + 1;
                                         return layout_of(tile).bank_bytes(slots) +
                                                out_bank_bytes(ctx, layer.out_format, slots, tile);
                                       });
  ctx.place_in_memory(layer.id);
  for (std::int64_t c0 = 0; c0 < layer.out_shape.c; c0 += length) {
    for_each_tile(row, tiles, [&](std::int64_t, std::int64_t, const PixelTile& tile) {
      const TileLayout layout = layout_of(tile);
      const int half = ctx.builder.next_half(Buffer::ofmap);
      ctx.load_ofmap(index, input, half, layout, c0, length, 0);
      PostOp op = source_op(layout, in, elem, 1, half);
      op.mode = whole.mode;
      op.row_kind = whole.row_kind;
      op.row_same = whole.row_same;
      op.param_half = whole.param_half;
      op.convention = whole.convention;
      op.rounding = whole.rounding;
      op.clamp_min = whole.clamp_min;
      op.clamp_max = whole.clamp_max;
      op.out_zp = whole.out_zp;
      op.src_step_y = layout.pitch;
      emit_with_store(ctx, index, op, c0, length, tile, layout.bank_bytes(slots), half, touches);
    });
  }
  note(ctx, index, tiles);
}

}  // namespace tactus::lower
