// SPDX-License-Identifier: Apache-2.0
// Products of two activation tensors: the second operand's rows, which lie in memory as the array
// wants its weights, are loaded into the weight buffer.
#include <algorithm>

#include "lower/post_tiles.hpp"

namespace tactus::lower {

namespace {

class MatmulLowering {
 public:
  MatmulLowering(Context& context, int index)
      : ctx_(context),
        index_(index),
        layer_(context.layer(index)),
        a_(context.source_of(layer_.inputs.at(0))),
        b_(context.source_of(layer_.inputs.at(1))),
        fa_(context.network.format_of(a_)),
        fb_(context.network.format_of(b_)),
        terms_(layer_.in_shape.c / layer_.heads),
        pixels_(layer_.in_shape.w),
        columns_(context.network.shape_of(b_).w),
        beat_(context.config.beat_bytes()),
        word_(context.config.word_bytes()) {}

  void run() {
    check();
    choose();
    ctx_.place_in_memory(layer_.id);
    for (std::int64_t head = 0; head < layer_.heads; ++head) {
      for (std::int64_t x0 = 0; x0 < pixels_; x0 += tile_pixels_) {
        tile(head, x0, std::min(tile_pixels_, pixels_ - x0));
      }
    }
    note_layer();
  }

 private:
  void check() const {
    for (const auto& [name, format] : {std::pair{a_, fa_}, std::pair{b_, fb_}}) {
      if (format.bits > ctx_.config.hw_operand_bits) {
        ctx_.refuse(layer_, "its input " + name + " has " + std::to_string(format.bits) +
                                " bits, hw.operand_bits is " +
                                std::to_string(ctx_.config.hw_operand_bits));
      }
      if (ctx_.layout_of(name).packed()) {
        ctx_.refuse(layer_, "its input " + name + " has several elements to a word");
      }
    }
    if (ctx_.config.param_records() < ctx_.config.hw_array_cols) {
      ctx_.refuse(layer_, "needs " + std::to_string(ctx_.config.hw_array_cols) +
                              " parameter records, buf.param_kib has room for " +
                              std::to_string(ctx_.config.param_records()));
    }
  }

  /// Pixels of a tile and terms of a block of weights.
  void choose() {
    const ArchConfig& c = ctx_.config;
    const std::int64_t slots = ceil_div(terms_, c.hw_array_rows);
    const std::int64_t out = element_bytes(layer_.out_format, word_);
    std::int64_t most = std::min<std::int64_t>(c.psum_entries(), 16383);
    most = std::min(most, c.ifmap_bank_bytes() / slots / word_);
    most = std::min(most, c.ofmap_bank_bytes() / out);
    // Tiles begin at a beat of the operand and of the result.
    most = most / beat_ * beat_;
    if (most < beat_ && most < pixels_) {
      ctx_.refuse(layer_, "its " + std::to_string(terms_) + " terms leave no room for " +
                              std::to_string(beat_) + " pixels in the ifmap, psum or ofmap buffer");
    }
    tile_pixels_ = std::min(most, pixels_);
    block_ = std::min(terms_, c.weight_rows() / c.hw_array_rows * c.hw_array_rows);
    if (block_ < std::min(terms_, c.hw_array_rows)) {
      ctx_.refuse(layer_, "buf.weight_kib holds fewer rows than the array has");
    }
  }

  void tile(std::int64_t head, std::int64_t x0, std::int64_t width) {
    const std::int64_t rows = ctx_.config.hw_array_rows, cols = ctx_.config.hw_array_cols;
    const PixelTile pixels{0, x0, 1, width};
    const TileLayout layout = layout_tile(Window{}, pixels, 1, pixels_, word_, beat_);
    const int half = ctx_.builder.next_half(Buffer::ifmap);
    ctx_.load_ifmap(index_, a_, half, layout, head * terms_, terms_, rows);
    for (std::int64_t n0 = 0; n0 < columns_; n0 += cols) {
      const std::int64_t count = std::min(cols, columns_ - n0);
      const int psum = ctx_.builder.next_half(Buffer::psum);
      for (std::int64_t k = 0; k < terms_; k += block_) {
        const std::int64_t end = std::min(terms_, k + block_);
        const int weights = load_weights(head, k, end - k, n0, count);
        compute(layout, half, weights, psum, k, end, width, count);
      }
      post(head, n0, count, pixels, psum);
    }
  }

