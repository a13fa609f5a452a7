// SPDX-License-Identifier: Apache-2.0
#include "lower/plan_input_stationary.hpp"

#include <algorithm>

#include "lower/layer_weights.hpp"
#include "numerics/errors.hpp"
#include "program/program.hpp"

namespace tactus::lower {

namespace {

/// Largest values of fields of tile ops: pixels of a line, and planes of a load.
constexpr std::int64_t most_pixels = 16383, most_planes = 65535;
constexpr std::int64_t post_drain = 6;

std::string str(std::int64_t value) { return std::to_string(value); }

class InputStationaryPlanner {
 public:
  InputStationaryPlanner(const Layer& layer, const LayerWeights& weights, const ConvShape& shape,
                         const ArchConfig& config)
      : layer_(layer), weights_(weights), s_(shape), cfg_(config), beat_(config.beat_bytes()) {}

  std::optional<ConvPlan> run() {
    std::string why = obstacle();
    if (why.empty()) {
      prepare();
      choose();
      if (best_) return best_;
      why = shortage();
    }
    if (cfg_.map_dataflow != "is") return std::nullopt;
    throw BadInput("layer " + layer_.id + ": map.dataflow=is " + why, {}, layer_.id);
  }

 private:
  /// Why the layer cannot run input-stationary whatever the buffers hold, or nothing.
  [[nodiscard]] std::string obstacle() const {
    const Window& w = s_.window;
    const std::string only = "runs 1x1 layers without stride, padding and groups only, ";
    if (w.kernel_h != 1 || w.kernel_w != 1) {
      return only + "its kernel is " + str(w.kernel_h) + "x" + str(w.kernel_w);
    }
    if (w.stride_h != 1 || w.stride_w != 1) {
      return only + "its stride is " + str(w.stride_h) + "x" + str(w.stride_w);
    }
    if (w.pad_top != 0 || w.pad_left != 0 || s_.out_h != s_.in_h || s_.out_w != s_.in_w) {
      return only + "its padding is " + str(layer_.padding[0]) + "," + str(layer_.padding[1]) +
             "," + str(layer_.padding[2]) + "," + str(layer_.padding[3]);
    }
    if (s_.groups != 1) return only + "it has " + str(s_.groups) + " groups";
    if (s_.has_residual) return "has no residual add, one is folded into the layer";
    if (cfg_.map_sparsity != "dense") {
      for (std::int64_t m = 2; m <= cfg_.hw_edge_words && m <= s_.in_c; m *= 2) {
        if (weights_.kept(m) >= m) continue;
        return "runs weights dense, these are " + str(weights_.kept(m)) + ":" + str(m) +
               " (map.sparsity=dense permits it)";
      }
    }
    if (s_.in.bundle != 1) return "reads one word per pixel, its input has " + str(s_.in.bundle);
    if (!can_store_transposed(s_.out, cfg_)) {
      return "writes one word per pixel from one beat, its output has " + str(s_.out.bundle) +
             " of " + str(s_.out.pack) + " elements";
    }
    return {};
  }

  void prepare() {
    plan_.shape = s_;
    plan_.window = s_.window;
    Operands& o = plan_.operands;
    o.word_bits = cfg_.hw_operand_bits;
    o.act_carrier = s_.in.carrier;
    o.wgt_bits = layer_.weight_format.bits;
    o.wgt_signed = layer_.weight_format.is_signed;
    o.wgt_carrier = std::max(o.act_carrier, carrier_of(layer_.weight_format.bits, cfg_));
    if (layer_.weight_format.bipolar) {
      // Where a bit cannot stand for -1 and +1, or a lane has no channel, two bits do.
      o.wgt_bipolar = o.wgt_carrier == 1 && s_.in_c % o.lanes() == 0;
      if (!o.wgt_bipolar) {
        o.wgt_bits = 2;
        o.wgt_signed = true;
        o.wgt_carrier = std::max(o.act_carrier, carrier_of(2, cfg_));
      }
    }
    units_ = ceil_div(s_.in_c, o.lanes());
    plan_.k_rows = units_;
    while (plan_.group < std::min(units_, cfg_.hw_array_rows)) plan_.group *= 2;
    plan_.slots = ceil_div(units_, plan_.group);
    plan_.column_channels = s_.out_c;

    cut_.lines = s_.out_h;
    cut_.line_pixels = s_.out_w;
    const bool contiguous =
        s_.out_w * s_.in.word_bytes % beat_ == 0 && s_.out_w * s_.out.word_bytes % beat_ == 0;
    if (contiguous) {
      cut_.lines = 1;
      cut_.line_pixels = s_.out_h * s_.out_w;
    }
    cut_.block = std::min(cfg_.hw_array_cols, cut_.line_pixels);
  }

  /// V: units in a row of the weight buffer, which holds the activations.
  [[nodiscard]] std::int64_t units_per_row() const { return s_.in.pack / plan_.operands.lanes(); }

  /// Output channels whose words and results begin with a beat and with a plane.
  [[nodiscard]] std::int64_t step() const {
    return std::max(beat_ / cfg_.word_bytes(), s_.out.pack);
  }

  /// K units that fit the weight and ifmap halves together; whole folds and rows unless all do.
  [[nodiscard]] std::int64_t units_that_fit(std::int64_t outputs) const {
    const std::int64_t line = round_up(outputs * cfg_.word_bytes(), beat_);
    const std::int64_t fit = std::min({cfg_.weight_rows() * units_per_row(),
                                       cfg_.ifmap_bank_bytes() / line * cfg_.hw_array_rows,
                                       most_pixels * cfg_.hw_array_rows, most_planes});
    if (units_ <= fit) return units_;
    const std::int64_t align = std::max(cfg_.hw_array_rows, units_per_row());
    return fit / align * align;
  }

