// SPDX-License-Identifier: Apache-2.0
#include "lower/conv_plan.hpp"

#include <algorithm>
#include <limits>

#include "lower/conv_variants.hpp"
#include "lower/layer_weights.hpp"
#include "lower/plan_input_stationary.hpp"
#include "lower/unit_runs.hpp"
#include "numerics/errors.hpp"
#include "program/program.hpp"

namespace tactus::lower {

namespace {

/// Largest value of a 14-bit pixel field of a tile op.
constexpr std::int64_t max_pixels_per_axis = 16383;
constexpr std::int64_t post_drain = 6;

/// What keeps a candidate from fitting: the buffer and the bytes it would need.
struct Shortage {
  std::string buffer, key;
  std::int64_t needed_kib = 0, has_kib = 0;
};

/// What a tile lacks in all buffers.
struct Shortages {
  std::vector<Shortage> list;

  void add(const char* buffer, const char* key, std::int64_t needed, std::int64_t has,
           std::int64_t has_kib) {
    if (needed <= has) return;
    const std::int64_t kib = ceil_div(needed * has_kib, std::max<std::int64_t>(has, 1));
    list.push_back({buffer, key, std::max(kib, has_kib + 1), has_kib});
  }

  [[nodiscard]] std::int64_t missing_kib() const {
    std::int64_t sum = 0;
    for (const Shortage& s : list) sum += s.needed_kib - s.has_kib;
    return sum;
  }

  [[nodiscard]] std::string text() const {
    const Shortage& first = list.front();
    std::string out = "does not fit the " + first.buffer + " buffer: its smallest tile needs " +
                      std::to_string(first.needed_kib) + " KiB, the buffer has " +
                      std::to_string(first.has_kib) + " KiB; ";
    for (const Shortage& s : list) {
      if (&s != &first) out += " and ";
      out += std::to_string(s.needed_kib - s.has_kib) + " KiB more in " + s.key;
    }
    return out + " would do";
  }
};

/// Heights of tiles of `total` lines.
std::vector<std::int64_t> line_candidates(std::int64_t total, std::int64_t forced) {
  if (forced > 0) return {std::min(forced, total)};
  std::vector<std::int64_t> out;
  for (std::int64_t parts = 1; parts <= total; ++parts) {
    const std::int64_t h = ceil_div(total, parts);
    if (out.empty() || out.back() != h) out.push_back(h);
  }
  return out;
}

std::vector<std::int64_t> width_candidates(std::int64_t total, std::int64_t step) {
  std::vector<std::int64_t> out;
  if (total <= max_pixels_per_axis) out.push_back(total);
  for (std::int64_t parts = 2; parts <= total; parts *= 2) {
    const std::int64_t w = round_up(ceil_div(total, parts), step);
    if (w < total && w <= max_pixels_per_axis && (out.empty() || out.back() != w)) out.push_back(w);
    if (w == step) break;
  }
  return out;
}

class Planner {
 public:
  Planner(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
          const ArchConfig& config)
      : layer_(layer), weights_(weights), s_(shape), cfg_(config), beat_(config.beat_bytes()) {}

  ConvPlan best() {
    shortages_.add("weight", "buf.weight_kib", cfg_.hw_array_rows, cfg_.weight_rows(),
                   cfg_.buf_weight_kib);
    shortages_.add("param", "buf.param_kib", cfg_.hw_array_cols + 1, cfg_.param_records(),
                   cfg_.buf_param_kib);
    const Variants variants = conv_variants(layer_, weights_, s_, cfg_);
    if (shortages_.list.empty()) {
      for (const Variant& variant : variants.list) try_variant(variant);
    }
    if (!found_) {
      throw BadInput("layer " + layer_.id + " " +
                         (shortages_.list.empty()
                              ? "steps too many bytes from tap to tap for the address generator"
                              : shortages_.text()),
                     {}, layer_.id);
    }
    best_.remark = variants.remark;
    return best_;
  }

