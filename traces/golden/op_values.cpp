// SPDX-License-Identifier: Apache-2.0
#include "golden/op_values.hpp"

#include <cstdio>

#include "dataflow/output_stationary.hpp"
#include "dataflow/unit_order.hpp"
#include "numerics/errors.hpp"
#include "program/operand_layout.hpp"

namespace tactus::golden {
namespace {

std::uint64_t extent(std::int64_t n) { return static_cast<std::uint64_t>(n); }

/// `count` bits from bit `first` on, sign- or zero-extended.
std::int64_t field(std::uint64_t word, std::int64_t first, std::int64_t count, bool is_signed) {
  const std::uint64_t mask = (std::uint64_t{1} << count) - 1;
  const auto value = static_cast<std::int64_t>(word >> first & mask);
  return is_signed && (value >> (count - 1) & 1) != 0 ? value - (std::int64_t{1} << count) : value;
}

/// A 1-bit bipolar value is stored as 0 or 1 and stands for -1 or +1.
std::int64_t operand(std::int64_t stored, bool bipolar) {
  return bipolar ? 2 * (stored & 1) - 1 : stored;
}

class OpArrays {
 public:
  OpArrays(const OpContext& context, std::size_t index, const BufferView* view)
      : context_(context), op_(context.program.ops.at(index)), index_(index), view_(view) {}

  std::vector<Array> before() {
    if (const auto* compute = std::get_if<ComputeOp>(&op_.body)) compute_operands(*compute);
    if (const auto* post = std::get_if<PostOp>(&op_.body)) post_operands(*post);
    return std::move(arrays_);
  }
  std::vector<Array> after() {
    if (const auto* compute = std::get_if<ComputeOp>(&op_.body)) {
      const std::int64_t m = pixels(*compute);
      Array& psum = add("psum", {extent(m), extent(compute->cols)}, {"pixel", "column"},
                        static_cast<int>(context_.config.hw_acc_bits), true);
      if (view_ != nullptr) {
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t c = 0; c < compute->cols; ++c) {
            psum.values.push_back(view_->psum(compute->psum_half, c, compute->psum_base + i));
          }
        }
      }
    }
    if (const auto* post = std::get_if<PostOp>(&op_.body)) post_output(*post);
    return std::move(arrays_);
  }

 private:
  Array& add(const std::string& role, std::vector<std::uint64_t> shape,
             std::vector<std::string> axes, int bits, bool is_signed) {
    Array array;
    array.role = role;
    array.layer = context_.program.layers.at(op_.layer).id;
    array.tile_op = static_cast<std::int64_t>(index_);
    char name[24];
    std::snprintf(name, sizeof name, "/op%05zu/", index_);
    array.stem =
        (is_constant(role) ? context_.constants : context_.image) + "/" + array.layer + name + role;
    array.shape = std::move(shape);
    array.axes = std::move(axes);
    array.bits = bits;
    array.is_signed = is_signed;
    array.row = array.count() / static_cast<std::size_t>(array.shape.at(0));
    if (view_ != nullptr) array.values.reserve(array.count());
    arrays_.push_back(std::move(array));
    return arrays_.back();
  }

