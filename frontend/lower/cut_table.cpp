// SPDX-License-Identifier: Apache-2.0
#include "lower/cut_table.hpp"

#include <algorithm>
#include <limits>

#include "lower/conv_variants.hpp"
#include "lower/cut_keys.hpp"
#include "lower/layer_weights.hpp"
#include "lower/unit_runs.hpp"
#include "lower/weight_layout.hpp"
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

  void add(Limit& limit, std::int64_t needed) {
    if (limit.holds(needed)) return;
    const std::int64_t has = std::max<std::int64_t>(limit.size(), 1);
    const std::int64_t kib = ceil_div(needed * limit.has_kib, has);
    list.push_back({limit.buffer, limit.key, std::max(kib, limit.has_kib + 1), limit.has_kib});
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

/// Memory timings at which the cuts are compared while a table grows; any set would do.
constexpr MemoryTiming sample_timings[] = {{1, 1},   {40, 1},     {40, 4},
                                           {400, 1}, {100000, 1}, {1, 1024}};

}  // namespace

/// Fills a table. Sizes of buffers take part through questions to their limits alone, except in the
/// message where there is no cut.
class Planner {
 public:
  Planner(CutTable& table, const Layer& layer)
      : table_(table),
        layer_(layer),
        weights_(table.weights_),
        s_(table.shape_),
        cfg_(table.config_),
        limits_(table.limits_),
        beat_(cfg_.beat_bytes()) {}

  void run() {
    shortages_.add(limits_.weight, cfg_.hw_array_rows);
    shortages_.add(limits_.param, cfg_.hw_array_cols + 1);
    const Variants variants = conv_variants(layer_, weights_, s_, cfg_);
    if (shortages_.list.empty()) {
      for (const Variant& variant : variants.list) try_variant(variant);
    }
    if (table_.cuts_.empty()) {
      table_.problem_ =
          BadInput("layer " + layer_.id + " " +
                       (shortages_.list.empty()
                            ? "steps too many bytes from tap to tap for the address generator"
                            : shortages_.text()),
                   {}, layer_.id);
    }
    table_.remark_ = variants.remark;
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
    set_params(plan);
    const std::size_t known = table_.cuts_.size();
    const std::int64_t lines = ceil_div(s_.out_h, plan.line_phases);
    const std::int64_t forced = ceil_div(cfg_.map_tile_rows, plan.line_phases);
    const std::vector<std::int64_t> heights = line_candidates(lines, forced);
    for (const std::int64_t w : width_candidates(s_.out_w, beat_)) {
      for (const std::int64_t h : heights) {
        if (h <= max_pixels_per_axis && fits(plan, h, w)) consider(plan, h, w);
      }
    }
    if (table_.cuts_.size() == known) return;
    std::vector<ColumnTile> columns;
    columns.swap(plan.columns);
    table_.bases_.push_back(plan);
    columns.swap(plan.columns);
  }

  /// Cuts the units into blocks; false when not even one block of indices fits.
  bool place_weights(ConvPlan& plan) {
    set_runs(plan, weights_, cfg_);
    const Operands& o = plan.operands;
    std::int64_t align = std::max(cfg_.hw_array_rows, o.units_per_row());
    if (o.sparse()) align = std::max(align, o.units_per_index_row());
    std::int64_t largest = 0, weight_rows = 0, index_rows = 0;
    folds_ = 0;
    for (const ColumnTile& tile : plan.columns) {
      largest = std::max(largest, tile.stored);
      weight_rows += plan.weight_rows(tile.stored);
      index_rows += plan.index_rows(tile.stored);
      folds_ += ceil_div(tile.stored, cfg_.hw_array_rows);
    }
    stored_rows_ = weight_rows + index_rows;
    plan.weights_whole = limits_.weight.holds(weight_rows) && limits_.index.holds(index_rows);
    plan.most_stored = largest;
    plan.weight_chunk = largest;
    if (!limits_.weight.holds(plan.weight_rows(largest)) ||
        !limits_.index.holds(plan.index_rows(largest))) {
      std::int64_t blocks = limits_.weight.multiple(o.units_per_row(), align);
      if (o.sparse()) {
        blocks = std::min(blocks, limits_.index.multiple(o.units_per_index_row(), align));
      }
      plan.weight_chunk = blocks * align;
    }
    if (plan.weight_chunk > 0) return true;
    Shortages found;
    found.add(limits_.weight, ceil_div(align, o.units_per_row()));
    if (o.sparse()) found.add(limits_.index, ceil_div(align, o.units_per_index_row()));
    note(found);
    return false;
  }