 private:
  /// Keeps the shortages of the tile that lacks least.
  void note(const Shortages& found) {
    if (found.list.empty()) return;
    if (shortages_.list.empty() || found.missing_kib() < shortages_.missing_kib()) {
      shortages_ = found;
    }
  }

  void try_variant(const Variant& variant) {
    ConvPlan plan;
    plan.shape = s_;
    plan.operands = variant.operands;
    plan.output_stationary = variant.output_stationary;
    plan.line_phases = variant.line_phases;
    plan.column_channels = variant.column_channels;
    plan.window = phased(s_.window, variant.line_phases);
    plan.columns = column_tiles(s_, variant);
    planes_ = 0;
    for (const auto& c : plan.columns) planes_ = std::max(planes_, s_.in.planes(c.channels));
    const std::int64_t most = variant.output_stationary ? 1 : cfg_.hw_array_rows;
    for (std::int64_t g = 1; g <= most && (g == 1 || g < 2 * planes_); g *= 2) {
      // A word of -1 and +1 cannot say that a padding channel has no weight.
      if (variant.operands.wgt_bipolar && planes_ % g != 0) continue;
      plan.group = g;
      try_group(plan);
    }
  }

  void try_group(ConvPlan& plan) {
    const Operands& o = plan.operands;
    plan.slots = ceil_div(planes_, plan.group);
    plan.k_rows = plan.group * plan.slots * o.windows() * o.kept * plan.window.kernel_h *
                  plan.window.kernel_w;
    if (!place_weights(plan)) return;
    const std::int64_t lines = ceil_div(s_.out_h, plan.line_phases);
    const std::int64_t forced = ceil_div(cfg_.map_tile_rows, plan.line_phases);
    for (const std::int64_t w : width_candidates(s_.out_w, beat_)) {
      for (const std::int64_t h : line_candidates(lines, forced)) {
        if (h <= max_pixels_per_axis && fits(plan, h, w)) consider(plan, h, w);
      }
    }
  }

  /// Cuts the units into blocks; false when not even one block of indices fits.
  bool place_weights(ConvPlan& plan) {
    set_runs(plan, weights_, cfg_);
    const Operands& o = plan.operands;
    std::int64_t capacity = cfg_.weight_rows() * o.units_per_row();
    std::int64_t align = std::max(cfg_.hw_array_rows, o.units_per_row());
    if (o.sparse()) {
      capacity = std::min(capacity, cfg_.index_rows() * o.units_per_index_row());
      align = std::max(align, o.units_per_index_row());
    }
    std::int64_t largest = 0, weight_rows = 0, index_rows = 0;
    folds_ = 0;
    for (const ColumnTile& tile : plan.columns) {
      largest = std::max(largest, tile.stored);
      weight_rows += plan.weight_rows(tile.stored);
      index_rows += plan.index_rows(tile.stored);
      folds_ += ceil_div(tile.stored, cfg_.hw_array_rows);
    }
    stored_rows_ = weight_rows + index_rows;
    plan.weights_whole = weight_rows <= cfg_.weight_rows() && index_rows <= cfg_.index_rows();
    plan.most_stored = largest;
    plan.weight_chunk = largest <= capacity ? largest : capacity / align * align;
    if (plan.weight_chunk > 0) return true;
    Shortages found;
    found.add("weight", "buf.weight_kib", ceil_div(align, o.units_per_row()), cfg_.weight_rows(),
              cfg_.buf_weight_kib);
    if (o.sparse()) {
      found.add("index", "buf.index_kib", ceil_div(align, o.units_per_index_row()),
                cfg_.index_rows(), cfg_.buf_index_kib);
    }
    note(found);
    return false;
  }

