// SPDX-License-Identifier: Apache-2.0
// Input-stationary layers: weight-stationary programs whose operands are swapped. Activations of a
// block of pixels lie in the weight buffer, a pixel to a column; the layer's weights stream through
// the ifmap buffer, an output channel to a psum entry.
#include <algorithm>
#include <array>
#include <vector>

#include "lower/context.hpp"

namespace tactus::lower {

namespace {

class InputStationaryLowering {
 public:
  InputStationaryLowering(Context& context, const ConvUnit& unit)
      : ctx_(context),
        unit_(unit),
        layer_(context.layer(unit.layer)),
        plan_(context.plans.at(layer_.id)),
        cut_(*plan_.input_stationary),
        shape_(plan_.shape),
        o_(plan_.operands),
        beat_(context.config.beat_bytes()),
        word_(context.config.word_bytes()),
        input_format_(context.network.format_of(unit.input)) {}

  void run() {
    ctx_.place_in_memory(unit_.output);
    put_weights();
    put_records();
    const std::int64_t per_line = ceil_div(cut_.line_pixels, cut_.block);
    const std::int64_t blocks = cut_.lines * per_line;
    const std::int64_t chunks = ceil_div(shape_.out_c, cut_.outputs);
    for (std::int64_t i = 0; i < blocks * chunks; ++i) {
      const std::int64_t n = plan_.weights_outer ? i / blocks : i % chunks;
      const std::int64_t b = plan_.weights_outer ? i % blocks : i / chunks;
      Work w;
      w.n0 = n * cut_.outputs;
      w.outputs = std::min(cut_.outputs, shape_.out_c - w.n0);
      w.y = b / per_line;
      w.x0 = b % per_line * cut_.block;
      w.pixels = std::min(cut_.block, cut_.line_pixels - w.x0);
      w.block = b;
      emit(w);
    }
    note_layer();
  }

 private:
  /// Results of a block of pixels for some output channels.
  struct Work {
    std::int64_t n0 = 0, outputs = 0;
    std::int64_t block = 0, y = 0, x0 = 0, pixels = 0;
  };
  /// Which block a buffer half holds.
  struct Held {
    std::int64_t a = -1, b = -1;
  };

  [[nodiscard]] std::int64_t lanes() const { return o_.lanes(); }
  [[nodiscard]] std::int64_t units_per_row() const { return shape_.in.pack / lanes(); }
  [[nodiscard]] std::int64_t zero_weight() const {
    return layer_.weight_zero_point.empty() ? 0 : layer_.weight_zero_point[0];
  }

  /// Plane k has a line of words; word n has the weights of output channel n in unit k.
  void put_weights() {
    plane_bytes_ = round_up(shape_.out_c * word_, beat_);
    const std::int64_t bytes = plan_.k_rows * plane_bytes_;
    weight_address_ = ctx_.builder.allocate(static_cast<std::uint64_t>(bytes));
    if (!ctx_.builder.contents()) return;
    std::uint8_t* to = ctx_.builder.at(weight_address_);
    for (std::int64_t k = 0; k < plan_.k_rows; ++k) {
      for (std::int64_t n = 0; n < shape_.out_c; ++n) {
        const std::uint32_t word = weight_word(k, n);
        for (std::int64_t i = 0; i < word_; ++i) {
          to[k * plane_bytes_ + n * word_ + i] = static_cast<std::uint8_t>(word >> (8 * i));
        }
      }
    }
  }

  [[nodiscard]] std::uint32_t weight_word(std::int64_t unit, std::int64_t n) const {
    std::uint32_t word = 0;
    const std::uint32_t mask = (std::uint32_t{1} << o_.wgt_carrier) - 1;
    for (std::int64_t l = 0; l < lanes(); ++l) {
      const std::int64_t c = unit * lanes() + l;
      std::int64_t value = zero_weight();
      if (c < shape_.in_c) value = layer_.weight[static_cast<std::size_t>(n * shape_.in_c + c)];
      // The bit of +1 is 1, that of -1 is 0.
      if (o_.wgt_bipolar) value = (value + 1) / 2;
      word |= (static_cast<std::uint32_t>(value) & mask) << (l * o_.wgt_carrier);
    }
    return word;
  }

  void put_records() {
    std::vector<EncodedRecord> records;
    for (std::int64_t n = 0; n < shape_.out_c; ++n) {
      records.push_back(encode(channel_record(ctx_, layer_, n)));
    }
    record_address_ = ctx_.put_records(records);
  }