  /// An array with one value per (unit, other, part); rows are units or the others by the packing.
  template <class Value>
  void add_units(const std::string& role, std::int64_t units, std::int64_t others,
                 const char* other_name, std::int64_t parts, const char* part_name, int bits,
                 bool is_signed, const Value& value) {
    const bool by_unit = context_.packing.unit_rows;
    const std::int64_t rows = by_unit ? units : others;
    const std::int64_t lanes = by_unit ? others : units;
    Array& array = add(role, {extent(rows), extent(lanes), extent(parts)},
                       {by_unit ? "unit" : other_name, by_unit ? other_name : "unit", part_name},
                       bits, is_signed);
    if (view_ == nullptr) return;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t l = 0; l < lanes; ++l) {
        for (std::int64_t p = 0; p < parts; ++p) {
          array.values.push_back(by_unit ? value(r, l, p) : value(l, r, p));
        }
      }
    }
  }

  void compute_operands(const ComputeOp& op) {
    const OperandLayout layout = operand_layout(op, context_.config.hw_operand_bits);
    const std::int64_t word_bytes = context_.config.word_bytes();
    const bool os = op.dataflow == output_stationary::code;
    std::vector<KUnit> units;
    UnitOrder order(op, layout);
    for (std::int64_t k = 0; k < op.k_rows; ++k, order.advance()) units.push_back(order.at());

    const auto bits_of = [](bool bipolar, std::int64_t bits) {
      return bipolar ? 2 : static_cast<int>(bits);
    };
    const std::int64_t pack = std::int64_t{1} << op.act_pack;
    add_units("operand", op.k_rows, pixels(op), "pixel", layout.window_elements(), "element",
              bits_of(op.act_bipolar != 0, op.act_bits), (op.act_signed | op.act_bipolar) != 0,
              [&](std::int64_t k, std::int64_t m, std::int64_t e) {
                const KUnit& unit = units[static_cast<std::size_t>(k)];
                const std::int64_t element = unit.window * layout.window_elements() + e;
                const std::int64_t at = op.ifmap_base + unit_offset(op, unit) +
                                        m / op.out_w * op.step_y + m % op.out_w * op.step_x +
                                        element / pack * word_bytes;
                const std::int64_t bank = (os ? m : k) % op.rows_used;
                const std::uint64_t word = view_->bytes(BufferName::ifmap, op.ifmap_half, bank, at,
                                                        static_cast<int>(word_bytes));
                return operand(field(word, element % pack * layout.act_bits, layout.act_bits,
                                     op.act_signed != 0),
                               op.act_bipolar != 0);
              });
    const auto lane_field = [&](BufferName buffer, std::int64_t base, std::int64_t per_row,
                                std::int64_t bits, bool is_signed, std::int64_t k, std::int64_t c,
                                std::int64_t lane) {
      const std::int64_t row_bytes = context_.config.hw_array_cols * word_bytes;
      const std::int64_t at = (base + k) / per_row * row_bytes + c * word_bytes;
      const std::uint64_t word =
          view_->bytes(buffer, op.weight_half, 0, at, static_cast<int>(word_bytes));
      return field(word, (base + k) % per_row * layout.lanes * bits + lane * bits, bits, is_signed);
    };
    add_units("weight", op.k_rows, op.cols, "column", layout.lanes, "lane",
              bits_of(op.wgt_bipolar != 0, op.wgt_bits), (op.wgt_signed | op.wgt_bipolar) != 0,
              [&](std::int64_t k, std::int64_t c, std::int64_t lane) {
                return operand(lane_field(BufferName::weight, op.weight_base, layout.units_per_row,
                                          layout.wgt_bits, op.wgt_signed != 0, k, c, lane),
                               op.wgt_bipolar != 0);
              });
    if (!layout.sparse()) return;
    add_units("index", op.k_rows, op.cols, "column", layout.lanes, "lane",
              static_cast<int>(layout.index_bits), false,
              [&](std::int64_t k, std::int64_t c, std::int64_t lane) {
                return lane_field(BufferName::index, op.index_base, layout.units_per_index_row,
                                  layout.index_bits, false, k, c, lane);
              });
  }

  /// Psums in pixel order; of a transposed op lane n is pixel n and entry m is channel m.
  void post_operands(const PostOp& op) {
    const PostTraits traits = post_traits(static_cast<PostMode>(op.mode));
    const std::int64_t entries = op.out_h * op.out_w;
    if (traits.psum) {
      Array& psum = add("psum", {extent(entries), extent(op.channels)}, entry_axes(op),
                        static_cast<int>(context_.config.hw_acc_bits), true);
      for (std::int64_t i = 0; view_ != nullptr && i < entries * op.channels; ++i) {
        psum.values.push_back(
            view_->psum(op.psum_half, i % op.channels, op.psum_base + i / op.channels));
      }
    }
    if (traits.source) source(op, traits);
    std::int64_t records = traits.add_record ? 1 : 0;
    if (traits.channel_records) records += op.transposed != 0 ? entries : op.channels;
    if (records == 0) return;
    Array& param =
        add("param", {extent(records), extent(record_bytes)}, {"record", "byte"}, 8, false);
    for (std::int64_t i = 0; view_ != nullptr && i < records * record_bytes; ++i) {
      param.values.push_back(static_cast<std::int64_t>(
          view_->bytes(BufferName::param, op.param_half, 0, op.param_base * record_bytes + i, 1)));
    }
  }

  void source(const PostOp& op, const PostTraits& traits) {
    const std::int64_t taps = traits.two ? 2 : traits.window ? op.win_h * op.win_w : 1;
    const std::int64_t bytes = std::int64_t{1}
                               << (traits.two ? std::max(op.src_log2_bytes, op.srcb_log2_bytes)
                                              : op.src_log2_bytes);
    const bool is_signed = op.src_signed != 0 || (traits.two && op.srcb_signed != 0);
    // Operands of different signedness need one bit more.
    const bool mixed = traits.two && op.src_signed != op.srcb_signed;
    const int bits = static_cast<int>(8 * bytes) + (mixed ? 1 : 0);
    Array& array = add("source", {extent(op.out_h * op.out_w), extent(op.channels), extent(taps)},
                       {"pixel", "channel", "tap"}, bits, is_signed);
    if (view_ == nullptr) return;
    for (std::int64_t m = 0; m < op.out_h * op.out_w; ++m) {
      for (std::int64_t n = 0; n < op.channels; ++n) {
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          array.values.push_back(source_value(op, traits, m, n, tap));
        }
      }
    }
  }

  [[nodiscard]] std::int64_t source_value(const PostOp& op, const PostTraits& traits,
                                          std::int64_t m, std::int64_t n, std::int64_t tap) const {
    const bool b = traits.two && tap == 1;
    const std::int64_t log2_bytes = b ? op.srcb_log2_bytes : op.src_log2_bytes;
    const std::int64_t step_x = b ? std::int64_t{1} << log2_bytes : op.src_step_x;
    const std::int64_t kx = traits.window ? tap % op.win_w : 0;
    const std::int64_t ky = traits.window ? tap / op.win_w : 0;
    const std::int64_t columns = context_.config.hw_array_cols;
    const std::int64_t at = (b ? op.src_base_b : op.src_base) + n / columns * op.src_slot_stride +
                            m / op.out_w * op.src_step_y + m % op.out_w * step_x +
                            ky * op.src_step_ky + kx * op.src_step_kx;
    const int bytes = 1 << log2_bytes;
    return field(view_->bytes(BufferName::ofmap, op.src_half, n % columns, at, bytes), 0, 8 * bytes,
                 (b ? op.srcb_signed : op.src_signed) != 0);
  }

  void post_output(const PostOp& op) {
    const std::int64_t entries = op.out_h * op.out_w;
    const Format format = context_.network.format_of(result_layer());
    Array& output = add("output", {extent(entries), extent(op.channels)}, entry_axes(op),
                        format.bits, format.is_signed);
    if (view_ == nullptr) return;
    for (std::int64_t m = 0; m < entries; ++m) {
      for (std::int64_t n = 0; n < op.channels; ++n) {
        output.values.push_back(op.dst == 0 ? in_ofmap(op, m, n, format.is_signed)
                                            : in_ifmap(op, m, n, format.is_signed));
      }
    }
  }

  /// The layer whose output the op writes: its own, or the one that is folded into it.
  [[nodiscard]] std::string result_layer() const {
    const std::string& id = context_.program.layers.at(op_.layer).id;
    const auto mode = static_cast<PostMode>(std::get<PostOp>(op_.body).mode);
    if (mode != PostMode::requant_add) return id;
    for (const LayerInfo& info : context_.program.layers) {
      if (info.fused_into == id) return info.id;
    }
    return id;
  }

  [[nodiscard]] std::int64_t in_ofmap(const PostOp& op, std::int64_t m, std::int64_t n,
                                      bool is_signed) const {
    const std::int64_t columns = context_.config.hw_array_cols;
    const int bytes = 1 << op.dst_log2_bytes;
    const std::int64_t at = op.dst_base + n / columns * op.dst_slot_stride +
                            m / op.out_w * op.dst_step_y + (m % op.out_w << op.dst_log2_bytes);
    return field(view_->bytes(BufferName::ofmap, op.dst_half, n % columns, at, bytes), 0, 8 * bytes,
                 is_signed);
  }

  [[nodiscard]] std::int64_t in_ifmap(const PostOp& op, std::int64_t m, std::int64_t n,
                                      bool is_signed) const {
    const std::int64_t word_bytes = std::int64_t{1} << op.dst_log2_bytes;
    const std::int64_t pack = std::int64_t{1} << op.dst_log2_pack;
    const std::int64_t words = std::int64_t{1} << op.dst_log2_bundle;
    const std::int64_t group = std::int64_t{1} << op.dst_log2_group;
    const std::int64_t channel = op.dst_ch0 + n;
    const std::int64_t plane = channel / (pack * words);
    const std::int64_t at = op.dst_base + plane / group * op.dst_slot_stride +
                            m / op.out_w * op.dst_step_y + m % op.out_w * words * word_bytes +
                            channel / pack % words * word_bytes;
    const std::uint64_t word = view_->bytes(BufferName::ifmap, op.dst_half, plane % group, at,
                                            static_cast<int>(word_bytes));
    const std::int64_t bits = 8 * word_bytes / pack;
    return field(word, channel % pack * bits, bits, is_signed);
  }

  static std::vector<std::string> entry_axes(const PostOp& op) {
    if (op.transposed != 0) return {"channel", "pixel"};
    return {"pixel", "channel"};
  }

  const OpContext& context_;
  const TileOp& op_;
  std::size_t index_;
  const BufferView* view_;
  std::vector<Array> arrays_;
};

}  // namespace

std::vector<Array> arrays_before(const OpContext& context, std::size_t index,
                                 const BufferView* view) {
  return OpArrays(context, index, view).before();
}

std::vector<Array> arrays_after(const OpContext& context, std::size_t index,
                                const BufferView* view) {
  return OpArrays(context, index, view).after();
}

bool is_constant(const std::string& role) {
  return role == "weight" || role == "index" || role == "param";
}

}  // namespace tactus::golden
