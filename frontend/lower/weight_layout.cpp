// SPDX-License-Identifier: Apache-2.0
#include "lower/weight_layout.hpp"

#include <algorithm>

namespace tactus::lower {

namespace {

/// What a column reads: its output channel, its own input channels and where its taps begin.
struct Column {
  std::int64_t output = -1;         ///< -1: no channel
  std::int64_t first = 0, end = 0;  ///< input channels
  std::int64_t ky = 0;              ///< tap of the array that is the kernel's first line
};

/// A lane's weight in one unit.
struct Field {
  std::int64_t value = 0, index = 0;
  bool real = false;  ///< some input channel of the column stands behind it
};

class Packer {
 public:
  Packer(const Layer& layer, const ConvPlan& plan, const ColumnTile& tile, std::int64_t beat_bytes)
      : layer_(layer),
        plan_(plan),
        tile_(tile),
        o_(plan.operands),
        zero_(layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[0]),
        in_per_group_(plan.shape.in_c / plan.shape.groups) {
    out_.row_bytes = round_up(tile.cols * word_bytes(), beat_bytes);
    out_.values.resize(static_cast<std::size_t>(plan.weight_rows(tile.stored) * out_.row_bytes));
    out_.indices.resize(static_cast<std::size_t>(plan.index_rows(tile.stored) * out_.row_bytes));
    out_.multiplied.resize(static_cast<std::size_t>(tile.cols));
    for (std::int64_t j = 0; j < tile.cols; ++j) columns_.push_back(column(j));
  }

  WeightRows run() {
    for (const UnitRun& run : tile_.runs) {
      for (std::int64_t i = 0; i < run.count; ++i) pack_unit(run.first + i, run.stored + i);
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::int64_t word_bytes() const { return o_.word_bits / 8; }

  [[nodiscard]] Column column(std::int64_t j) const {
    Column c;
    const std::int64_t output = j % plan_.column_channels;
    if (output >= tile_.outputs) return c;
    c.output = tile_.n0 + output;
    c.first = c.output / (plan_.shape.out_c / plan_.shape.groups) * in_per_group_;
    c.end = c.first + in_per_group_;
    c.ky = j / plan_.column_channels * plan_.shape.window.stride_h;
    return c;
  }

  [[nodiscard]] std::int64_t weight(const Column& c, std::int64_t channel, std::int64_t ky,
                                    std::int64_t kx) const {
    const Window& w = plan_.shape.window;
    const std::int64_t at =
        ((c.output * in_per_group_ + channel - c.first) * w.kernel_h + ky) * w.kernel_w + kx;
    return layer_.weight[static_cast<std::size_t>(at)];
  }

  /// Weight of the lane whose candidates begin with input channel `first`.
  [[nodiscard]] Field field(const Column& c, std::int64_t first, const UnitPlace& at) const {
    Field out;
    out.value = zero_;
    const std::int64_t ky = at.ky - c.ky;
    if (ky < 0 || ky >= plan_.shape.window.kernel_h || c.output < 0) return out;
    const std::int64_t begin = std::max(first, c.first);
    const std::int64_t end = std::min(first + o_.candidates, c.end);
    out.real = at.n < end - begin;
    std::int64_t rank = 0;
    for (std::int64_t channel = begin; channel < end; ++channel) {
      const std::int64_t value = weight(c, channel, ky, at.kx);
      if (o_.sparse() && value == zero_) continue;
      if (rank++ != at.n) continue;
      out.value = value;
      out.index = channel - first;
      break;
    }
    return out;
  }

  /// Sets `count` bits of a column's word from bit `bit` on.
  void put(std::vector<std::uint8_t>& rows, std::int64_t row, std::int64_t column, std::int64_t bit,
           std::int64_t count, std::int64_t value) const {
    const std::int64_t word = row * out_.row_bytes + column * word_bytes();
    if (count == 8) {
      rows[static_cast<std::size_t>(word + bit / 8)] = static_cast<std::uint8_t>(value);
      return;
    }
    for (std::int64_t i = 0; i < count; ++i, ++bit) {
      const auto on = static_cast<std::uint8_t>(value >> i & 1);
      auto& byte = rows[static_cast<std::size_t>(word + bit / 8)];
      byte = static_cast<std::uint8_t>(byte | on << bit % 8);
    }
  }

  void pack_unit(std::int64_t unit, std::int64_t stored) {
    const UnitPlace at = plan_.place_of(unit);
    const std::int64_t lanes = o_.lanes(), width = o_.wgt_carrier, index = o_.index_bits();
    const std::int64_t plane = at.slot * plan_.group + at.phase;
    const std::int64_t first = tile_.c0 + plane * o_.plane_channels() + at.window * o_.window();
    for (std::int64_t j = 0; j < tile_.cols; ++j) {
      const Column& c = columns_[static_cast<std::size_t>(j)];
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Field f = field(c, first + l * o_.candidates, at);
        if (f.real) ++out_.multiplied[static_cast<std::size_t>(j)];
        // The word's bit of +1 is 1, that of -1 is 0.
        const std::int64_t value = o_.wgt_bipolar ? (f.value + 1) / 2 : f.value;
        put(out_.values, stored / o_.units_per_row(), j,
            (stored % o_.units_per_row() * lanes + l) * width, width, value);
        if (!o_.sparse()) continue;
        put(out_.indices, stored / o_.units_per_index_row(), j,
            (stored % o_.units_per_index_row() * lanes + l) * index, index, f.index);
      }
    }
  }

  const Layer& layer_;
  const ConvPlan& plan_;
  const ColumnTile& tile_;
  const Operands& o_;
  std::int64_t zero_, in_per_group_;
  std::vector<Column> columns_;
  WeightRows out_;
};

}  // namespace

WeightRows pack_weights(const Layer& layer, const ConvPlan& plan, const ColumnTile& tile,
                        std::int64_t beat_bytes) {
  return Packer(layer, plan, tile, beat_bytes).run();
}

}  // namespace tactus::lower