  /// Most bytes that a tile of the cut takes in a bank of the input.
  [[nodiscard]] std::int64_t bank_bytes(const ConvPlan& plan, std::int64_t h,
                                        std::int64_t w) const {
    std::int64_t most = 0;
    for (std::int64_t x0 = 0; x0 < s_.out_w; x0 += w) {
      const PixelTile tile{0, x0, h, std::min(w, s_.out_w - x0)};
      const TileLayout layout =
          layout_tile(plan.window, tile, s_.in_h, s_.in_w, s_.in.pixel_bytes(), beat_);
      most = std::max(most, layout.bank_bytes(plan.slots));
    }
    return most;
  }

  /// Checks the largest tile of the cut, of h lines of the array, against all buffers.
  bool fits(const ConvPlan& plan, std::int64_t h, std::int64_t w) {
    const std::int64_t elem = s_.in.pixel_bytes();
    if (elem > cfg_.word_bytes() &&
        (s_.window.stride_w * elem > 255 || s_.window.dilation_w * elem > 4095)) {
      return false;
    }
    std::int64_t out = h * round_up(w * s_.out_elem(), beat_);
    if (s_.has_residual && s_.residual_elem() != s_.out_elem()) {
      out += h * round_up(w * s_.residual_elem(), beat_);
    }
    // The banks of the input are looked at where everything else fits.
    const bool others = limits_.psum.holds(h * w) && limits_.ofmap.holds(out);
    if (!others && !table_.cuts_.empty()) return false;
    const std::int64_t bank = bank_bytes(plan, h, w);
    const bool fit = others && limits_.ifmap.holds(bank);
    // What is lacking is of interest only where nothing fits.
    if (fit || !table_.cuts_.empty()) return fit;
    Shortages found;
    found.add(limits_.ifmap, bank);
    found.add(limits_.psum, h * w);
    found.add(limits_.ofmap, out);
    note(found);
    return false;
  }

  void set_params(ConvPlan& plan) {
    const auto tiles = static_cast<std::int64_t>(plan.columns.size());
    std::int64_t records = s_.has_residual ? tiles : 0;
    for (const ColumnTile& tile : plan.columns) records += tile.cols;
    plan.params_whole = limits_.param.holds(records);
  }

