// SPDX-License-Identifier: Apache-2.0
// Layers that only move data: concat and slice by address where a beat allows it, else through the
// ofmap buffer; transpose through a transposed store; constants into the memory image.
#include <algorithm>

#include "lower/post_tiles.hpp"

namespace tactus::lower {

namespace {

/// All tensors of the layer have one element to a word.
void check_plain(const Context& ctx, const Layer& layer) {
  std::vector<std::string> names = layer.inputs;
  names.push_back(layer.id);
  for (const std::string& name : names) {
    if (ctx.layout_of(name).packed()) {
      ctx.refuse(layer, "its tensor " + name + " has several elements to a word");
    }
  }
}

void say(Context& ctx, int index, const std::string& text) {
  ctx.infos[static_cast<std::size_t>(index)].mapping = text;
}

/// Writes a box of `from`, at (c, y, x) of it, to a place of the layer's result line by line.
struct Piece {
  std::string from;
  std::int64_t c = 0, y = 0, x = 0;  ///< of the box in `from`
  std::int64_t right = 0, w = 0;     ///< column in the result, columns
};

/// Lines of the result [c0, c0 + out.c) x out.h, put together from pieces side by side.
void copy_lines(Context& ctx, int index, const std::vector<Piece>& pieces, std::int64_t c_out,
                std::int64_t y_out, const Shape& box) {
  const Layer& layer = ctx.layer(index);
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, layer.out_format);
  const auto layout_of = [&](const Piece& piece, const PixelTile& tile) {
    const Shape whole = ctx.network.shape_of(piece.from);
    return layout_tile(Window{}, {piece.y + tile.y0, piece.x, tile.h, piece.w}, whole.h, whole.w,
                       elem, beat);
  };
  const PostTiles tiles = choose_tiles(
      ctx, layer, box, beat / elem, 0, [&](std::int64_t channels, const PixelTile& tile) {
        if (tile.w < box.w) return ctx.config.ofmap_bank_bytes() + 1;
        const std::int64_t slots = ceil_div(channels, cols);
        std::int64_t bytes = out_bank_bytes(ctx, layer.out_format, slots, tile);
        for (const Piece& piece : pieces) bytes += layout_of(piece, tile).bank_bytes(slots);
        return bytes;
      });
  for_each_tile(box, tiles, [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
    const std::int64_t slots = ceil_div(channels, cols);
    const int half = ctx.builder.next_half(Buffer::ofmap);
    std::int64_t base = out_bank_bytes(ctx, layer.out_format, slots, tile);
    std::vector<std::int64_t> bases;
    for (const Piece& piece : pieces) {
      bases.push_back(base);
      const TileLayout layout = layout_of(piece, tile);
      ctx.load_ofmap(index, piece.from, half, layout, piece.c + c0, channels, base);
      base += layout.bank_bytes(slots);
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const TileLayout layout = layout_of(pieces[i], tile);
      PostOp op = source_op(layout, layer.out_format, elem, 1, half);
      op.mode = static_cast<std::int64_t>(PostMode::clamp);
      op.src_base += bases[i];
      op.src_step_y = layout.pitch;
      op.clamp_min = -(std::int64_t{1} << 31);
      op.clamp_max = (std::int64_t{1} << 31) - 1;
      set_destination(ctx, index, channels, tile, 0, half, op);
      op.out_w = pieces[i].w;
      op.dst_base += pieces[i].right * elem;
      ctx.builder.emit(op, index, {{Buffer::ofmap, half}});
    }
    PixelTile to = tile;
    to.y0 += y_out;
    store_result(ctx, index, c_out + c0, channels, to, 0, half);
  });
}

/// Where a beat-aligned box of another tensor lies.
void place_view(Context& ctx, const std::string& id, const std::string& whole, std::int64_t c,
                std::int64_t y, std::int64_t x) {
  const TensorPlace parent = ctx.place(whole);
  TensorPlace& t = ctx.place(id);
  const TensorLayout layout = ctx.layout_of(id);
  t.address = parent.address +
              static_cast<std::uint64_t>(c / layout.plane_channels()) * parent.plane_stride +
              static_cast<std::uint64_t>(y) * parent.line_stride +
              static_cast<std::uint64_t>(x * layout.pixel_bytes());
  t.plane_stride = parent.plane_stride;
  t.line_stride = parent.line_stride;
  t.in_memory = true;
}

}  // namespace

