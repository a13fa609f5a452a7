// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers, with a residual add folded in where one follows.
#include <algorithm>

#include "lower/context.hpp"
#include "lower/conv_blocks.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

class ConvLowering {
 public:
  ConvLowering(Context& context, const ConvUnit& unit)
      : ctx_(context),
        unit_(unit),
        layer_(context.layer(unit.layer)),
        plan_(context.plans.at(layer_.id)),
        shape_(plan_.shape),
        blocks_(context, unit, plan_),
        beat_(context.config.beat_bytes()),
        input_format_(context.network.format_of(unit.input)) {}

  void run() {
    check_fields();
    blocks_.put_constants();
    // Weights do not depend on the layer before: their loads go ahead of the input's.
    blocks_.weight_block(0, 0);
    blocks_.param_block(0);
    prepare_destination();
    work();
    note_layer();
  }

 private:
  void check_fields() const {
    const auto limit = [&](std::int64_t value, std::int64_t most, const char* what) {
      if (value > most) {
        ctx_.refuse(layer_, std::string(what) + " is " + std::to_string(value) +
                                ", tile ops hold at most " + std::to_string(most));
      }
    };
    const std::int64_t pixel = shape_.in.pixel_bytes();
    limit(plan_.window.kernel_h, 255, "the kernel height");
    limit(plan_.window.kernel_w, 255, "the kernel width");
    limit(plan_.window.stride_w, 255 / pixel, "the horizontal stride");
    limit(plan_.window.dilation_w, 4095 / pixel, "the horizontal dilation");
    limit(plan_.k_rows, (1 << 20) - 1, "the number of K units");
    limit(plan_.slots, (1 << 14) - 1, "the number of channel slots");
  }

  /// Clears the pad region when the result stays in the ifmap buffer.
  void prepare_destination() {
    const auto it = ctx_.resident.find(unit_.output);
    if (it == ctx_.resident.end()) {
      ctx_.place_in_memory(unit_.output);
      return;
    }
    // The unit's own input block is loaded first so that the two take different halves.
    if (ctx_.resident.count(unit_.input) == 0) blocks_.input_half(0, 0);
    Resident& keep = it->second;
    const auto own = ctx_.resident.find(unit_.input);
    keep.half =
        own != ctx_.resident.end() ? 1 - own->second.half : ctx_.builder.next_half(Buffer::ifmap);
    if (keep.layout.needs_fill) {
      ctx_.fill_tile(unit_.layer, Dest::ifmap, keep.half, keep.layout, keep.slots, 0,
                     repeated(ctx_.network.format_of(unit_.output).zero_point, shape_.out.carrier));
    }
  }

  /// A pair of column and pixel tile.
  struct Work {
    std::size_t n = 0, t = 0;
    int psum_half = 0;
  };

  /// Depthwise tiles of few channels. A store for each line phase fills the store queue, and
  /// dispatch is in order: the loads and folds of two more tiles go ahead of a tile's post and
  /// stores. (Not of more: they would reuse its buffer halves.)
  [[nodiscard]] bool small_tiles() const {
    return plan_.line_phases > 1 || plan_.column_channels < ctx_.config.hw_array_cols;
  }

  void work() {
    const std::size_t columns = plan_.columns.size(), pixels = plan_.pixels.size();
    std::vector<Work> tiles;
    for (std::size_t i = 0; i < columns * pixels; ++i) {
      tiles.push_back({plan_.weights_outer ? i / pixels : i % columns,
                       plan_.weights_outer ? i % pixels : i / columns});
    }
    const std::size_t ahead = small_tiles() ? 2 : 0;
    for (std::size_t i = 0; i < tiles.size() + ahead; ++i) {
      if (i >= ahead && ahead > 0) blocks_.param_block(tiles[i - ahead].n);
      if (i < tiles.size()) load_tile(tiles[i]);
      if (i >= ahead && ahead > 0) finish_tile(tiles[i - ahead]);
      if (i < tiles.size()) compute_tile(tiles[i]);
      if (ahead == 0) finish_tile(tiles[i]);
    }
  }

  void load_tile(const Work& w) {
    blocks_.input_half(w.n, w.t);
    if (small_tiles() && !plan_.chunked()) blocks_.weight_block(w.n, 0);
  }

