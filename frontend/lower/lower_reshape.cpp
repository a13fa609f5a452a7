// SPDX-License-Identifier: Apache-2.0
// A tensor under another shape: the same memory where its lines stay or have no gaps between them,
// else its lines are joined or cut in the ofmap buffer.
#include <algorithm>
#include <numeric>

#include "lower/post_tiles.hpp"

namespace tactus::lower {

namespace {

/// Lines of both shapes that hold the same elements: `in` lines of w_in become `out` of w_out.
struct Piece {
  std::int64_t in = 1, out = 1;
};

class Reshape {
 public:
  Reshape(Context& ctx, int index)
      : ctx_(ctx),
        index_(index),
        layer_(ctx.layer(index)),
        from_(ctx.source_of(layer_.inputs.at(0))),
        beat_(ctx.config.beat_bytes()),
        cols_(ctx.config.hw_array_cols),
        elem_(elem_of(ctx, layer_.out_format)),
        w_in_(layer_.in_shape.w),
        w_out_(layer_.out_shape.w) {
    const std::int64_t both = std::lcm(w_in_, w_out_);
    whole_ = {both / w_in_, both / w_out_};
    count_ = layer_.out_shape.count() / both;
  }

  void run() {
    LayerInfo& info = ctx_.infos[static_cast<std::size_t>(index_)];
    if (same_memory()) {
      rename();
      info.mapping = "the memory of " + from_;
      return;
    }
    ctx_.place_in_memory(layer_.id);
    choose_part();
    for (std::int64_t g = 0; g < count_; g += groups_) {
      const std::int64_t groups = std::min(groups_, count_ - g);
      for (std::int64_t j = 0; chunk_ > 0 && j < whole_.out; ++j) {
        for (std::int64_t a = 0; a < w_out_; a += chunk_) move_chunk(g, groups, j, a);
      }
      if (chunk_ > 0) continue;
      for (std::int64_t at = 0; at < steps(); at += part_) {
        move(g, groups, at, std::min(part_, steps() - at));
      }
    }
    info.mapping = std::string("lines ") + (whole_.out == 1 ? "joined" : "cut") +
                   " in the ofmap buffer, " + std::to_string(groups_) + " at once";
  }

 private:
  [[nodiscard]] std::int64_t line(std::int64_t w) const { return round_up(w * elem_, beat_); }

  [[nodiscard]] bool same_memory() const {
    return w_in_ == w_out_ || (line(w_in_) == w_in_ * elem_ && line(w_out_) == w_out_ * elem_);
  }

  void rename() {
    const TensorPlace source = ctx_.place(from_);
    TensorPlace& t = ctx_.place(layer_.id);
    t.address = source.address;
    t.line_stride = static_cast<std::uint64_t>(line(w_out_));
    t.plane_stride = t.line_stride * static_cast<std::uint64_t>(t.h);
    t.in_memory = true;
    ctx_.last_store[layer_.id] = ctx_.store_of(from_);
  }

  /// Lines of a piece that can be moved on their own: those of the side that has several.
  [[nodiscard]] std::int64_t steps() const {
    return divisible() ? std::max(whole_.in, whole_.out) : 1;
  }
  [[nodiscard]] bool divisible() const { return whole_.in == 1 || whole_.out == 1; }
  [[nodiscard]] std::int64_t narrow() const { return std::min(w_in_, w_out_); }

  /// Elements and lines of `part` steps of a piece.
  struct Extent {
    std::int64_t in_lines, in_w, out_lines, out_w;
  };
  [[nodiscard]] Extent extent_of(std::int64_t part) const {
    if (!divisible()) return {whole_.in, w_in_, whole_.out, w_out_};
    if (whole_.out == 1) return {part, w_in_, 1, part * w_in_};
    return {1, part * w_out_, part, w_out_};
  }
  /// Bytes of a slot: the lines that come, the elements without gaps, the lines that go.
  [[nodiscard]] std::int64_t come(const Extent& e) const { return e.in_lines * line(e.in_w); }
  [[nodiscard]] std::int64_t between(const Extent& e) const {
    return divisible() ? 0 : line(e.in_lines * e.in_w);
  }
  [[nodiscard]] std::int64_t go(const Extent& e) const { return e.out_lines * line(e.out_w); }