  void consider(const ConvPlan& plan, std::int64_t h, std::int64_t w) {
    const TileLayout layout =
        layout_tile(plan.window, {0, 0, h, w}, s_.in_h, s_.in_w, s_.in.pixel_bytes(), beat_);
    for (const bool weights_outer : {true, false}) {
      if (cfg_.map_order == "weights" && !weights_outer) continue;
      if (cfg_.map_order == "pixels" && weights_outer) continue;
      const auto base = static_cast<std::int32_t>(table_.bases_.size());
      table_.add({base, h, w, weights_outer}, estimate(plan, h, w, layout, weights_outer));
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

  /// Adds what the loads of depthwise layers take besides input and weights: with few channels to
  /// a column tile records are loaded often, once for each line phase, and small loads wait for the
  /// tile two before theirs.
  void add_small_loads(const ConvPlan& plan, std::int64_t tiles, std::int64_t used,
                       CutCost& cost) const {
    if (!depthwise()) return;
    const std::int64_t loads = tiles * static_cast<std::int64_t>(plan.columns.size());
    if (!plan.params_whole) {
      cost.load_l += loads;
      cost.load_i += loads * (used * record_bytes / beat_);
    }
    cost.load_half_l += loads;
    cost.load += 4 * loads;
  }

  /// Longest of the four queues' busy cycles plus what cannot overlap (first load, last store).
  /// `layout` is that of the first tile.
  [[nodiscard]] CutCost estimate(const ConvPlan& plan, std::int64_t h, std::int64_t w,
                                 const TileLayout& layout, bool weights_outer) const {
    const auto columns = static_cast<std::int64_t>(plan.columns.size());
    const std::int64_t ny = ceil_div(s_.out_h, h * plan.line_phases), nx = ceil_div(s_.out_w, w);
    const std::int64_t tiles = ny * nx, pixels = h * w, works = tiles * columns;
    const std::int64_t compute = compute_cycles(plan, tiles, pixels);
    CutCost cost;
    cost.fixed = compute;
    if (cfg_.map_objective == "compute") return cost;

    // Cycles of one load or store besides L and I: fills; its beats are multiplied by I.
    const std::int64_t in_beats = planes_ * layout.lines * ceil_div(layout.data_bytes, beat_);
    const std::int64_t fill = layout.needs_fill ? layout.bank_bytes(plan.slots) / beat_ : 0;
    const std::int64_t in_loads = tiles == 1 && s_.groups == 1       ? 1
                                  : s_.groups == 1 && !weights_outer ? tiles
                                                                     : works;
    const std::int64_t outputs = std::min(plan.column_channels, s_.out_c);
    const std::int64_t used = (plan.line_phases - 1) * plan.column_channels + outputs;
    const std::int64_t weight_beats =
        ceil_div(stored_rows_, columns) * ceil_div(used * cfg_.word_bytes(), beat_);
    const bool reload = !plan.weights_whole && tiles > 1 && (!weights_outer || plan.chunked());
    const std::int64_t weight_loads = columns * (reload ? tiles : 1);
    cost.load = in_loads * fill;
    cost.load_l = in_loads + weight_loads;
    cost.load_i = in_loads * in_beats + weight_loads * weight_beats;
    if (s_.has_residual) {
      cost.load_l += works;
      cost.load_i +=
          works * s_.residual.planes(outputs) * h * ceil_div(w * s_.residual.pixel_bytes(), beat_);
    }
    add_small_loads(plan, tiles, used, cost);
    const std::int64_t passes = ceil_div(used, cfg_.hw_post_lanes);
    const std::int64_t post_tile = used + passes * (pixels + post_drain);
    const std::int64_t store_beats =
        s_.out.planes(outputs) * h * ceil_div(w * s_.out.pixel_bytes(), beat_);
    cost.fixed = std::max(compute, works * post_tile);
    cost.store_l = works * plan.line_phases;
    cost.store_i = works * plan.line_phases * store_beats;
    cost.tail = fill + post_tile;
    // Depthwise layers wait for memory; of plans that wait as long, the one with less work is best.
    if (depthwise()) cost.tail += compute / 8;
    cost.tail_l = 2 + plan.line_phases;
    cost.tail_i = in_beats + weight_beats + plan.line_phases * store_beats;
    return cost;
  }

  CutTable& table_;
  const Layer& layer_;
  const LayerWeights& weights_;
  const ConvShape& s_;
  const ArchConfig& cfg_;
  BufferLimits& limits_;
  std::int64_t beat_;
  std::int64_t planes_ = 0;       ///< most input planes of any column tile
  std::int64_t folds_ = 0;        ///< weight-stationary folds of all column tiles
  std::int64_t stored_rows_ = 0;  ///< weight and index rows of all column tiles
  Shortages shortages_;
};

bool CutCost::dominates(const CutCost& o) const {
  return fixed <= o.fixed && load <= o.load && load_l <= o.load_l && load_half_l <= o.load_half_l &&
         load_i <= o.load_i && store_l <= o.store_l && store_i <= o.store_i && tail <= o.tail &&
         tail_l <= o.tail_l && tail_i <= o.tail_i;
}

CutTable::CutTable(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
                   const ArchConfig& config)
    : shape_(shape), weights_(weights), config_(mapping_config(config)), limits_(config) {
  static_assert(std::size(sample_timings) == samples);
  Planner(*this, layer).run();
}

void CutTable::add(const Cut& cut, const CutCost& cost) {
  // A later cut has to be better than all before it: one that is nowhere better is left out.
  const bool first = cuts_.empty();
  for (std::size_t i = 0; !first && i < samples; ++i) {
    if (costs_[static_cast<std::size_t>(leaders_[i])].dominates(cost)) return;
  }
  const auto number = static_cast<std::int32_t>(cuts_.size());
  for (std::size_t i = 0; i < samples; ++i) {
    if (first || cost.at(sample_timings[i]) <
                     costs_[static_cast<std::size_t>(leaders_[i])].at(sample_timings[i])) {
      leaders_[i] = number;
    }
  }
  cuts_.push_back(cut);
  costs_.push_back(cost);
}

CutTable::Choice CutTable::best(const MemoryTiming& memory) {
  const auto [known, is_new] = known_.try_emplace({memory.latency, memory.interval});
  Choice& best = known->second;
  if (!is_new) return best;
  for (std::size_t i = 0; i < costs_.size(); ++i) {
    const std::int64_t cycles = costs_[i].at(memory);
    if (best.cut < 0 || cycles < best.cycles) best = {static_cast<std::int32_t>(i), cycles};
  }
  return best;
}

ConvPlan CutTable::plan(const Choice& choice) {
  const Cut& cut = cuts_.at(static_cast<std::size_t>(choice.cut));
  ConvPlan& base = bases_[static_cast<std::size_t>(cut.base)];
  if (base.columns.empty()) {
    base.columns = column_tiles(
        shape_, {base.operands, base.output_stationary, base.line_phases, base.column_channels});
    set_runs(base, weights_, config_);
    base.macs_executed = executed_macs(base);
  }
  ConvPlan plan = base;
  plan.weights_outer = cut.weights_outer;
  plan.estimated_cycles = choice.cycles;
  plan.remark = remark_;
  const std::int64_t lines = cut.h * plan.line_phases;
  for (std::int64_t y0 = 0; y0 < shape_.out_h; y0 += lines) {
    for (std::int64_t x0 = 0; x0 < shape_.out_w; x0 += cut.w) {
      plan.pixels.push_back(
          {y0, x0, std::min(lines, shape_.out_h - y0), std::min(cut.w, shape_.out_w - x0)});
    }
  }
  return plan;
}

}  // namespace tactus::lower