  void emit(const Work& w) {
    const int psum_half = ctx_.builder.next_half(Buffer::psum);
    for (std::int64_t k0 = 0; k0 < plan_.k_rows; k0 += cut_.units) {
      const std::int64_t units = std::min(cut_.units, plan_.k_rows - k0);
      const int moving = weights_half(w, k0, units);
      const int stationary = inputs_half(w, k0, units);
      compute(w, k0, units, moving, stationary, psum_half);
    }
    const int half = ctx_.builder.next_half(Buffer::ofmap);
    const std::int64_t most = ctx_.config.param_records();
    const bool whole = shape_.out_c <= most;
    for (std::int64_t first = 0; first < w.outputs; first += most) {
      const std::int64_t count = std::min(most, w.outputs - first);
      const int params = whole ? records_half(0, shape_.out_c) : records_half(w.n0 + first, count);
      post(w, first, count, psum_half, params, whole ? w.n0 + first : 0, half);
    }
    store(w, half);
  }

  /// The half with a block, or -1.
  static int find(const std::array<Held, 2>& held, const Held& wanted) {
    for (std::size_t half = 0; half < held.size(); ++half) {
      if (held[half].a == wanted.a && held[half].b == wanted.b) return static_cast<int>(half);
    }
    return -1;
  }

  /// Half of the ifmap buffer with the weights of some units and output channels.
  int weights_half(const Work& w, std::int64_t k0, std::int64_t units) {
    const Held wanted{w.n0, k0};
    const int found = find(ifmap_held_, wanted);
    if (found >= 0) return found;
    const int half = ctx_.builder.next_half(Buffer::ifmap);
    ifmap_held_[static_cast<std::size_t>(half)] = wanted;
    LoadOp op;
    op.mem_addr = static_cast<std::int64_t>(weight_address_) + k0 * plane_bytes_ + w.n0 * word_;
    op.planes = units;
    op.plane_stride = plane_bytes_;
    op.lines = 1;
    op.line_bytes = w.outputs * word_;
    op.dest = static_cast<std::int64_t>(Dest::ifmap);
    op.half = half;
    op.dst_slot_stride = slot_bytes(w) / beat_;
    op.log2_group = log2_of(plan_.group);
    ctx_.builder.emit(op, unit_.layer, {{Buffer::ifmap, half}});
    return half;
  }

  [[nodiscard]] std::int64_t slot_bytes(const Work& w) const {
    return round_up(w.outputs * word_, beat_);
  }

  /// Half of the weight buffer with the activations of some units: a plane to a row.
  int inputs_half(const Work& w, std::int64_t k0, std::int64_t units) {
    const Held wanted{w.block, k0};
    const int found = find(weight_held_, wanted);
    if (found >= 0) return found;
    const int half = ctx_.builder.next_half(Buffer::weight);
    weight_held_[static_cast<std::size_t>(half)] = wanted;
    const TensorPlace& t = ctx_.place(unit_.input);
    LoadOp op;
    op.mem_addr = static_cast<std::int64_t>(t.address) +
                  k0 / units_per_row() * static_cast<std::int64_t>(t.plane_stride) +
                  w.y * static_cast<std::int64_t>(t.line_stride) + w.x0 * word_;
    op.planes = ceil_div(units, units_per_row());
    op.plane_stride = static_cast<std::int64_t>(t.plane_stride);
    op.lines = 1;
    op.line_bytes = w.pixels * word_;
    op.dest = static_cast<std::int64_t>(Dest::weight);
    op.half = half;
    op.dst_slot_stride = ctx_.config.hw_array_cols * word_ / beat_;
    ctx_.builder.emit(op, unit_.layer, {{Buffer::weight, half}}, {ctx_.store_of(unit_.input)});
    return half;
  }

  /// Half of the parameter buffer with some channels' records.
  int records_half(std::int64_t first, std::int64_t count) {
    const Held wanted{first, count};
    const int found = find(param_held_, wanted);
    if (found >= 0) return found;
    const int half = ctx_.builder.next_half(Buffer::param);
    param_held_[static_cast<std::size_t>(half)] = wanted;
    ctx_.load_records(unit_.layer,
                      record_address_ + static_cast<std::uint64_t>(first * record_bytes), count,
                      half);
    return half;
  }