  void choose_part() {
    const std::int64_t have = ctx_.config.ofmap_bank_bytes();
    const auto bytes = [&](std::int64_t part) {
      const Extent e = extent_of(part);
      const std::int64_t most = 16383;
      if (e.in_lines > most || e.out_lines > most || narrow() > most) return have + 1;
      return come(e) + between(e) + go(e);
    };
    // The wide line is cut at beats only.
    const std::int64_t unit = beat_ / std::gcd(beat_, narrow() * elem_);
    part_ = steps();
    while (bytes(part_) > have && part_ > unit) part_ = round_up(ceil_div(part_, 2), unit);
    if (bytes(part_) > have) return choose_chunk(have);
    groups_ = std::min({count_, have / bytes(part_) * cols_, std::int64_t{65535}});
  }

  /// Bytes that a chunk of an output line takes with the pieces of input lines that it is made of,
  /// each of which is loaded from a beat on.
  [[nodiscard]] std::int64_t chunk_bytes(std::int64_t chunk) const {
    return 2 * line(chunk) + 2 * beat_ * (chunk / w_in_ + 2);
  }

  /// Where too much begins and ends together, output lines are made chunk by chunk.
  void choose_chunk(std::int64_t have) {
    const std::int64_t unit = beat_ / elem_, most = 16383;
    chunk_ = w_out_;
    while (chunk_ > unit && (chunk_ > most || chunk_bytes(chunk_) > have)) {
      chunk_ = round_up(ceil_div(chunk_, 2), unit);
    }
    if (chunk_bytes(chunk_) > have) {
      ctx_.refuse(layer_, "its smallest tile needs " + std::to_string(chunk_bytes(chunk_)) +
                              " bytes of each bank of the ofmap buffer, they have " +
                              std::to_string(have));
    }
    groups_ = std::min(count_, cols_);
  }

  /// A chunk of an output line, at (line j, column a) of each of the groups.
  void move_chunk(std::int64_t g, std::int64_t groups, std::int64_t j, std::int64_t a) {
    const std::int64_t end = j * w_out_ + std::min(a + chunk_, w_out_);
    const int half = ctx_.builder.next_half(Buffer::ofmap);
    const std::int64_t first = j * w_out_ + a;
    std::int64_t base = line(end - first);
    for (std::int64_t f = first; f < end;) {
      const std::int64_t i = f / w_in_, from = f % w_in_;
      const std::int64_t w = std::min(w_in_ - from, end - f);
      const std::int64_t begin = from * elem_ / beat_ * beat_;
      const std::int64_t bytes = (from + w) * elem_ - begin;
      load(g, groups, i, begin, {1, 1, 1, 1}, bytes, half, base);
      copy(groups, half, {base + from * elem_ - begin, 0, 0}, {(f - first) * elem_, 0, 0}, 1, w);
      base += round_up(bytes, beat_);
      f += w;
    }
    store(g, groups, j, a * elem_, {1, 1, 1, end - first}, half, 0);
  }

  void move(std::int64_t g, std::int64_t groups, std::int64_t at, std::int64_t part) {
    const Extent e = extent_of(part);
    const std::int64_t slots = ceil_div(groups, cols_);
    const int half = ctx_.builder.next_half(Buffer::ofmap);
    const bool lines = whole_.in > 1;
    load(g, groups, lines ? at : 0, lines ? 0 : at * w_out_ * elem_, e, e.in_w * elem_, half, 0);
    const std::int64_t dense = slots * come(e), out = dense + slots * between(e);
    if (divisible()) {
      const bool joined = whole_.out == 1;
      copy(groups, half, {0, come(e), joined ? line(e.in_w) : w_out_ * elem_},
           {out, go(e), joined ? w_in_ * elem_ : line(e.out_w)}, std::max(e.in_lines, e.out_lines),
           narrow());
    } else {
      copy(groups, half, {0, come(e), line(e.in_w)}, {dense, between(e), w_in_ * elem_}, e.in_lines,
           w_in_);
      copy(groups, half, {dense, between(e), w_out_ * elem_}, {out, go(e), line(e.out_w)},
           e.out_lines, w_out_);
    }
    const bool cut = whole_.out > 1;
    store(g, groups, cut ? at : 0, cut ? 0 : at * w_in_ * elem_, e, half, out);
  }

