// SPDX-License-Identifier: Apache-2.0
#include "lower/conv_blocks.hpp"

#include <algorithm>
#include <cstring>

#include "lower/weight_layout.hpp"

namespace tactus::lower {

ConvBlocks::ConvBlocks(Context& context, const ConvUnit& unit, const ConvPlan& plan)
    : ctx_(context),
      unit_(unit),
      layer_(context.layer(unit.layer)),
      plan_(plan),
      beat_(context.config.beat_bytes()) {}

void ConvBlocks::put_constants() {
  put_weights();
  put_params();
}

std::uint64_t ConvBlocks::put_bytes(const std::vector<std::uint8_t>& bytes) {
  const std::uint64_t address = ctx_.builder.allocate(bytes.size());
  std::memcpy(ctx_.builder.at(address), bytes.data(), bytes.size());
  return address;
}

void ConvBlocks::put_weights() {
  for (const ColumnTile& tile : plan_.columns) {
    const WeightRowSizes sizes = weight_row_sizes(plan_, tile, beat_);
    Stored stored;
    stored.row_bytes = sizes.row_bytes;
    if (ctx_.builder.contents()) {
      const WeightRows rows = pack_weights(layer_, plan_, tile, beat_);
      stored.weights = put_bytes(rows.values);
      if (plan_.operands.sparse()) stored.indices = put_bytes(rows.indices);
    } else {
      stored.weights = ctx_.builder.allocate(static_cast<std::uint64_t>(sizes.values));
      if (plan_.operands.sparse()) {
        stored.indices = ctx_.builder.allocate(static_cast<std::uint64_t>(sizes.indices));
      }
    }
    stored_.push_back(stored);
  }
}

void ConvBlocks::put_params() {
  std::vector<EncodedRecord> records;
  for (const ColumnTile& tile : plan_.columns) {
    record_begin_.push_back(static_cast<std::int64_t>(records.size()));
    for (std::int64_t j = 0; j < tile.cols; ++j) {
      const std::int64_t output = j % plan_.column_channels;
      // Without contents records are still made: they are checked that way.
      const ChannelRecord record =
          output < tile.outputs ? channel_record(ctx_, layer_, tile.n0 + output) : ChannelRecord{};
      records.push_back(ctx_.builder.contents() ? encode(record) : EncodedRecord{});
    }
    if (unit_.add >= 0) {
      records.push_back(encode(add_record(ctx_, ctx_.layer(unit_.add), unit_.conv_is_second)));
    }
  }
  record_begin_.push_back(static_cast<std::int64_t>(records.size()));
  param_address_ = ctx_.put_records(records);
}

int ConvBlocks::input_half(std::size_t n, std::size_t t) {
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
  const TileLayout layout = plan_.layout_of(plan_.pixels[t], beat_);
  if (layout.needs_fill) {
    const std::int64_t zero = ctx_.network.format_of(unit_.input).zero_point;
    ctx_.fill_tile(unit_.layer, Dest::ifmap, half, layout, plan_.slots, 0,
                   repeated(zero, plan_.operands.act_carrier));
  }
  ctx_.load_ifmap(unit_.layer, unit_.input, half, layout, column.c0, column.channels, plan_.group);
  return half;
}

void ConvBlocks::load_rows(Dest dest, std::size_t n, std::int64_t first_row, std::int64_t rows,
                           int half, std::int64_t row) {
  const Stored& stored = stored_[n];
  const bool index = dest == Dest::index;
  const std::int64_t word = ctx_.config.word_bytes();
  const std::int64_t beats_per_row = ctx_.config.hw_array_cols * word / beat_;
  constexpr std::int64_t most_lines = 65535;
  for (std::int64_t done = 0; done < rows; done += most_lines) {
    LoadOp op;
    op.mem_addr = static_cast<std::int64_t>(index ? stored.indices : stored.weights) +
                  (first_row + done) * stored.row_bytes;
    op.planes = 1;
    op.lines = std::min(rows - done, most_lines);
    op.line_stride = stored.row_bytes;
    op.line_bytes = plan_.columns[n].cols * word;
    op.dest = static_cast<std::int64_t>(dest);
    op.half = half;
    op.dst_base = (row + done) * beats_per_row;
    op.dst_line_stride = beats_per_row;
    ctx_.builder.emit(op, unit_.layer, {{index ? Buffer::index : Buffer::weight, half}});
  }
}

void ConvBlocks::load_units(std::size_t n, std::int64_t first, std::int64_t units, int half,
                            std::int64_t weight_row, std::int64_t index_row) {
  // Blocks begin with a new row of either buffer.
  load_rows(Dest::weight, n, first / plan_.operands.units_per_row(), plan_.weight_rows(units), half,
            weight_row);
  if (!plan_.operands.sparse()) return;
  load_rows(Dest::index, n, first / plan_.operands.units_per_index_row(), plan_.index_rows(units),
            half, index_row);
}

ConvBlocks::Weights ConvBlocks::weight_block(std::size_t n, std::int64_t first) {
  const Operands& o = plan_.operands;
  if (plan_.weights_whole) {
    const bool load = weight_held_[0].key_a < 0 && weight_held_[1].key_a < 0;
    if (load) {
      const int half = ctx_.builder.next_half(Buffer::weight);
      weight_held_[static_cast<std::size_t>(half)] = {0, 0, 0};
    }
    Weights found;
    found.half = weight_held_[0].key_a < 0 ? 1 : 0;
    std::int64_t weight_row = 0, index_row = 0;
    for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
      const std::int64_t stored = plan_.columns[i].stored;
      if (load) load_units(i, 0, stored, found.half, weight_row, index_row);
      if (i == n) {
        found.weight_base = weight_row * o.units_per_row();
        if (o.sparse()) found.index_base = index_row * o.units_per_index_row();
      }
      weight_row += plan_.weight_rows(stored);
      index_row += plan_.index_rows(stored);
    }
    return found;
  }
  for (int half = 0; half < 2; ++half) {
    const Held& held = weight_held_[static_cast<std::size_t>(half)];
    if (held.key_a == static_cast<std::int64_t>(n) && held.key_b == first) return {half, 0, 0};
  }
  const int half = ctx_.builder.next_half(Buffer::weight);
  weight_held_[static_cast<std::size_t>(half)] = {static_cast<std::int64_t>(n), first, 0};
  const std::int64_t units = std::min(plan_.weight_chunk, plan_.columns[n].stored - first);
  load_units(n, first, units, half, 0, 0);
  return {half, 0, 0};
}

std::pair<int, std::int64_t> ConvBlocks::param_block(std::size_t n) {
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
  ctx_.load_records(unit_.layer, param_address_ + static_cast<std::uint64_t>(first) * record_bytes,
                    last - first, half);
  return {half, record_begin_[n] - first};
}

}  // namespace tactus::lower