bool place_in_concat(Context& ctx, const std::string& id) {
  const Layer* maker = ctx.network.find_layer(id);
  const bool in_one_piece =
      read_by_reshape(ctx.network, id) || (maker != nullptr && maker->op == LayerOp::reshape);
  for (const Layer& layer : ctx.network.layers) {
    if (layer.op != LayerOp::concat || in_one_piece) continue;
    const auto& names = layer.inputs;
    const auto found = std::find(names.begin(), names.end(), id);
    if (found == names.end() || std::count(names.begin(), names.end(), id) != 1) continue;
    std::int64_t before = 0;
    for (auto it = names.begin(); it != found; ++it) {
      const Shape s = ctx.network.shape_of(*it);
      before += layer.axis == 0 ? s.c : layer.axis == 1 ? s.h : s.w;
    }
    const std::int64_t bytes = before * ctx.layout_of(id).pixel_bytes();
    if (layer.axis == 2 && bytes % ctx.config.beat_bytes() != 0) continue;
    if (!ctx.place(layer.id).in_memory) ctx.place_in_memory(layer.id);
    place_view(ctx, id, layer.id, layer.axis == 0 ? before : 0, layer.axis == 1 ? before : 0,
               layer.axis == 2 ? before : 0);
    ctx.views[id] = layer.id;
    return true;
  }
  return false;
}

void lower_concat(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  check_plain(ctx, layer);
  if (!ctx.place(layer.id).in_memory) ctx.place_in_memory(layer.id);
  std::vector<Piece> pieces;  // that have to be copied
  std::int64_t before = 0;
  int last = -1;
  for (const std::string& name : layer.inputs) {
    const Shape s = ctx.network.shape_of(name);
    const auto view = ctx.views.find(name);
    if (view != ctx.views.end() && view->second == layer.id) {
      last = std::max(last, ctx.store_of(name));
    } else if (layer.axis == 2) {
      pieces.push_back({name, 0, 0, 0, before, s.w});
    } else {
      copy_lines(ctx, index, {{name, 0, 0, 0, 0, s.w}}, layer.axis == 0 ? before : 0,
                 layer.axis == 1 ? before : 0, s);
    }
    before += layer.axis == 0 ? s.c : layer.axis == 1 ? s.h : s.w;
  }
  const bool some = layer.axis == 2 && !pieces.empty();
  if (some) {
    // Lines are made of all pieces, also of those that lie in place.
    pieces.clear();
    before = 0;
    for (const std::string& name : layer.inputs) {
      const Shape s = ctx.network.shape_of(name);
      pieces.push_back({name, 0, 0, 0, before, s.w});
      before += s.w;
    }
    copy_lines(ctx, index, pieces, 0, 0, layer.out_shape);
  }
  ctx.last_store[layer.id] = std::max(last, ctx.store_of(layer.id));
  say(ctx, index, some ? "lines put together in the ofmap buffer" : "inputs lie in place");
}

void lower_slice(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  check_plain(ctx, layer);
  const std::string from = ctx.source_of(layer.inputs.at(0));
  const std::int64_t bytes = layer.begin[2] * ctx.layout_of(from).pixel_bytes();
  const auto& b = layer.begin;
  if (bytes % ctx.config.beat_bytes() == 0 && !read_by_reshape(ctx.network, layer.id)) {
    place_view(ctx, layer.id, from, b[0], b[1], b[2]);
    ctx.last_store[layer.id] = ctx.store_of(from);
    say(ctx, index, "a part of " + from);
    return;
  }
  ctx.place_in_memory(layer.id);
  copy_lines(ctx, index, {{from, b[0], b[1], b[2], 0, layer.out_shape.w}}, 0, 0, layer.out_shape);
  say(ctx, index, "copied through the ofmap buffer");
}