  void choose() {
    const std::int64_t most =
        std::min({cfg_.psum_entries(), cfg_.ofmap_bank_bytes() / s_.out.word_bytes, most_pixels,
                  most_planes * s_.out.pack});
    for (std::int64_t outputs = s_.out_c;;) {
      if (outputs <= most) consider(outputs);
      if (outputs <= step()) break;
      outputs = round_up(ceil_div(outputs, 2), step());
    }
  }

  void consider(std::int64_t outputs) {
    cut_.outputs = outputs;
    cut_.units = units_that_fit(outputs);
    if (cut_.units == 0 || cfg_.param_records() == 0) return;
    for (const bool weights_outer : {true, false}) {
      if (cfg_.map_order == "weights" && !weights_outer) continue;
      if (cfg_.map_order == "pixels" && weights_outer) continue;
      plan_.weights_outer = weights_outer;
      plan_.estimated_cycles = estimate();
      if (best_ && plan_.estimated_cycles >= best_->estimated_cycles) continue;
      plan_.input_stationary = cut_;
      best_ = plan_;
    }
  }

  /// As for the other dataflows: the longest of the queues' busy cycles plus what cannot overlap.
  [[nodiscard]] std::int64_t estimate() const {
    const std::int64_t rows = cfg_.hw_array_rows, cols = cfg_.hw_array_cols;
    const std::int64_t interval = cfg_.beat_interval(), latency = cfg_.latency();
    const std::int64_t blocks = cut_.lines * ceil_div(cut_.line_pixels, cut_.block);
    const std::int64_t chunks_n = ceil_div(s_.out_c, cut_.outputs);
    const std::int64_t chunks_k = ceil_div(units_, cut_.units);
    const std::int64_t streamed = ceil_div(s_.out_c, chunks_n);
    const std::int64_t fold =
        cfg_.hw_fold_overlap ? std::max(streamed, rows) : streamed + 2 * rows + cols;
    const std::int64_t works = blocks * chunks_n;
    const std::int64_t compute = works * (ceil_div(units_, rows) * fold + chunks_k * rows);
    if (cfg_.map_objective == "compute") return compute;

    const auto beats = [&](std::int64_t bytes) { return ceil_div(bytes, beat_) * interval; };
    const std::int64_t word = cfg_.word_bytes();
    const std::int64_t inputs =
        chunks_k * latency + ceil_div(units_, units_per_row()) * beats(cut_.block * word);
    const std::int64_t weights = chunks_k * latency + units_ * beats(streamed * word);
    const bool keep_inputs = chunks_n == 1 || (!plan_.weights_outer && chunks_k == 1);
    const bool keep_weights = chunks_k == 1 && (plan_.weights_outer || chunks_n == 1);
    const std::int64_t pieces = ceil_div(streamed, cfg_.param_records());
    const std::int64_t records = pieces * latency + beats(streamed * record_bytes);
    const std::int64_t load = (keep_inputs ? blocks : works) * inputs +
                              (keep_weights ? chunks_n : works) * weights +
                              (s_.out_c <= cfg_.param_records() ? 1 : works) * records;
    const std::int64_t passes = ceil_div(cut_.block, cfg_.hw_post_lanes);
    const std::int64_t post = passes * (streamed + pieces * post_drain);
    const std::int64_t store =
        latency + s_.out.planes(streamed) * beats(cut_.block * s_.out.word_bytes);
    return std::max({compute, load, works * post, works * store}) + inputs + weights + post + store;
  }

  /// What the smallest cut lacks.
  [[nodiscard]] std::string shortage() const {
    const std::int64_t outputs = std::min(s_.out_c, step());
    const std::int64_t rows = std::min(ceil_div(units_, units_per_row()), cfg_.hw_array_rows);
    struct Need {
      const char* buffer;
      std::int64_t needs, has, kib;
    };
    const Need needs[] = {
        {"psum", outputs, cfg_.psum_entries(), cfg_.buf_psum_kib},
        {"ofmap", outputs * s_.out.word_bytes, cfg_.ofmap_bank_bytes(), cfg_.buf_ofmap_kib},
        {"ifmap", round_up(outputs * cfg_.word_bytes(), beat_), cfg_.ifmap_bank_bytes(),
         cfg_.buf_ifmap_kib},
        {"weight", rows, cfg_.weight_rows(), cfg_.buf_weight_kib},
        {"param", 1, cfg_.param_records(), cfg_.buf_param_kib}};
    for (const Need& n : needs) {
      if (n.needs <= n.has) continue;
      const std::int64_t kib =
          std::max(ceil_div(n.needs * n.kib, std::max<std::int64_t>(n.has, 1)), n.kib + 1);
      return "does not fit the " + std::string(n.buffer) + " buffer: its smallest tile needs " +
             str(kib) + " KiB, the buffer has " + str(n.kib) + " KiB";
    }
    return "does not fit: its smallest tile of " + str(outputs) +
           " output channels exceeds the fields of tile ops";
  }

  const Layer& layer_;
  const LayerWeights& weights_;
  const ConvShape& s_;
  const ArchConfig& cfg_;
  std::int64_t beat_;
  std::int64_t units_ = 0;
  ConvPlan plan_;
  InputStationaryCut cut_;
  std::optional<ConvPlan> best_;
};

}  // namespace

bool can_store_transposed(const TensorLayout& layout, const ArchConfig& config) {
  return layout.bundle == 1 && layout.pack * layout.word_bytes <= config.beat_bytes();
}

std::optional<ConvPlan> plan_input_stationary(const Layer& layer, const LayerWeights& weights,
                                              const ConvShape& shape, const ArchConfig& config) {
  return InputStationaryPlanner(layer, weights, shape, config).run();
}

}  // namespace tactus::lower