  void compute_tile(Work& w) {
    const auto own = ctx_.resident.find(unit_.input);
    const int in_half = blocks_.input_half(w.n, w.t);
    const TileLayout layout =
        own != ctx_.resident.end() ? own->second.layout : plan_.layout_of(plan_.pixels[w.t], beat_);
    w.psum_half = ctx_.builder.next_half(Buffer::psum);
    const ColumnTile& column = plan_.columns[w.n];
    for (std::int64_t first = 0; first < column.stored; first += plan_.weight_chunk) {
      const std::int64_t end = std::min(first + plan_.weight_chunk, column.stored);
      const ConvBlocks::Weights block = blocks_.weight_block(w.n, first);
      for (const UnitRun& run : column.runs) {
        const std::int64_t begin = std::max(first, run.stored);
        const std::int64_t count = std::min(end, run.stored + run.count) - begin;
        if (count <= 0) continue;
        const UnitRun part{run.first + begin - run.stored, count, begin};
        compute(w, part, begin - first, block, layout, in_half);
      }
    }
  }

  /// One op for the units of `run`, which are `offset` units into their block.
  void compute(const Work& w, const UnitRun& run, std::int64_t offset,
               const ConvBlocks::Weights& block, const TileLayout& layout, int in_half) {
    const std::int64_t array_rows = ctx_.config.hw_array_rows;
    const PixelTile tile = plan_.array_tile(plan_.pixels[w.t]);
    const Window& window = plan_.window;
    const Operands& o = plan_.operands;
    const std::int64_t pixel = shape_.in.pixel_bytes();
    ComputeOp op;
    op.ifmap_half = in_half;
    op.weight_half = block.half;
    op.psum_half = w.psum_half;
    op.ifmap_base = layout.base;
    op.weight_base = block.weight_base + offset;
    op.index_base = o.sparse() ? block.index_base + offset : 0;
    op.out_h = tile.h;
    op.out_w = tile.w;
    op.step_x = window.stride_w * pixel;
    op.step_y = window.stride_h * layout.pitch;
    op.rows_used = array_rows;
    op.log2_group = log2_of(plan_.group);
    op.slots = plan_.slots;
    op.slot_stride = layout.slot_bytes();
    op.kernel_w = window.kernel_w;
    op.step_kx = window.dilation_w * pixel;
    op.step_ky = window.dilation_h * layout.pitch;
    const UnitPlace at = plan_.place_of(run.first);
    op.start_n = at.n;
    op.start_s = at.window;
    op.start_slot = at.slot;
    op.start_kx = at.kx;
    op.start_ky = at.ky;
    op.k_rows = run.count;
    op.folds = ceil_div(plan_.output_stationary ? tile.count() : run.count, array_rows);
    op.cols = plan_.columns[w.n].cols;
    op.accumulate = run.stored > 0 ? 1 : 0;
    op.k_complete = run.stored + run.count == plan_.columns[w.n].stored ? 1 : 0;
    op.act_signed = input_format_.is_signed ? 1 : 0;
    op.wgt_signed = o.wgt_signed ? 1 : 0;
    op.act_zp = input_format_.zero_point;
    op.wgt_zp = layer_.weight_zero_point.empty() ? 0 : layer_.weight_zero_point[0];
    op.act_bits = input_format_.bits;
    op.wgt_bits = o.wgt_bits;
    op.wgt_bipolar = o.wgt_bipolar ? 1 : 0;
    op.act_pack = log2_of(o.pack());
    op.wgt_pack = log2_of(o.word_bits / o.wgt_carrier);
    op.log2_bundle = log2_of(o.bundle);
    op.log2_m = log2_of(o.candidates);
    op.nm_last = o.kept - 1;
    op.dataflow = plan_.output_stationary ? 1 : 0;
    HalfSet touches{
        {Buffer::ifmap, in_half}, {Buffer::weight, block.half}, {Buffer::psum, w.psum_half}};
    if (o.sparse()) touches.push_back({Buffer::index, block.half});
    ctx_.builder.emit(op, unit_.layer, touches);
  }

