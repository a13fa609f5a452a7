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
};

Column column_of(const ConvPlan& plan, const ColumnTile& tile, std::int64_t j) {
  Column c;
  const std::int64_t output = j % plan.column_channels;
  if (output >= tile.outputs) return c;
  const std::int64_t in_per_group = plan.shape.in_c / plan.shape.groups;
  c.output = tile.n0 + output;
  c.first = c.output / (plan.shape.out_c / plan.shape.groups) * in_per_group;
  c.end = c.first + in_per_group;
  c.ky = j / plan.column_channels * plan.shape.window.stride_h;
  return c;
}

/// First input channel of a K unit, counted from the tile's.
std::int64_t first_channel(const ConvPlan& plan, const UnitPlace& at) {
  const std::int64_t plane = at.slot * plan.group + at.phase;
  return plane * plan.operands.plane_channels() + at.window * plan.operands.window();
}

class Packer {
 public:
  Packer(const Layer& layer, const ConvPlan& plan, const ColumnTile& tile, std::int64_t beat_bytes)
      : layer_(layer),
        plan_(plan),
        tile_(tile),
        o_(plan.operands),
        zero_(layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[0]),
        in_per_group_(plan.shape.in_c / plan.shape.groups) {
    const WeightRowSizes sizes = weight_row_sizes(plan, tile, beat_bytes);
    out_.row_bytes = sizes.row_bytes;
    out_.values.resize(static_cast<std::size_t>(sizes.values));
    out_.indices.resize(static_cast<std::size_t>(sizes.indices));
    for (std::int64_t j = 0; j < tile.cols; ++j) columns_.push_back(column_of(plan, tile, j));
  }

  WeightRows run() {
    for (const UnitRun& run : tile_.runs) {
      for (std::int64_t i = 0; i < run.count; ++i) pack_unit(run.first + i, run.stored + i);
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::int64_t word_bytes() const { return o_.word_bits / 8; }

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

  /// A row of one byte to a column, one lane, dense: the usual case.
  void pack_bytes(const UnitPlace& at, std::int64_t channel, std::int64_t stored) {
    std::uint8_t* row = out_.values.data() + stored * out_.row_bytes;
    for (const Column& c : columns_) {
      const std::int64_t ky = at.ky - c.ky;
      const bool real = ky >= 0 && ky < plan_.shape.window.kernel_h && c.output >= 0 &&
                        channel >= c.first && channel < c.end;
      *row++ = static_cast<std::uint8_t>(real ? weight(c, channel, ky, at.kx) : zero_);
    }
  }

  void pack_unit(std::int64_t unit, std::int64_t stored) {
    const UnitPlace at = plan_.place_of(unit);
    const std::int64_t lanes = o_.lanes(), width = o_.wgt_carrier, index = o_.index_bits();
    const std::int64_t first = tile_.c0 + first_channel(plan_, at);
    if (o_.word_bits == 8 && width == 8 && !o_.sparse()) return pack_bytes(at, first, stored);
    for (std::int64_t j = 0; j < tile_.cols; ++j) {
      const Column& c = columns_[static_cast<std::size_t>(j)];
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Field f = field(c, first + l * o_.candidates, at);
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

WeightRowSizes weight_row_sizes(const ConvPlan& plan, const ColumnTile& tile,
                                std::int64_t beat_bytes) {
  WeightRowSizes out;
  out.row_bytes = round_up(tile.cols * (plan.operands.word_bits / 8), beat_bytes);
  out.values = plan.weight_rows(tile.stored) * out.row_bytes;
  out.indices = plan.index_rows(tile.stored) * out.row_bytes;
  return out;
}

bool MultipliedWeights::Reads::operator==(const Reads& o) const {
  const auto same = [](const UnitRun& a, const UnitRun& b) {
    return a.first == b.first && a.count == b.count;
  };
  return first == o.first && end == o.end && ky == o.ky &&
         std::equal(runs.begin(), runs.end(), o.runs.begin(), o.runs.end(), same);
}

std::int64_t MultipliedWeights::count(const Reads& reads) const {
  const Operands& o = plan_.operands;
  const std::int64_t lines = plan_.shape.window.kernel_h;
  // All taps of a whole layer read alike: those of one of them are counted.
  const bool whole = reads.runs.size() == 1 && reads.runs[0].count == plan_.k_rows;
  const std::int64_t taps = plan_.window.kernel_h * plan_.window.kernel_w;
  std::int64_t total = 0;
  for (const UnitRun& run : reads.runs) {
    const std::int64_t end = run.first + (whole ? run.count / taps : run.count);
    for (std::int64_t unit = run.first; unit < end; ++unit) {
      const UnitPlace at = plan_.place_of(unit);
      if (!whole && (at.ky < reads.ky || at.ky >= reads.ky + lines)) continue;
      const std::int64_t channel = first_channel(plan_, at);
      for (std::int64_t l = 0; l < o.lanes(); ++l) {
        const std::int64_t candidate = channel + l * o.candidates;
        const std::int64_t own =
            std::min(candidate + o.candidates, reads.end) - std::max(candidate, reads.first);
        total += at.n < own ? 1 : 0;
      }
    }
  }
  return whole ? total * lines * plan_.window.kernel_w : total;
}

std::vector<std::int64_t> MultipliedWeights::count(const ColumnTile& tile) {
  std::vector<std::int64_t> counts;
  Reads reads;
  reads.runs = tile.runs;
  std::size_t last = known_.size();
  for (std::int64_t j = 0; j < tile.cols; ++j) {
    const Column c = column_of(plan_, tile, j);
    if (c.output < 0) {
      counts.push_back(0);
      continue;
    }
    reads.first = c.first - tile.c0;
    reads.end = c.end - tile.c0;
    reads.ky = c.ky;
    if (last >= known_.size() || !(known_[last].first == reads)) {
      for (last = 0; last < known_.size() && !(known_[last].first == reads);) ++last;
      if (last == known_.size()) known_.emplace_back(reads, count(reads));
    }
    counts.push_back(known_[last].second);
  }
  return counts;
}

std::int64_t executed_macs(const ConvPlan& plan) {
  MultipliedWeights counter(plan);
  std::int64_t macs = 0;
  for (const ColumnTile& tile : plan.columns) {
    const std::vector<std::int64_t> counts = counter.count(tile);
    for (std::size_t j = 0; j < counts.size(); ++j) {
      const std::int64_t phase = static_cast<std::int64_t>(j) / plan.column_channels;
      macs += counts[j] * ceil_div(plan.shape.out_h - phase, plan.line_phases) * plan.shape.out_w;
    }
  }
  return macs;
}

WeightRows pack_weights(const Layer& layer, const ConvPlan& plan, const ColumnTile& tile,
                        std::int64_t beat_bytes) {
  return Packer(layer, plan, tile, beat_bytes).run();
}

}  // namespace tactus::lower
