// SPDX-License-Identifier: Apache-2.0
#include "lower/conv_plan.hpp"

namespace tactus::lower {

UnitPlace ConvPlan::place_of(std::int64_t unit) const {
  UnitPlace at;
  const auto take = [&](std::int64_t size) {
    const std::int64_t digit = unit % size;
    unit /= size;
    return digit;
  };
  at.phase = take(group);
  at.n = take(operands.kept);
  at.window = take(operands.windows());
  at.slot = take(slots);
  at.kx = take(window.kernel_w);
  at.ky = unit;
  return at;
}

PixelTile ConvPlan::array_tile(const PixelTile& tile) const {
  return {tile.y0 / line_phases, tile.x0, ceil_div(tile.h, line_phases), tile.w};
}

TileLayout ConvPlan::layout_of(const PixelTile& tile, std::int64_t beat) const {
  return layout_tile(window, array_tile(tile), shape.in_h, shape.in_w, shape.in.pixel_bytes(),
                     beat);
}

KMapping ConvPlan::k_mapping(std::int64_t array_rows) const {
  KMapping out;
  if (input_stationary) {
    // A unit is a plane of its own: units follow each other in the order of the channels.
    out.rows = array_rows;
    out.group = group;
    out.slots = slots;
    out.bundle = out.lanes = operands.lanes();
    out.column_channels = column_channels;
    return out;
  }
  out.rows = array_rows;
  out.group = group;
  out.slots = slots;
  out.bundle = operands.plane_channels();
  out.lanes = operands.lanes();
  out.candidates = operands.candidates;
  out.kept = operands.kept;
  out.windows = operands.windows();
  out.line_phases = line_phases;
  out.column_channels = column_channels;
  out.chunk = chunked() ? weight_chunk : 0;
  out.output_stationary = output_stationary;
  return out;
}

std::string ConvPlan::text() const {
  const auto str = [](std::int64_t value) { return std::to_string(value); };
  const Operands& o = operands;
  if (input_stationary) {
    const InputStationaryCut& cut = *input_stationary;
    return "K " + str(k_rows) + " in blocks of " + str(cut.units) + ", " + str(cut.lines) +
           (cut.lines == 1 ? " line" : " lines") + " in blocks of " + str(cut.block) +
           " pixels, output channels in blocks of " + str(cut.outputs) + ", " +
           (weights_outer ? "weights" : "pixels") + " outer, carriers " + str(o.act_carrier) + "x" +
           str(o.wgt_carrier) + " bits" + (o.wgt_bipolar ? " bipolar" : "") + ", " +
           str(o.lanes()) + (o.lanes() == 1 ? " lane" : " lanes") + ", dense, input-stationary";
  }
  std::int64_t stored = 0;
  for (const ColumnTile& tile : columns) stored += tile.stored;
  const std::int64_t left_out = k_rows * static_cast<std::int64_t>(columns.size()) - stored;
  std::string text = "K " + str(k_rows) + " (G " + str(group) + ", " + str(slots) + " slots), " +
                     str(static_cast<std::int64_t>(columns.size())) + " column tiles x " +
                     str(static_cast<std::int64_t>(pixels.size())) + " pixel tiles of " +
                     str(pixels.front().h) + "x" + str(pixels.front().w) + ", " +
                     (weights_outer ? "weights" : "pixels") + " outer, " +
                     (weights_whole ? "all weights at once"
                      : chunked()   ? "weights in blocks of " + str(weight_chunk) + " units"
                                    : "one column tile's weights at a time");
  text += ", carriers " + str(o.act_carrier) + "x" + str(o.wgt_carrier) + " bits" +
          (o.wgt_bipolar ? " bipolar" : "") + ", " + str(o.lanes()) +
          (o.lanes() == 1 ? " lane, " : " lanes, ");
  text += o.sparse() ? str(o.kept) + ":" + str(o.candidates) + " weights, " : "dense, ";
  text += output_stationary ? "output-stationary" : "weight-stationary";
  if (line_phases > 1 || left_out > 0 || !remark.empty()) {
    if (line_phases > 1) text += ", " + str(line_phases) + " lines at once";
    if (left_out > 0) text += ", " + str(left_out) + " units of zero weights left out";
    if (!o.sparse() && !remark.empty()) text += "; " + remark;
  }
  return text;
}

}  // namespace tactus::lower