  /// Loads from line `first` of a piece and `column` bytes on.
  void load(std::int64_t g, std::int64_t groups, std::int64_t first, std::int64_t column,
            const Extent& e, std::int64_t bytes, int half, std::int64_t base) {
    const TensorPlace& t = ctx_.place(from_);
    const auto stride = static_cast<std::int64_t>(t.line_stride);
    LoadOp op;
    op.mem_addr = static_cast<std::int64_t>(t.address) + (g * whole_.in + first) * stride + column;
    op.planes = groups;
    op.plane_stride = whole_.in * stride;
    op.lines = e.in_lines;
    op.line_stride = stride;
    op.line_bytes = bytes;
    op.dest = static_cast<std::int64_t>(Dest::ofmap);
    op.half = half;
    op.dst_base = base / beat_;
    op.dst_slot_stride = come(e) / beat_;
    op.dst_line_stride = line(e.in_w) / beat_;
    op.log2_group = log2_of(cols_);
    ctx_.builder.emit(op, index_, {{Buffer::ofmap, half}}, {ctx_.store_of(from_)});
  }

  struct Side {
    std::int64_t base, slot, pitch;
  };
  void copy(std::int64_t groups, int half, const Side& source, const Side& to, std::int64_t lines,
            std::int64_t w) {
    PostOp op;
    op.mode = static_cast<std::int64_t>(PostMode::clamp);
    op.clamp_min = -(std::int64_t{1} << 31);
    op.clamp_max = (std::int64_t{1} << 31) - 1;
    op.src_half = op.dst_half = half;
    op.src_base = source.base;
    op.src_slot_stride = source.slot;
    op.src_step_x = elem_;
    op.src_step_y = source.pitch;
    op.src_log2_bytes = op.dst_log2_bytes = log2_bytes(elem_);
    op.src_signed = layer_.out_format.is_signed ? 1 : 0;
    op.win_h = op.win_w = 1;
    op.channels = groups;
    op.out_h = lines;
    op.out_w = w;
    op.dst_base = to.base;
    op.dst_slot_stride = to.slot;
    op.dst_step_y = to.pitch;
    ctx_.builder.emit(op, index_, {{Buffer::ofmap, half}});
  }

  void store(std::int64_t g, std::int64_t groups, std::int64_t first, std::int64_t column,
             const Extent& e, int half, std::int64_t base) {
    const TensorPlace& t = ctx_.place(layer_.id);
    const auto stride = static_cast<std::int64_t>(t.line_stride);
    StoreOp op;
    op.mem_addr = static_cast<std::int64_t>(t.address) + (g * whole_.out + first) * stride + column;
    op.planes = groups;
    op.plane_stride = whole_.out * stride;
    op.lines = e.out_lines;
    op.line_stride = stride;
    op.line_bytes = e.out_w * elem_;
    op.half = half;
    op.src_base = base / beat_;
    op.src_slot_stride = go(e) / beat_;
    op.src_line_stride = line(e.out_w) / beat_;
    ctx_.last_store[layer_.id] = ctx_.builder.emit(op, index_, {{Buffer::ofmap, half}});
  }

  Context& ctx_;
  int index_;
  const Layer& layer_;
  std::string from_;
  std::int64_t beat_, cols_, elem_, w_in_, w_out_;
  Piece whole_;
  std::int64_t count_ = 1;              ///< pieces of the tensor
  std::int64_t chunk_ = 0;              ///< columns of an output line; 0: whole lines
  std::int64_t part_ = 1, groups_ = 1;  ///< of an op: steps of a piece, pieces
};

}  // namespace

bool read_by_reshape(const Network& network, const std::string& id) {
  return std::any_of(network.layers.begin(), network.layers.end(), [&](const Layer& layer) {
    return layer.op == LayerOp::reshape && layer.inputs.at(0) == id;
  });
}

void lower_reshape(Context& ctx, int index) { Reshape(ctx, index).run(); }

}  // namespace tactus::lower