  /// Rows [k, k + terms) of the second operand: a plane each, of which `count` columns from n0 on.
  int load_weights(std::int64_t head, std::int64_t k, std::int64_t terms, std::int64_t n0,
                   std::int64_t count) {
    const TensorPlace& t = ctx_.place(b_);
    LoadOp op;
    op.mem_addr = static_cast<std::int64_t>(t.address) +
                  (head * terms_ + k) * static_cast<std::int64_t>(t.plane_stride) + n0 * word_;
    op.planes = terms;
    op.plane_stride = static_cast<std::int64_t>(t.plane_stride);
    op.lines = 1;
    op.line_bytes = count * word_;
    op.dest = static_cast<std::int64_t>(Dest::weight);
    op.half = ctx_.builder.next_half(Buffer::weight);
    op.dst_slot_stride = ctx_.config.hw_array_cols * word_ / beat_;
    const int half = static_cast<int>(op.half);
    ctx_.builder.emit(op, index_, {{Buffer::weight, half}}, {ctx_.store_of(b_)});
    return half;
  }

  void compute(const TileLayout& layout, int ifmap, int weights, int psum, std::int64_t k,
               std::int64_t end, std::int64_t width, std::int64_t count) {
    const std::int64_t rows = ctx_.config.hw_array_rows;
    ComputeOp op;
    op.ifmap_half = ifmap;
    op.weight_half = weights;
    op.psum_half = psum;
    op.ifmap_base = layout.base;
    op.out_h = 1;
    op.out_w = width;
    op.step_x = word_;
    op.rows_used = rows;
    op.log2_group = log2_of(rows);
    op.slots = ceil_div(terms_, rows);
    op.slot_stride = layout.slot_bytes();
    op.kernel_w = 1;
    op.start_slot = k / rows;
    op.k_rows = end - k;
    op.folds = ceil_div(end - k, rows);
    op.cols = count;
    op.accumulate = k > 0 ? 1 : 0;
    op.k_complete = end == terms_ ? 1 : 0;
    op.act_signed = fa_.is_signed ? 1 : 0;
    op.wgt_signed = fb_.is_signed ? 1 : 0;
    op.act_zp = fa_.zero_point;
    op.wgt_zp = fb_.zero_point;
    op.act_bits = fa_.bits;
    op.wgt_bits = fb_.bits;
    ctx_.builder.emit(op, index_,
                      {{Buffer::ifmap, ifmap}, {Buffer::weight, weights}, {Buffer::psum, psum}});
  }

  void post(std::int64_t head, std::int64_t n0, std::int64_t count, const PixelTile& pixels,
            int psum) {
    const std::int64_t channel = head * columns_ + n0;
    const int params = records(channel, count);
    const int half = ctx_.builder.next_half(Buffer::ofmap);
    PostOp op;
    op.psum_half = psum;
    op.param_half = params;
    op.win_h = op.win_w = 1;
    set_requant(ctx_, layer_, op);
    set_destination(ctx_, index_, count, pixels, 0, half, op);
    ctx_.builder.emit(op, index_,
                      {{Buffer::psum, psum}, {Buffer::param, params}, {Buffer::ofmap, half}});
    store_result(ctx_, index_, channel, count, pixels, 0, half);
  }

  /// The half with the records of channels [first, first + count); equal ones are loaded once.
  int records(std::int64_t first, std::int64_t count) {
    const Requant& r = layer_.requant;
    const bool equal = r.mult.size() <= 1 && r.shift.size() <= 1 && r.add.size() <= 1;
    if (equal && param_half_ >= 0) return param_half_;
    const std::int64_t number = equal ? ctx_.config.hw_array_cols : count;
    std::vector<EncodedRecord> records;
    for (std::int64_t c = 0; c < number; ++c) {
      records.push_back(encode(channel_record(ctx_, layer_, equal ? 0 : first + c)));
    }
    param_half_ = ctx_.builder.next_half(Buffer::param);
    ctx_.load_records(index_, ctx_.put_records(records), number, param_half_);
    return param_half_;
  }

  void note_layer() {
    LayerInfo& info = ctx_.infos[static_cast<std::size_t>(index_)];
    info.macs = info.macs_executed = macs_of(layer_);
    info.fold_rows = info.k_mapping.rows = info.k_mapping.group = ctx_.config.hw_array_rows;
    info.k_mapping.slots = ceil_div(terms_, info.fold_rows);
    info.k_mapping.column_channels = ctx_.config.hw_array_cols;
    info.fold_channels = info.k_mapping.slots * info.fold_rows;
    info.mapping = "weight-stationary, weights from " + b_ + ", tiles of " +
                   std::to_string(tile_pixels_) + " pixels, " + std::to_string(block_) +
                   " terms at once";
  }

  Context& ctx_;
  int index_;
  const Layer& layer_;
  std::string a_, b_;
  Format fa_, fb_;
  std::int64_t terms_, pixels_, columns_, beat_, word_;
  std::int64_t tile_pixels_ = 0, block_ = 0;
  int param_half_ = -1;
};

}  // namespace

void lower_matmul(Context& context, int index) { MatmulLowering(context, index).run(); }

}  // namespace tactus::lower