  void compute(const Work& w, std::int64_t k0, std::int64_t units, int moving, int stationary,
               int psum_half) {
    ComputeOp op;
    op.ifmap_half = moving;
    op.weight_half = stationary;
    op.psum_half = psum_half;
    op.out_h = 1;
    op.out_w = w.outputs;
    op.step_x = word_;
    op.rows_used = ctx_.config.hw_array_rows;
    op.log2_group = log2_of(plan_.group);
    op.slots = ceil_div(units, plan_.group);
    op.slot_stride = slot_bytes(w);
    op.kernel_w = 1;
    op.k_rows = units;
    op.folds = ceil_div(units, ctx_.config.hw_array_rows);
    op.cols = w.pixels;
    op.accumulate = k0 > 0 ? 1 : 0;
    op.k_complete = k0 + units == plan_.k_rows ? 1 : 0;
    op.act_signed = o_.wgt_signed ? 1 : 0;
    op.act_zp = zero_weight();
    op.act_bits = o_.wgt_bits;
    op.act_bipolar = o_.wgt_bipolar ? 1 : 0;
    op.act_pack = log2_of(lanes());
    op.wgt_signed = input_format_.is_signed ? 1 : 0;
    op.wgt_zp = input_format_.zero_point;
    op.wgt_bits = input_format_.bits;
    op.wgt_pack = log2_of(shape_.in.pack);
    ctx_.builder.emit(
        op, unit_.layer,
        {{Buffer::ifmap, moving}, {Buffer::weight, stationary}, {Buffer::psum, psum_half}});
  }

  void post(const Work& w, std::int64_t first, std::int64_t count, int psum_half, int param_half,
            std::int64_t param_base, int half) {
    PostOp op;
    op.mode = static_cast<std::int64_t>(PostMode::requant);
    op.transposed = 1;
    op.psum_half = psum_half;
    op.psum_base = first;
    op.param_half = param_half;
    op.param_base = param_base;
    op.channels = w.pixels;
    op.out_h = 1;
    op.out_w = count;
    op.win_h = 1;
    op.win_w = 1;
    set_requant(ctx_, layer_, op);
    op.dst = 0;
    op.dst_half = half;
    op.dst_base = first * shape_.out.word_bytes;
    op.dst_log2_bytes = log2_bytes(shape_.out.word_bytes);
    ctx_.builder.emit(
        op, unit_.layer,
        {{Buffer::psum, psum_half}, {Buffer::param, param_half}, {Buffer::ofmap, half}});
  }

  void store(const Work& w, int half) {
    const TensorPlace& t = ctx_.place(unit_.output);
    StoreOp op;
    op.mem_addr = static_cast<std::int64_t>(t.address) +
                  w.n0 / shape_.out.pack * static_cast<std::int64_t>(t.plane_stride) +
                  w.y * static_cast<std::int64_t>(t.line_stride) + w.x0 * shape_.out.word_bytes;
    op.planes = shape_.out.planes(w.outputs);
    op.channels = w.outputs;
    op.log2_pack = log2_of(shape_.out.pack);
    op.transposed = 1;
    op.log2_bytes = log2_bytes(shape_.out.word_bytes);
    op.plane_stride = static_cast<std::int64_t>(t.plane_stride);
    op.lines = 1;
    op.line_bytes = w.pixels * shape_.out.word_bytes;
    op.half = half;
    ctx_.last_store[unit_.output] = ctx_.builder.emit(op, unit_.layer, {{Buffer::ofmap, half}});
  }

  void note_layer() {
    LayerInfo& info = ctx_.infos[static_cast<std::size_t>(unit_.layer)];
    info.macs = macs_of(layer_);
    info.macs_executed = info.macs;
    info.fold_rows = ctx_.config.hw_array_rows;
    info.fold_channels = plan_.group * plan_.slots * lanes();
    info.k_mapping = plan_.k_mapping(ctx_.config.hw_array_rows);
    info.mapping = plan_.text();
  }

  Context& ctx_;
  const ConvUnit& unit_;
  const Layer& layer_;
  const ConvPlan& plan_;
  const InputStationaryCut& cut_;
  const ConvShape& shape_;
  const Operands& o_;
  std::int64_t beat_, word_;
  Format input_format_;
  std::int64_t plane_bytes_ = 0;
  std::uint64_t weight_address_ = 0, record_address_ = 0;
  std::array<Held, 2> ifmap_held_{}, weight_held_{}, param_held_{};
};

}  // namespace

void lower_input_stationary(Context& context, const ConvUnit& unit) {
  InputStationaryLowering(context, unit).run();
}

}  // namespace tactus::lower