  /// Checks the largest tile of the cut, of h lines of the array, against all buffers.
  bool fits(const ConvPlan& plan, std::int64_t h, std::int64_t w) {
    const std::int64_t elem = s_.in.pixel_bytes();
    if (elem > cfg_.word_bytes() &&
        (s_.window.stride_w * elem > 255 || s_.window.dilation_w * elem > 4095)) {
      return false;
    }
    std::int64_t bank = 0;
    for (std::int64_t x0 = 0; x0 < s_.out_w; x0 += w) {
      const PixelTile tile{0, x0, h, std::min(w, s_.out_w - x0)};
      bank = std::max(
          bank,
          layout_tile(plan.window, tile, s_.in_h, s_.in_w, elem, beat_).bank_bytes(plan.slots));
    }
    std::int64_t out = h * round_up(w * s_.out_elem(), beat_);
    if (s_.has_residual && s_.residual_elem() != s_.out_elem()) {
      out += h * round_up(w * s_.residual_elem(), beat_);
    }
    Shortages found;
    found.add("ifmap", "buf.ifmap_kib", bank, cfg_.ifmap_bank_bytes(), cfg_.buf_ifmap_kib);
    found.add("psum", "buf.psum_kib", h * w, cfg_.psum_entries(), cfg_.buf_psum_kib);
    found.add("ofmap", "buf.ofmap_kib", out, cfg_.ofmap_bank_bytes(), cfg_.buf_ofmap_kib);
    if (found.list.empty()) return true;
    note(found);
    return false;
  }

  void consider(ConvPlan& plan, std::int64_t h, std::int64_t w) {
    const auto tiles = static_cast<std::int64_t>(plan.columns.size());
    const std::int64_t extra = s_.has_residual ? 1 : 0;
    std::int64_t records = extra * tiles;
    for (const ColumnTile& tile : plan.columns) records += tile.cols;
    plan.params_whole = records <= cfg_.param_records();
    for (const bool weights_outer : {true, false}) {
      if (cfg_.map_order == "weights" && !weights_outer) continue;
      if (cfg_.map_order == "pixels" && weights_outer) continue;
      plan.weights_outer = weights_outer;
      plan.estimated_cycles = estimate(plan, h, w);
      if (found_ && plan.estimated_cycles >= best_.estimated_cycles) continue;
      found_ = true;
      best_ = plan;
      const std::int64_t lines = h * plan.line_phases;
      for (std::int64_t y0 = 0; y0 < s_.out_h; y0 += lines) {
        for (std::int64_t x0 = 0; x0 < s_.out_w; x0 += w) {
          best_.pixels.push_back(
              {y0, x0, std::min(lines, s_.out_h - y0), std::min(w, s_.out_w - x0)});
        }
      }
    }
  }

  [[nodiscard]] bool depthwise() const { return s_.groups > 1 && s_.groups == s_.in_c; }

  /// Cycles of the array for all tiles of `pixels` pixels.
  [[nodiscard]] std::int64_t compute_cycles(const ConvPlan& plan, std::int64_t tiles,
                                            std::int64_t pixels) const {
    const std::int64_t rows = cfg_.hw_array_rows, cols = cfg_.hw_array_cols;
    const auto columns = static_cast<std::int64_t>(plan.columns.size());
    if (plan.output_stationary) {
      const std::int64_t fold =
          cfg_.hw_fold_overlap ? std::max(plan.k_rows, rows) : plan.k_rows + 2 * rows + cols + 1;
      return tiles * columns * (ceil_div(pixels, rows) * fold + rows);
    }
    const std::int64_t fold =
        cfg_.hw_fold_overlap ? std::max(pixels, rows) : 2 * rows + cols + pixels;
    return tiles * (folds_ * fold + columns * rows);
  }

  /// What the loads of depthwise layers take besides input and weights: with few channels to a
  /// column tile records are loaded often, once for each line phase, and small loads wait for the
  /// tile two before theirs.
  [[nodiscard]] std::int64_t small_loads(const ConvPlan& plan, std::int64_t tiles,
                                         std::int64_t used) const {
    if (!depthwise()) return 0;
    const std::int64_t records =
        plan.params_whole ? 0 : cfg_.latency() + used * record_bytes / beat_ * cfg_.beat_interval();
    return tiles * static_cast<std::int64_t>(plan.columns.size()) *
           (records + cfg_.latency() / 2 + 4);
  }

