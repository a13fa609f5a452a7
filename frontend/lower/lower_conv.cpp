// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers, with a residual add folded in where one follows.
#include <algorithm>
#include <array>
#include <cstring>

#include "lower/context.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

/// Which block a buffer half holds.
struct Held {
  std::int64_t key_a = -1, key_b = -1, key_c = -1;
};

class ConvLowering {
 public:
  ConvLowering(Context& context, const ConvUnit& unit)
      : ctx_(context),
        unit_(unit),
        layer_(context.layer(unit.layer)),
        plan_(context.plans.at(layer_.id)),
        shape_(plan_.shape),
        beat_(context.config.beat_bytes()),
        input_format_(context.network.format_of(unit.input)) {}

  void run() {
    check_operands();
    put_weights();
    put_params();
    // Weights do not depend on the layer before: their loads go ahead of the input's.
    weight_block(0, 0, std::min(plan_.weight_chunk, plan_.k_rows));
    param_block(0);
    prepare_destination();
    const std::size_t columns = plan_.columns.size(), pixels = plan_.pixels.size();
    for (std::size_t i = 0; i < columns * pixels; ++i) {
      const std::size_t n = plan_.weights_outer ? i / pixels : i % columns;
      const std::size_t t = plan_.weights_outer ? i % pixels : i / columns;
      work(n, t);
    }
    note_layer();
  }

 private:
  void check_operands() const {
    const int widest = static_cast<int>(ctx_.config.hw_operand_bits);
    if (input_format_.bits > widest) {
      ctx_.refuse(layer_, "its input " + unit_.input + " has " +
                              std::to_string(input_format_.bits) + " bits, hw.operand_bits is " +
                              std::to_string(widest));
    }
    if (layer_.weight_format.bits > widest) {
      ctx_.refuse(layer_, "its weights have " + std::to_string(layer_.weight_format.bits) +
                              " bits, hw.operand_bits is " + std::to_string(widest));
    }
    for (const std::int64_t z : layer_.weight_zero_point) {
      if (z != layer_.weight_zero_point[0]) {
        ctx_.refuse(layer_, "weight zero points differ between channels (" +
                                std::to_string(layer_.weight_zero_point[0]) + " and " +
                                std::to_string(z) + "), the array has one per layer");
      }
    }
    const auto limit = [&](std::int64_t value, std::int64_t most, const char* what) {
      if (value > most) {
        ctx_.refuse(layer_, std::string(what) + " is " + std::to_string(value) +
                                ", tile ops hold at most " + std::to_string(most));
      }
    };
    limit(shape_.window.kernel_h, 255, "the kernel height");
    limit(shape_.window.kernel_w, 255, "the kernel width");
    limit(shape_.window.stride_w, 255, "the horizontal stride");
    limit(shape_.window.dilation_w, 4095, "the horizontal dilation");
    limit(plan_.k_rows, (1 << 20) - 1, "the number of K elements");
    limit(plan_.slots, (1 << 14) - 1, "the number of channel slots");
  }

  [[nodiscard]] std::int64_t weight_zero() const {
    return layer_.weight_zero_point.empty() ? 0 : layer_.weight_zero_point[0];
  }

  /// Rows in K order (ky, kx, c), one byte per column, each column tile contiguous.
  void put_weights() {
    const auto zero = static_cast<std::uint8_t>(weight_zero());
    const std::int64_t padded = plan_.group * plan_.slots;
    const std::int64_t in_per_group = shape_.in_c / shape_.groups;
    const std::int64_t out_per_group = shape_.out_c / shape_.groups;
    const std::int64_t kh = shape_.window.kernel_h, kw = shape_.window.kernel_w;
    for (const ColumnTile& tile : plan_.columns) {
      const std::int64_t row_bytes = round_up(tile.cols, beat_);
      const std::uint64_t address =
          ctx_.builder.allocate(static_cast<std::uint64_t>(row_bytes * plan_.k_rows));
      weight_address_.push_back(address);
      std::uint8_t* row = ctx_.builder.at(address);
      for (std::int64_t ky = 0; ky < kh; ++ky) {
        for (std::int64_t kx = 0; kx < kw; ++kx) {
          for (std::int64_t c = 0; c < padded; ++c, row += row_bytes) {
            for (std::int64_t j = 0; j < tile.cols; ++j) {
              const std::int64_t n = tile.n0 + j;
              const std::int64_t channel = tile.c0 + c;
              const std::int64_t local = channel - n / out_per_group * in_per_group;
              std::uint8_t value = zero;
              if (c < tile.channels && local >= 0 && local < in_per_group) {
                const std::int64_t index = ((n * in_per_group + local) * kh + ky) * kw + kx;
                value = static_cast<std::uint8_t>(layer_.weight[static_cast<std::size_t>(index)]);
              }
              row[j] = value;
            }
          }
        }
      }
    }
  }