void lower_transpose(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  check_plain(ctx, layer);
  const std::string from = ctx.source_of(layer.inputs.at(0));
  const Shape in = layer.in_shape;
  const std::int64_t rows = in.c / layer.heads, cols = ctx.config.hw_array_cols;
  const std::int64_t beat = ctx.config.beat_bytes(), elem = elem_of(ctx, layer.out_format);
  const std::int64_t most = std::min<std::int64_t>(ctx.config.ofmap_bank_bytes() / elem, 65535);
  const std::int64_t width = std::min<std::int64_t>(in.w, most / beat * beat);
  ctx.place_in_memory(layer.id);
  const TensorPlace to = ctx.place(layer.id);
  for (std::int64_t head = 0; head < layer.heads; ++head) {
    for (std::int64_t r = 0; r < rows; r += cols) {
      for (std::int64_t x = 0; x < in.w; x += width) {
        const std::int64_t banks = std::min(cols, rows - r);
        const std::int64_t count = std::min(width, in.w - x);
        const TileLayout layout = layout_tile(Window{}, {0, x, 1, count}, 1, in.w, elem, beat);
        const int half = ctx.builder.next_half(Buffer::ofmap);
        ctx.load_ofmap(index, from, half, layout, head * rows + r, banks, 0);
        StoreOp op;
        op.mem_addr = static_cast<std::int64_t>(to.address) +
                      (head * in.w + x) * static_cast<std::int64_t>(to.plane_stride) + r * elem;
        op.planes = count;
        op.channels = count;
        op.transposed = 1;
        op.log2_bytes = log2_bytes(elem);
        op.plane_stride = static_cast<std::int64_t>(to.plane_stride);
        op.lines = 1;
        op.line_bytes = banks * elem;
        op.half = half;
        op.src_base = layout.base / beat;
        ctx.last_store[layer.id] = ctx.builder.emit(op, index, {{Buffer::ofmap, half}});
      }
    }
  }
  say(ctx, index, "stored transposed, " + std::to_string(cols) + " channels at once");
}

void lower_constant(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  check_plain(ctx, layer);
  ctx.place_in_memory(layer.id);
  say(ctx, index, "in the memory image");
  if (!ctx.builder.contents()) return;
  const TensorPlace t = ctx.place(layer.id);
  std::size_t i = 0;
  for (int c = 0; c < t.c; ++c) {
    for (int y = 0; y < t.h; ++y) {
      for (int x = 0; x < t.w; ++x, ++i) {
        const std::uint64_t at = t.address + static_cast<std::uint64_t>(c) * t.plane_stride +
                                 static_cast<std::uint64_t>(y) * t.line_stride +
                                 static_cast<std::uint64_t>(x * t.element_bytes);
        const auto raw = static_cast<std::uint32_t>(layer.value[i]);
        for (int b = 0; b < t.element_bytes; ++b) {
          ctx.builder.at(at)[b] = static_cast<std::uint8_t>(raw >> (8 * b));
        }
      }
    }
  }
}