  void finish_tile(const Work& w) {
    const ColumnTile& column = plan_.columns[w.n];
    const PixelTile tile = plan_.array_tile(plan_.pixels[w.t]);
    const int psum_half = w.psum_half;
    const auto [param_half, param_base] = blocks_.param_block(w.n);
    const std::int64_t out_pitch = round_up(tile.w * shape_.out_elem(), beat_);
    const auto keep = ctx_.resident.find(unit_.output);
    const bool on_chip = keep != ctx_.resident.end();
    const bool residual = unit_.add >= 0;
    const int ofmap_half = residual || !on_chip ? ctx_.builder.next_half(Buffer::ofmap) : 0;

    PostOp op;
    op.mode = static_cast<std::int64_t>(residual ? PostMode::requant_add : PostMode::requant);
    op.psum_half = psum_half;
    op.param_half = param_half;
    op.param_base = param_base;
    op.channels = column.cols;
    op.out_h = tile.h;
    op.out_w = tile.w;
    op.win_h = 1;
    op.win_w = 1;
    set_requant(ctx_, layer_, op);
    HalfSet touches{{Buffer::psum, psum_half}, {Buffer::param, param_half}};
    if (residual) load_residual(op, column, tile, ofmap_half, out_pitch, touches);
    op.dst_log2_bytes = log2_bytes(shape_.out_elem());
    if (on_chip) {
      const Resident& r = keep->second;
      op.dst = 1;
      op.dst_half = r.half;
      op.dst_base = r.layout.data_begin + (r.layout.first_line + tile.y0) * r.layout.pitch +
                    tile.x0 * shape_.out.pixel_bytes();
      op.dst_slot_stride = r.layout.slot_bytes();
      op.dst_step_y = r.layout.pitch;
      op.dst_log2_group = r.log2_group;
      op.dst_log2_pack = log2_of(shape_.out.pack);
      op.dst_log2_bundle = log2_of(shape_.out.bundle);
      op.dst_ch0 = column.n0;
      touches.push_back({Buffer::ifmap, r.half});
    } else {
      op.dst = 0;
      op.dst_half = ofmap_half;
      op.dst_step_y = out_pitch;
      if (!residual) touches.push_back({Buffer::ofmap, ofmap_half});
    }
    ctx_.builder.emit(op, unit_.layer, touches);
    if (!on_chip) store(column, plan_.pixels[w.t], ofmap_half, out_pitch);
  }

  /// One store for each line phase: phase j is in the banks from j * column_channels on.
  void store(const ColumnTile& column, const PixelTile& tile, int half, std::int64_t pitch) {
    for (std::int64_t j = 0; j < std::min(plan_.line_phases, tile.h); ++j) {
      PixelTile part = tile;
      part.y0 += j;
      part.h = ceil_div(tile.h - j, plan_.line_phases);
      Context::StoreSource source;
      source.half = half;
      source.bank0 = j * plan_.column_channels;
      source.pitch = pitch;
      ctx_.store_tile(unit_.layer, unit_.output, source, part, column.n0, column.outputs,
                      plan_.line_phases);
    }
  }

  /// The residual tile goes where the result will be, or behind it when element sizes differ.
  void load_residual(PostOp& op, const ColumnTile& column, const PixelTile& tile, int half,
                     std::int64_t out_pitch, HalfSet& touches) {
    const Format format = ctx_.network.format_of(unit_.residual);
    const std::int64_t elem = shape_.residual_elem();
    const std::int64_t base = elem == shape_.out_elem() ? 0 : tile.h * out_pitch;
    const TensorPlace& place = ctx_.place(unit_.residual);
    const TileLayout layout = layout_tile(Window{}, tile, place.h, place.w, elem, beat_);
    ctx_.load_ofmap(unit_.layer, unit_.residual, half, layout, column.n0, column.outputs, base);
    op.src_half = half;
    op.src_base = base + layout.base;
    op.src_slot_stride = layout.slot_bytes();
    op.src_step_x = elem;
    op.src_step_y = layout.pitch;
    op.src_log2_bytes = log2_bytes(elem);
    op.src_signed = format.is_signed ? 1 : 0;
    touches.push_back({Buffer::ofmap, half});
  }

  void note_layer() {
    LayerInfo& info = ctx_.infos[static_cast<std::size_t>(unit_.layer)];
    info.macs = macs_of(layer_);
    info.macs_executed = plan_.macs_executed;
    info.fold_rows = ctx_.config.hw_array_rows;
    info.fold_channels = plan_.group * plan_.slots * plan_.operands.plane_channels();
    info.k_mapping = plan_.k_mapping(ctx_.config.hw_array_rows);
    info.mapping = plan_.text();
    if (ctx_.resident.count(unit_.input) != 0) info.mapping += ", input on chip";
    if (unit_.add >= 0) {
      const Layer& add = ctx_.layer(unit_.add);
      info.mapping += ", with residual add " + add.id;
      LayerInfo& folded = ctx_.infos[static_cast<std::size_t>(unit_.add)];
      folded.fused_into = layer_.id;
      folded.mapping = "folded into " + layer_.id;
    }
  }

  Context& ctx_;
  const ConvUnit& unit_;
  const Layer& layer_;
  const ConvPlan& plan_;
  const ConvShape& shape_;
  ConvBlocks blocks_;
  std::int64_t beat_;
  Format input_format_;
};

}  // namespace

void lower_conv(Context& context, const ConvUnit& unit) {
  if (context.plans.at(context.layer(unit.layer).id).input_stationary) {
    lower_input_stationary(context, unit);
  } else {
    ConvLowering(context, unit).run();
  }
}

}  // namespace tactus::lower