  void put_params() {
    std::vector<EncodedRecord> records;
    for (const ColumnTile& tile : plan_.columns) {
      record_begin_.push_back(static_cast<std::int64_t>(records.size()));
      for (std::int64_t j = 0; j < tile.cols; ++j) {
        records.push_back(encode(channel_record(ctx_, layer_, tile.n0 + j)));
      }
      if (unit_.add >= 0) {
        records.push_back(encode(add_record(ctx_, ctx_.layer(unit_.add), unit_.conv_is_second)));
      }
    }
    record_begin_.push_back(static_cast<std::int64_t>(records.size()));
    param_address_ = ctx_.put_records(records);
  }

  /// Clears the pad region when the result stays in the ifmap buffer.
  void prepare_destination() {
    const auto it = ctx_.resident.find(unit_.output);
    if (it == ctx_.resident.end()) {
      ctx_.place_in_memory(unit_.output);
      return;
    }
    // The unit's own input block is loaded first so that the two take different halves.
    if (ctx_.resident.count(unit_.input) == 0) input_half(0, 0);
    Resident& keep = it->second;
    const auto own = ctx_.resident.find(unit_.input);
    keep.half =
        own != ctx_.resident.end() ? 1 - own->second.half : ctx_.builder.next_half(Buffer::ifmap);
    if (keep.layout.needs_fill) {
      ctx_.fill_tile(unit_.layer, Dest::ifmap, keep.half, keep.layout, keep.slots, 0,
                     ctx_.network.format_of(unit_.output).zero_point, 1);
    }
  }

  [[nodiscard]] TileLayout layout_of(std::size_t t) const {
    return layout_tile(shape_.window, plan_.pixels[t], shape_.in_h, shape_.in_w, 1, beat_);
  }

  /// Half that holds the input block of pixel tile t for column tile n, loaded if necessary.
  int input_half(std::size_t n, std::size_t t) {
    const auto own = ctx_.resident.find(unit_.input);
    if (own != ctx_.resident.end()) return own->second.half;
    const ColumnTile& column = plan_.columns[n];
    for (int half = 0; half < 2; ++half) {
      const Held& held = ifmap_held_[static_cast<std::size_t>(half)];
      if (held.key_a == static_cast<std::int64_t>(t) && held.key_b == column.c0 &&
          held.key_c == column.channels) {
        return half;
      }
    }
    const int half = ctx_.builder.next_half(Buffer::ifmap);
    ifmap_held_[static_cast<std::size_t>(half)] = {static_cast<std::int64_t>(t), column.c0,
                                                   column.channels};
    const TileLayout layout = layout_of(t);
    if (layout.needs_fill) {
      ctx_.fill_tile(unit_.layer, Dest::ifmap, half, layout, plan_.slots, 0,
                     input_format_.zero_point, 1);
    }
    ctx_.load_tile(unit_.layer, unit_.input, Dest::ifmap, half, layout, column.c0, column.channels,
                   plan_.group, 0);
    return half;
  }

  void load_weight_rows(std::size_t n, std::int64_t k0, std::int64_t rows, int half,
                        std::int64_t row) {
    const ColumnTile& tile = plan_.columns[n];
    const std::int64_t row_bytes = round_up(tile.cols, beat_);
    const std::int64_t beats_per_row = ctx_.config.hw_array_cols / beat_;
    constexpr std::int64_t most_lines = 65535;
    for (std::int64_t done = 0; done < rows; done += most_lines) {
      LoadOp op;
      op.mem_addr = static_cast<std::int64_t>(weight_address_[n]) + (k0 + done) * row_bytes;
      op.planes = 1;
      op.lines = std::min(rows - done, most_lines);
      op.line_stride = row_bytes;
      op.line_bytes = tile.cols;
      op.dest = static_cast<std::int64_t>(Dest::weight);
      op.half = half;
      op.dst_base = (row + done) * beats_per_row;
      op.dst_line_stride = beats_per_row;
      ctx_.builder.emit(op, unit_.layer, {{Buffer::weight, half}});
    }
  }