  /// Longest of the four queues' busy cycles plus what cannot overlap (first load, last store).
  [[nodiscard]] std::int64_t estimate(const ConvPlan& plan, std::int64_t h, std::int64_t w) const {
    const std::int64_t interval = cfg_.beat_interval(), latency = cfg_.latency();
    const auto columns = static_cast<std::int64_t>(plan.columns.size());
    const std::int64_t ny = ceil_div(s_.out_h, h * plan.line_phases), nx = ceil_div(s_.out_w, w);
    const std::int64_t tiles = ny * nx, pixels = h * w;
    const std::int64_t compute = compute_cycles(plan, tiles, pixels);
    if (cfg_.map_objective == "compute") return compute;

    const PixelTile tile{0, 0, h, w};
    const TileLayout layout =
        layout_tile(plan.window, tile, s_.in_h, s_.in_w, s_.in.pixel_bytes(), beat_);
    const std::int64_t in_tile =
        latency + planes_ * layout.lines * ceil_div(layout.data_bytes, beat_) * interval +
        (layout.needs_fill ? layout.bank_bytes(plan.slots) / beat_ : 0);
    const bool one_block = tiles == 1 && s_.groups == 1;
    const std::int64_t in_loads = one_block                                 ? 1
                                  : (s_.groups == 1 && !plan.weights_outer) ? tiles
                                                                            : tiles * columns;
    const std::int64_t outputs = std::min(plan.column_channels, s_.out_c);
    const std::int64_t used = (plan.line_phases - 1) * plan.column_channels + outputs;
    const std::int64_t weight_tile = latency + ceil_div(stored_rows_, columns) *
                                                   ceil_div(used * cfg_.word_bytes(), beat_) *
                                                   interval;
    const bool reload = !plan.weights_whole && tiles > 1 && (!plan.weights_outer || plan.chunked());
    const std::int64_t weight_loads = columns * (reload ? tiles : 1);
    const std::int64_t residual =
        s_.has_residual
            ? tiles * columns *
                  (latency + s_.residual.planes(outputs) * h *
                                 ceil_div(w * s_.residual.pixel_bytes(), beat_) * interval)
            : 0;
    const std::int64_t load =
        in_loads * in_tile + weight_loads * weight_tile + residual + small_loads(plan, tiles, used);
    const std::int64_t passes = ceil_div(used, cfg_.hw_post_lanes);
    const std::int64_t post_tile = used + passes * (pixels + post_drain);
    const std::int64_t store_tile =
        plan.line_phases * (latency + s_.out.planes(outputs) * h *
                                          ceil_div(w * s_.out.pixel_bytes(), beat_) * interval);
    const std::int64_t groups_of_work = tiles * columns;
    std::int64_t busiest =
        std::max({compute, load, groups_of_work * post_tile, groups_of_work * store_tile});
    // Depthwise layers wait for memory; of plans that wait as long, the one with less work is best.
    if (depthwise()) busiest += compute / 8;
    return busiest + in_tile + weight_tile + post_tile + store_tile;
  }

  const Layer& layer_;
  const LayerWeights& weights_;
  const ConvShape& s_;
  const ArchConfig& cfg_;
  std::int64_t beat_;
  std::int64_t planes_ = 0;       ///< most input planes of any column tile
  std::int64_t folds_ = 0;        ///< weight-stationary folds of all column tiles
  std::int64_t stored_rows_ = 0;  ///< weight and index rows of all column tiles
  bool found_ = false;
  ConvPlan best_;
  Shortages shortages_;
};

}  // namespace

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

ConvPlan plan_conv(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
                   const ArchConfig& config) {
  if (config.map_dataflow == "is") return *plan_input_stationary(layer, weights, shape, config);
  ConvPlan plan = Planner(layer, weights, shape, config).best();
  // Arrays of one dataflow keep to it unless map.dataflow names another one.
  if (config.map_dataflow == "auto" && config.output_stationary()) {
    auto other = plan_input_stationary(layer, weights, shape, config);
    if (other && other->estimated_cycles < plan.estimated_cycles) return *std::move(other);
  }
  return plan;
}

}  // namespace tactus::lower
