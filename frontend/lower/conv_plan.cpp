// SPDX-License-Identifier: Apache-2.0
#include "lower/conv_plan.hpp"

#include <algorithm>
#include <limits>

#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

/// Largest value of a 14-bit pixel field of a tile op.
constexpr std::int64_t max_pixels_per_axis = 16383;
constexpr std::int64_t post_drain = 6;

/// What keeps a candidate from fitting: the buffer and the bytes it would need.
struct Shortage {
  std::string buffer, key;
  std::int64_t needed_kib = std::numeric_limits<std::int64_t>::max();
  std::int64_t has_kib = 0;
};

std::vector<ColumnTile> column_tiles(const ConvShape& s, std::int64_t array_cols) {
  std::vector<ColumnTile> tiles;
  const std::int64_t out_per_group = s.out_c / s.groups;
  const std::int64_t in_per_group = s.in_c / s.groups;
  for (std::int64_t n0 = 0; n0 < s.out_c; n0 += array_cols) {
    ColumnTile t;
    t.n0 = n0;
    t.cols = std::min(array_cols, s.out_c - n0);
    const std::int64_t first = n0 / out_per_group;
    const std::int64_t last = (n0 + t.cols - 1) / out_per_group;
    t.c0 = first * in_per_group;
    t.channels = (last - first + 1) * in_per_group;
    tiles.push_back(t);
  }
  return tiles;
}

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
  Planner(const Layer& layer, const ConvShape& shape, const ArchConfig& config)
      : layer_(layer), s_(shape), cfg_(config), beat_(config.beat_bytes()) {
    columns_ = column_tiles(s_, cfg_.hw_array_cols);
    for (const auto& c : columns_) channels_ = std::max(channels_, c.channels);
  }

  ConvPlan best() {
    const std::int64_t rows = cfg_.hw_array_rows;
    if (cfg_.weight_rows() < rows)
      note("weight", "buf.weight_kib", rows, cfg_.weight_rows(), cfg_.buf_weight_kib);
    if (cfg_.param_records() < cfg_.hw_array_cols + 1) {
      note("param", "buf.param_kib", cfg_.hw_array_cols + 1, cfg_.param_records(),
           cfg_.buf_param_kib);
    }
    if (!found_ && shortage_.has_kib == 0) {
      for (std::int64_t g = 1; g <= rows && (g == 1 || g < 2 * channels_); g *= 2) try_group(g);
    }
    if (!found_) {
      throw BadInput("layer " + layer_.id + " does not fit the " + shortage_.buffer +
                         " buffer: its smallest tile needs " +
                         std::to_string(shortage_.needed_kib) + " KiB, the buffer has " +
                         std::to_string(shortage_.has_kib) + " KiB; " +
                         std::to_string(shortage_.needed_kib - shortage_.has_kib) +
                         " KiB more in " + shortage_.key + " would do",
                     {}, layer_.id);
    }
    return best_;
  }

 private:
  void note(const char* buffer, const char* key, std::int64_t needed, std::int64_t has,
            std::int64_t has_kib) {
    const std::int64_t needed_kib =
        std::max(ceil_div(needed * has_kib, std::max<std::int64_t>(has, 1)), has_kib + 1);
    if (needed_kib < shortage_.needed_kib) shortage_ = {buffer, key, needed_kib, has_kib};
  }

  void try_group(std::int64_t group) {
    const std::int64_t slots = ceil_div(channels_, group);
    const std::int64_t elems_per_beat = beat_ / 1;
    for (const std::int64_t w : width_candidates(s_.out_w, elems_per_beat)) {
      for (const std::int64_t h : line_candidates(s_.out_h, cfg_.map_tile_rows)) {
        if (h > max_pixels_per_axis) continue;
        if (fits(h, w, slots)) {
          consider(h, w, group, slots);
        }
      }
    }
  }

  /// Checks the largest tile of the cut against all buffers.
  bool fits(std::int64_t h, std::int64_t w, std::int64_t slots) {
    if (h * w > cfg_.psum_entries()) {
      note("psum", "buf.psum_kib", h * w, cfg_.psum_entries(), cfg_.buf_psum_kib);
      return false;
    }
    std::int64_t bank = 0;
    for (std::int64_t x0 = 0; x0 < s_.out_w; x0 += w) {
      const PixelTile tile{0, x0, h, std::min(w, s_.out_w - x0)};
      bank = std::max(bank,
                      layout_tile(s_.window, tile, s_.in_h, s_.in_w, 1, beat_).bank_bytes(slots));
    }
    if (bank > cfg_.ifmap_bank_bytes()) {
      note("ifmap", "buf.ifmap_kib", bank, cfg_.ifmap_bank_bytes(), cfg_.buf_ifmap_kib);
      return false;
    }
    std::int64_t out = h * round_up(w * s_.out_elem, beat_);
    if (s_.residual_elem > 0 && s_.residual_elem != s_.out_elem) {
      out += h * round_up(w * s_.residual_elem, beat_);
    }
    if (out > cfg_.ofmap_bank_bytes()) {
      note("ofmap", "buf.ofmap_kib", out, cfg_.ofmap_bank_bytes(), cfg_.buf_ofmap_kib);
      return false;
    }
    return true;
  }

  void consider(std::int64_t h, std::int64_t w, std::int64_t group, std::int64_t slots) {
    ConvPlan plan;
    plan.shape = s_;
    plan.group = group;
    plan.slots = slots;
    plan.k_rows = group * slots * s_.taps();
    plan.columns = columns_;
    const auto tiles = static_cast<std::int64_t>(columns_.size());
    const std::int64_t rows = cfg_.hw_array_rows;
    const std::int64_t capacity = cfg_.weight_rows();
    plan.weights_whole = plan.k_rows * tiles <= capacity;
    plan.weight_chunk = plan.k_rows <= capacity ? plan.k_rows : capacity / rows * rows;
    const std::int64_t extra = s_.residual_elem > 0 ? 1 : 0;
    plan.params_whole = s_.out_c + extra * tiles <= cfg_.param_records();
    for (const bool weights_outer : {true, false}) {
      if (cfg_.map_order == "weights" && !weights_outer) continue;
      if (cfg_.map_order == "pixels" && weights_outer) continue;
      plan.weights_outer = weights_outer;
      plan.estimated_cycles = estimate(plan, h, w);
      if (found_ && plan.estimated_cycles >= best_.estimated_cycles) continue;
      found_ = true;
      best_ = plan;
      for (std::int64_t y0 = 0; y0 < s_.out_h; y0 += h) {
        for (std::int64_t x0 = 0; x0 < s_.out_w; x0 += w) {
          best_.pixels.push_back({y0, x0, std::min(h, s_.out_h - y0), std::min(w, s_.out_w - x0)});
        }
      }
    }
  }

  /// Longest of the four queues' busy cycles plus what cannot overlap (first load, last store).
  [[nodiscard]] std::int64_t estimate(const ConvPlan& plan, std::int64_t h, std::int64_t w) const {
    const std::int64_t rows = cfg_.hw_array_rows, cols = cfg_.hw_array_cols;
    const std::int64_t interval = cfg_.beat_interval(), latency = cfg_.latency();
    const std::int64_t columns = static_cast<std::int64_t>(plan.columns.size());
    const std::int64_t ny = ceil_div(s_.out_h, h), nx = ceil_div(s_.out_w, w), tiles = ny * nx;
    const std::int64_t pixels = h * w;
    const std::int64_t folds = ceil_div(plan.k_rows, rows);
    const std::int64_t fold =
        cfg_.hw_fold_overlap ? std::max(pixels, rows) : 2 * rows + cols + pixels;
    const std::int64_t compute = tiles * columns * (folds * fold + rows);
    if (cfg_.map_objective == "compute") return compute;

    const PixelTile tile{0, 0, h, w};
    const TileLayout layout = layout_tile(s_.window, tile, s_.in_h, s_.in_w, 1, beat_);
    const std::int64_t in_tile =
        latency + channels_ * layout.lines * ceil_div(layout.data_bytes, beat_) * interval +
        (layout.needs_fill ? layout.bank_bytes(plan.slots) / beat_ : 0);
    const bool one_block = tiles == 1 && s_.groups == 1;
    const std::int64_t in_loads = one_block                                 ? 1
                                  : (s_.groups == 1 && !plan.weights_outer) ? tiles
                                                                            : tiles * columns;
    const std::int64_t weight_tile =
        latency + plan.k_rows * ceil_div(std::min(cols, s_.out_c), beat_) * interval;
    const bool reload = !plan.weights_whole && tiles > 1 &&
                        (!plan.weights_outer || plan.weight_chunk < plan.k_rows);
    const std::int64_t weight_loads = columns * (reload ? tiles : 1);
    const std::int64_t residual =
        s_.residual_elem == 0
            ? 0
            : tiles * columns *
                  (latency +
                   std::min(cols, s_.out_c) * h * ceil_div(w * s_.residual_elem, beat_) * interval);
    const std::int64_t load = in_loads * in_tile + weight_loads * weight_tile + residual;
    const std::int64_t passes = ceil_div(std::min(cols, s_.out_c), cfg_.hw_post_lanes);
    const std::int64_t post_tile = std::min(cols, s_.out_c) + passes * (pixels + post_drain);
    const std::int64_t store_tile =
        latency + std::min(cols, s_.out_c) * h * ceil_div(w * s_.out_elem, beat_) * interval;
    const std::int64_t groups_of_work = tiles * columns;
    const std::int64_t busiest =
        std::max({compute, load, groups_of_work * post_tile, groups_of_work * store_tile});
    return busiest + in_tile + weight_tile + post_tile + store_tile;
  }

  const Layer& layer_;
  const ConvShape& s_;
  const ArchConfig& cfg_;
  std::int64_t beat_;
  std::vector<ColumnTile> columns_;
  std::int64_t channels_ = 0;  ///< most input channels of any column tile
  bool found_ = false;
  ConvPlan best_;
  Shortage shortage_;
};

}  // namespace

std::string ConvPlan::text() const {
  return "K " + std::to_string(k_rows) + " (G " + std::to_string(group) + ", " +
         std::to_string(slots) + " slots), " + std::to_string(columns.size()) + " column tiles x " +
         std::to_string(pixels.size()) + " pixel tiles of " + std::to_string(pixels.front().h) +
         "x" + std::to_string(pixels.front().w) + ", " + (weights_outer ? "weights" : "pixels") +
         " outer, " +
         (weights_whole           ? "all weights at once"
          : weight_chunk < k_rows ? "weights in blocks of " + std::to_string(weight_chunk) + " rows"
                                  : "one column tile's weights at a time");
}

ConvPlan plan_conv(const Layer& layer, const ConvShape& shape, const ArchConfig& config) {
  return Planner(layer, shape, config).best();
}

}  // namespace tactus::lower