  /// Half and first row of the weights of column tile n from K element k0 on.
  std::pair<int, std::int64_t> weight_block(std::size_t n, std::int64_t k0, std::int64_t rows) {
    if (plan_.weights_whole) {
      if (weight_held_[0].key_a < 0 && weight_held_[1].key_a < 0) {
        const int half = ctx_.builder.next_half(Buffer::weight);
        weight_held_[static_cast<std::size_t>(half)] = {0, 0, 0};
        for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
          load_weight_rows(i, 0, plan_.k_rows, half, static_cast<std::int64_t>(i) * plan_.k_rows);
        }
      }
      return {weight_held_[0].key_a < 0 ? 1 : 0, static_cast<std::int64_t>(n) * plan_.k_rows};
    }
    for (int half = 0; half < 2; ++half) {
      const Held& held = weight_held_[static_cast<std::size_t>(half)];
      if (held.key_a == static_cast<std::int64_t>(n) && held.key_b == k0) return {half, 0};
    }
    const int half = ctx_.builder.next_half(Buffer::weight);
    weight_held_[static_cast<std::size_t>(half)] = {static_cast<std::int64_t>(n), k0, 0};
    load_weight_rows(n, k0, rows, half, 0);
    return {half, 0};
  }

  /// Half and first record of the parameters of column tile n.
  std::pair<int, std::int64_t> param_block(std::size_t n) {
    const std::int64_t key = plan_.params_whole ? 0 : static_cast<std::int64_t>(n);
    const std::int64_t first = plan_.params_whole ? 0 : record_begin_[n];
    const std::int64_t last = plan_.params_whole ? record_begin_.back() : record_begin_[n + 1];
    for (int half = 0; half < 2; ++half) {
      if (param_held_[static_cast<std::size_t>(half)].key_a == key) {
        return {half, record_begin_[n] - first};
      }
    }
    const int half = ctx_.builder.next_half(Buffer::param);
    param_held_[static_cast<std::size_t>(half)] = {key, 0, 0};
    ctx_.load_records(unit_.layer,
                      param_address_ + static_cast<std::uint64_t>(first) * record_bytes,
                      last - first, half);
    return {half, record_begin_[n] - first};
  }

  void work(std::size_t n, std::size_t t) {
    const auto own = ctx_.resident.find(unit_.input);
    const int in_half = input_half(n, t);
    const TileLayout layout = own != ctx_.resident.end() ? own->second.layout : layout_of(t);
    const int psum_half = ctx_.builder.next_half(Buffer::psum);
    for (std::int64_t k0 = 0; k0 < plan_.k_rows; k0 += plan_.weight_chunk) {
      compute(n, t, k0, layout, in_half, psum_half);
    }
    finish_tile(n, t, psum_half);
  }

  void compute(std::size_t n, std::size_t t, std::int64_t k0, const TileLayout& layout, int in_half,
               int psum_half) {
    const std::int64_t rows = std::min(plan_.weight_chunk, plan_.k_rows - k0);
    const auto [weight_half, weight_row] = weight_block(n, k0, rows);
    const std::int64_t array_rows = ctx_.config.hw_array_rows;
    const std::int64_t padded = plan_.group * plan_.slots;
    const PixelTile& tile = plan_.pixels[t];
    ComputeOp op;
    op.ifmap_half = in_half;
    op.weight_half = weight_half;
    op.psum_half = psum_half;
    op.ifmap_base = layout.base;
    op.weight_base = weight_row;
    op.out_h = tile.h;
    op.out_w = tile.w;
    op.step_x = shape_.window.stride_w;
    op.step_y = shape_.window.stride_h * layout.pitch;
    op.rows_used = array_rows;
    op.log2_group = log2_of(plan_.group);
    op.slots = plan_.slots;
    op.slot_stride = layout.slot_bytes();
    op.kernel_w = shape_.window.kernel_w;
    op.step_kx = shape_.window.dilation_w;
    op.step_ky = shape_.window.dilation_h * layout.pitch;
    const std::int64_t tap = k0 / padded;
    op.start_slot = k0 % padded / plan_.group;
    op.start_kx = tap % shape_.window.kernel_w;
    op.start_ky = tap / shape_.window.kernel_w;
    op.k_rows = rows;
    op.folds = ceil_div(rows, array_rows);
    op.cols = plan_.columns[n].cols;
    op.accumulate = k0 > 0 ? 1 : 0;
    op.k_complete = k0 + rows == plan_.k_rows ? 1 : 0;
    op.act_signed = input_format_.is_signed ? 1 : 0;
    op.wgt_signed = layer_.weight_format.is_signed ? 1 : 0;
    op.act_zp = input_format_.zero_point;
    op.wgt_zp = weight_zero();
    op.act_bits = input_format_.bits;
    op.wgt_bits = layer_.weight_format.bits;
    ctx_.builder.emit(
        op, unit_.layer,
        {{Buffer::ifmap, in_half}, {Buffer::weight, weight_half}, {Buffer::psum, psum_half}});
  }

  void finish_tile(std::size_t n, std::size_t t, int psum_half) {
    const ColumnTile& column = plan_.columns[n];
    const PixelTile& tile = plan_.pixels[t];
    const auto [param_half, param_base] = param_block(n);
    const std::int64_t out_pitch = round_up(tile.w * shape_.out_elem, beat_);
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
    std::vector<Half> touches{{Buffer::psum, psum_half}, {Buffer::param, param_half}};
    if (residual) load_residual(op, column, tile, ofmap_half, out_pitch, touches);
    if (on_chip) {
      const Resident& r = keep->second;
      op.dst = 1;
      op.dst_half = r.half;
      op.dst_base =
          r.layout.data_begin + (r.layout.first_line + tile.y0) * r.layout.pitch + tile.x0;
      op.dst_slot_stride = r.layout.slot_bytes();
      op.dst_step_y = r.layout.pitch;
      op.dst_log2_group = r.log2_group;
      op.dst_ch0 = column.n0;
      touches.push_back({Buffer::ifmap, r.half});
    } else {
      op.dst = 0;
      op.dst_half = ofmap_half;
      op.dst_step_y = out_pitch;
      op.dst_log2_bytes = log2_bytes(shape_.out_elem);
      if (!residual) touches.push_back({Buffer::ofmap, ofmap_half});
    }
    ctx_.builder.emit(op, unit_.layer, touches);
    if (!on_chip) {
      ctx_.store_tile(unit_.layer, unit_.output, ofmap_half, tile, column.n0, column.cols, 0, 0,
                      out_pitch);
    }
  }

  /// The residual tile goes where the result will be, or behind it when element sizes differ.
  void load_residual(PostOp& op, const ColumnTile& column, const PixelTile& tile, int half,
                     std::int64_t out_pitch, std::vector<Half>& touches) {
    const Format format = ctx_.network.format_of(unit_.residual);
    const std::int64_t elem = shape_.residual_elem;
    const std::int64_t base = elem == shape_.out_elem ? 0 : tile.h * out_pitch;
    const TensorPlace& place = ctx_.place(unit_.residual);
    const TileLayout layout = layout_tile(Window{}, tile, place.h, place.w, elem, beat_);
    ctx_.load_tile(unit_.layer, unit_.residual, Dest::ofmap, half, layout, column.n0, column.cols,
                   ctx_.config.hw_array_cols, base);
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
    info.macs_executed = info.macs;
    info.fold_rows = ctx_.config.hw_array_rows;
    info.fold_channels = plan_.group * plan_.slots;
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
  std::int64_t beat_;
  Format input_format_;
  std::vector<std::uint64_t> weight_address_;
  std::vector<std::int64_t> record_begin_;
  std::uint64_t param_address_ = 0;
  std::array<Held, 2> ifmap_held_{}, weight_held_{}, param_held_{};
};

}  // namespace

void lower_conv(Context& context, const ConvUnit& unit) { ConvLowering(context, unit).run(); }

}  // namespace tactus::lower