void lower_upsample(Context& ctx, int index) {
  const Layer& layer = ctx.layer(index);
  check_plain(ctx, layer);
  const std::string from = ctx.source_of(layer.inputs.at(0));
  const Shape in = layer.in_shape;
  const std::int64_t beat = ctx.config.beat_bytes(), cols = ctx.config.hw_array_cols;
  const std::int64_t elem = elem_of(ctx, layer.out_format);
  const std::int64_t down = layer.stride_h, right = layer.stride_w;
  // A tile of source lines, the lines that it becomes and one line of zero points.
  const auto source_of = [&](const PixelTile& tile) {
    return layout_tile(Window{}, {tile.y0, 0, tile.h, in.w}, in.h, in.w, elem, beat);
  };
  const std::int64_t pitch = round_up(in.w * right * elem, beat);
  const PostTiles tiles = choose_tiles(
      ctx, layer, in, beat / elem, 0, [&](std::int64_t channels, const PixelTile& tile) {
        const std::int64_t slots = ceil_div(channels, cols);
        if (tile.w < in.w || slots * tile.h > 1000) return ctx.config.ofmap_bank_bytes() + 1;
        return source_of(tile).bank_bytes(slots) + (tile.h + 1) * slots * pitch;
      });
  ctx.place_in_memory(layer.id);
  for_each_tile(in, tiles, [&](std::int64_t c0, std::int64_t channels, const PixelTile& tile) {
    const std::int64_t slots = ceil_div(channels, cols);
    const TileLayout layout = source_of(tile);
    const int half = ctx.builder.next_half(Buffer::ofmap);
    const std::int64_t zeros = layout.bank_bytes(slots), lines = zeros + slots * pitch;
    if (!layer.nearest) {
      FillOp fill;
      fill.dest = static_cast<std::int64_t>(Dest::ofmap);
      fill.half = half;
      fill.dst_base = zeros / beat;
      fill.beats = (tile.h + 1) * slots * pitch / beat;
      fill.value = static_cast<std::int64_t>(repeated(layer.out_format.zero_point, 8 * elem));
      ctx.builder.emit(fill, index, {{Buffer::ofmap, half}});
    }
    ctx.load_ofmap(index, from, half, layout, c0, channels, 0);
    // An op for each line: its lines are the source's pixels, its pixels their copies.
    for (std::int64_t y = 0; y < tile.h; ++y) {
      PostOp op = source_op(layout, layer.out_format, elem, 0, half);
      op.mode = static_cast<std::int64_t>(PostMode::clamp);
      op.src_base += y * layout.pitch;
      op.src_step_y = elem;
      op.clamp_min = -(std::int64_t{1} << 31);
      op.clamp_max = (std::int64_t{1} << 31) - 1;
      op.channels = channels;
      op.out_h = in.w;
      op.out_w = layer.nearest ? right : 1;
      op.dst_half = half;
      op.dst_base = lines + y * pitch;
      op.dst_slot_stride = tile.h * pitch;
      op.dst_step_y = right * elem;
      op.dst_log2_bytes = log2_bytes(elem);
      ctx.builder.emit(op, index, {{Buffer::ofmap, half}});
    }
    const PixelTile to{tile.y0 * down, 0, tile.h, in.w * right};
    for (std::int64_t i = 0; i < down; ++i) {
      Context::StoreSource source{half, 0, lines, tile.h * pitch, pitch};
      if (!layer.nearest && i > 0) source = {half, 0, zeros, pitch, 0};
      ctx.store_tile(index, layer.id, source, {to.y0 + i, 0, to.h, to.w}, c0, channels, down);
    }
  });
  note(ctx, index, tiles);
}

bool wants_plain_words(const Network& network, const std::string& id) {
  const auto moves = [](const Layer& layer) {
    return layer.op == LayerOp::matmul || layer.op == LayerOp::transpose ||
           layer.op == LayerOp::concat || layer.op == LayerOp::slice ||
           layer.op == LayerOp::constant || layer.op == LayerOp::upsample ||
           layer.op == LayerOp::pixel_shuffle || layer.op == LayerOp::space_to_depth ||
           layer.op == LayerOp::reshape;
  };
  return std::any_of(network.layers.begin(), network.layers.end(), [&](const Layer& layer) {
    if (layer.op == LayerOp::softmax && layer.heads > 1 &&
        (layer.id == id || layer.inputs[0] == id)) {
      return true;
    }
    if (takes_two_elements(layer.op) && network.shape_of(id).c < layer.out_shape.c) {
      return std::find(layer.inputs.begin(), layer.inputs.end(), id) != layer.inputs.end();
    }
    if (!moves(layer)) return false;
    return layer.id == id ||
           std::find(layer.inputs.begin(), layer.inputs.end(), id) != layer.inputs.end();
  });
}

}  // namespace tactus::lower
