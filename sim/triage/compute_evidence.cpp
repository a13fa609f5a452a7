// SPDX-License-Identifier: Apache-2.0
// Wrong psums: bisects the K units of the op by probes and looks at the first unit that makes a
// difference.
#include <algorithm>
#include <map>

#include "program/operand_layout.hpp"
#include "triage/k_units.hpp"
#include "triage/parts.hpp"

namespace tactus::triage {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A compute op of a chain and how many of its units come before.
struct InChain {
  std::size_t op = 0;
  std::int64_t unit = 0;  ///< inside the op
};

class PsumHunt {
 public:
  PsumHunt(const Case& c, const Budget& budget, std::size_t op, Finding& f)
      : c_(c),
        budget_(budget),
        f_(f),
        op_(op),
        chain_(psum_chain(c.program, op)),
        units_(chain_units(c.program, chain_)),
        prober_(c.program, c.config, c.memory),
        places_(c.program, c.network) {}

  void run() {
    const auto whole = pair_at(units_);
    if (!whole) {
      f_.step = "the psums cannot be read: the parameter or ofmap buffer is too small for a probe";
      return;
    }
    f_.quantity = "psum";
    f_.bits = static_cast<int>(std::min<std::int64_t>(c_.config.hw_acc_bits, 32));
    if (whole->expected.values == whole->actual.values) {
      f_.fault_class = FaultClass::ordering;
      f_.reason =
          "the psums are right when nothing runs behind the op: what is wrong depends on timing";
      f_.step = "not reproduced by running the program up to this op alone";
      return;
    }
    count(*whole);
    const std::int64_t first = bisect();
    if (first == 0) {
      take(*whole, units_);
      f_.step = "of " + std::to_string(units_) +
                " K units only the psums behind the last were compared: no time for more";
      return;
    }
    examine(first);
  }

 private:
  struct Both {
    Plane expected, actual;
  };

  std::optional<Both> pair_at(std::int64_t units) {
    const auto known = known_.find(units);
    if (known != known_.end()) return known->second;
    const auto probe = prober_.psums(chain_, units);
    if (!probe) return std::nullopt;
    Both both{prober_.run(*probe, c_.run_expected), prober_.run(*probe, c_.run_actual)};
    return known_.emplace(units, std::move(both)).first->second;
  }

  Plane expected_at(std::int64_t units, const Plane& like) {
    if (units > 0) {
      if (const auto probe = prober_.psums(chain_, units)) {
        return prober_.run(*probe, c_.run_expected);
      }
    }
    Plane zero = like;
    std::fill(zero.values.begin(), zero.values.end(), 0);
    return zero;
  }

  void count(const Both& both) {
    f_.of = static_cast<std::int64_t>(both.expected.values.size());
    f_.wrong = 0;
    for (std::size_t i = 0; i < both.expected.values.size(); ++i) {
      f_.wrong += both.expected.values[i] != both.actual.values[i] ? 1 : 0;
    }
  }

  /// Smallest number of units with a difference that has none one unit earlier; 0: out of time.
  std::int64_t bisect() {
    std::int64_t good = 0, bad = units_;
    while (bad - good > 1) {
      if (!budget_.left()) return 0;
      const std::int64_t middle = good + (bad - good) / 2;
      const auto both = pair_at(middle);
      if (!both) return 0;
      (both->expected.values == both->actual.values ? good : bad) = middle;
    }
    return bad;
  }

  [[nodiscard]] const ComputeOp& compute(std::size_t op) const {
    return std::get<ComputeOp>(c_.program.ops[op].body);
  }

  [[nodiscard]] InChain locate(std::int64_t unit) const {
    InChain in{chain_[0], unit};
    for (std::size_t i = 0; in.unit >= compute(in.op).k_rows; in.op = chain_[++i]) {
      in.unit -= compute(in.op).k_rows;
    }
    return in;
  }

  /// Number of an op's first unit in the layer's K mapping.
  [[nodiscard]] std::int64_t first_unit(const ComputeOp& op) const {
    const OperandLayout o = operand_layout(op, c_.config.hw_operand_bits);
    const std::int64_t position = op.start_ky * op.kernel_w + op.start_kx;
    return (((position * op.slots + op.start_slot) * o.windows + op.start_s) * o.kept + op.start_n)
           << op.log2_group;
  }

  /// Cycle in which the psum of (entry, column) is written, for unit `unit` of the op.
  [[nodiscard]] std::optional<Cycle> written(const InChain& in, const Spot& spot) const {
    const RetireRecord* record = record_of(c_.expected, c_.program, in.op);
    if (record == nullptr) return std::nullopt;
    const ComputeOp& op = compute(in.op);
    const std::int64_t rows = c_.config.hw_array_rows, cols = c_.config.hw_array_cols;
    const bool overlap = c_.config.hw_fold_overlap;
    const auto retire = static_cast<std::int64_t>(record->cycle);
    const std::int64_t pixels = op.out_h * op.out_w;
    if (op.dataflow == 0) {
      const std::int64_t last = retire - (pixels - 1 + rows + cols);
      const std::int64_t step = overlap ? std::max(pixels, rows) : pixels + 2 * rows + cols;
      const std::int64_t begin = last - (op.folds - 1 - in.unit / op.rows_used) * step;
      return static_cast<Cycle>(begin + 1 + rows + spot.column + spot.entry);
    }
    const std::int64_t n = overlap ? std::max(op.k_rows, rows) : op.k_rows;
    const std::int64_t last = retire - (n + 2 * rows + cols - 2);
    const std::int64_t step = overlap ? n : n + 2 * rows + cols + 1;
    const std::int64_t begin = last - (op.folds - 1 - spot.entry / rows) * step;
    return static_cast<Cycle>(begin + 1 + spot.entry % rows + spot.column + in.unit);
  }

  /// The first wrong value in write order, after `units` units.
  void take(const Both& both, std::int64_t units) {
    std::optional<Spot> first;
    for (std::int64_t c = 0; c < both.expected.channels; ++c) {
      for (std::int64_t m = 0; m < both.expected.pixels; ++m) {
        if (both.expected.at(c, m) == both.actual.at(c, m)) continue;
        if (!first || m + c < first->entry + first->column) first = Spot{c, m};
      }
    }
    f_.expected = both.expected.at(first->column, first->entry);
    f_.actual = both.actual.at(first->column, first->entry);
    const InChain in = locate(units - 1);
    f_.op = found_op(c_.program, in.op);
    f_.k_unit = first_unit(compute(in.op)) + in.unit;
    if (compute(in.op).dataflow == 0) f_.fold = in.unit / compute(in.op).rows_used;
    f_.cycle = written(in, *first);
    if (const auto place = places_.of_psum(op_, *first)) {
      f_.element = found_element(*place, c_.n);
    }
    spot_ = *first;
    if (f_.cycle) f_.window = window_around(*f_.cycle, *f_.cycle);
  }

  void examine(std::int64_t first) {
    first_ = first;
    const Both both = *pair_at(first);
    take(both, first);
    const InChain in = locate(first - 1);
    const ComputeOp& op = compute(in.op);
    const std::int64_t fold_units = op.dataflow == 0 ? op.rows_used : op.k_rows;
    const std::int64_t in_fold = in.unit % fold_units;
    const Plane carried = expected_at(first - 1 - in_fold, both.expected);
    UnitEvidence e{both.expected, both.actual, carried};
    const std::int64_t limit = std::int64_t{1} << (f_.bits - 1);
    e.acc_min = -limit;
    e.acc_max = limit - 1;
    e.rows = op.dataflow == 0 ? op.rows_used : INT64_MAX / 8;
    add_operands(in, both.expected, e);
    const UnitVerdict verdict = classify_unit(e);
    f_.fault_class = verdict.fault_class;
    f_.reason = verdict.reason;
    describe_step(in, first, both);
    suspect(in, verdict);
  }

  void describe_step(const InChain& in, std::int64_t first, const Both& both) {
    const ComputeOp& op = compute(in.op);
    std::string text = "equal up to K unit " + std::to_string(*f_.k_unit);
    if (op.dataflow == 0) {
      text += " (fold " + std::to_string(in.unit / op.rows_used) + ", row " +
              std::to_string(in.unit % op.rows_used) + ")";
    }
    text += ", which adds " + own_term() + "; ";
    text += std::to_string(first) + " of " + std::to_string(units_) + " units summed";
    std::int64_t wrong = 0;
    for (std::size_t i = 0; i < both.expected.values.size(); ++i) {
      wrong += both.expected.values[i] != both.actual.values[i] ? 1 : 0;
    }
    f_.step = text + ", " + std::to_string(wrong) + " psums differ there";
  }

  [[nodiscard]] std::string own_term() const {
    const auto term = terms_.find(spot_.column);
    if (term == terms_.end()) return "its products";
    const KTerm& t = term->second;
    return "weight " + std::to_string(t.operand) + " times input channel " +
           std::to_string(t.channel) + " at tap " + std::to_string(t.ky) + "," +
           std::to_string(t.kx);
  }

  [[nodiscard]] TensorPlace place_of(const std::string& tensor) const {
    const TensorPlace* found = c_.program.find_tensor(tensor);
    return found == nullptr ? TensorPlace{} : *found;
  }

  /// Operands of the unit for every entry and column, where a unit has one lane.
  void add_operands(const InChain& in, const Plane& shape, UnitEvidence& e) {
    const ComputeOp& op = compute(in.op);
    const Layer& layer = c_.network.layers.at(c_.program.ops[in.op].layer);
    const OperandLayout o = operand_layout(op, c_.config.hw_operand_bits);
    if (o.lanes != 1 || o.sparse()) return;
    if (layer.op != LayerOp::conv2d && layer.op != LayerOp::linear) return;
    const auto post = places_.post_of(op_, {0, 0});
    if (!post) return;
    if (std::get<PostOp>(c_.program.ops[post->first].body).transposed != 0) return;
    const std::string& source = source_of(c_.network, layer.inputs.at(0));
    const QTensor& input = c_.tensors.at(source);
    const WeightedLayer shape_of(layer, input.shape);
    const KMapping mapping = c_.program.layers.at(c_.program.ops[in.op].layer).k_mapping;
    const TensorPlace in_place = place_of(source), out_place = place_of(layer.id);
    const std::int64_t unit = first_unit(op) + in.unit;
    // Outlives this call, so it holds copies.
    const auto term_of = [this, shape_of, mapping, in_place, out_place](
                             std::int64_t column, std::int64_t number) -> std::optional<KTerm> {
      const auto place = places_.of_psum(op_, {column, 0});
      if (!place) return std::nullopt;
      for (const KTerm& t : k_terms(shape_of, mapping, in_place, out_place, place->c, place->y)) {
        if (t.unit == number) return t;
      }
      return std::nullopt;
    };
    std::vector<std::int64_t> weight, activation;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const auto t = term_of(c, unit);
      if (!t) return;
      terms_[c] = *t;
      weight.push_back(t->operand);
      // Columns with activations of their own (depthwise) are not told apart here.
      if (t->channel != terms_[0].channel || t->ky != terms_[0].ky || t->kx != terms_[0].kx) return;
    }
    const KTerm own = terms_[0];
    std::vector<Coordinates> pixels;
    for (std::int64_t m = 0; m < shape.pixels; ++m) {
      const auto place = places_.of_psum(op_, {0, m});
      if (!place) return;
      pixels.push_back(*place);
    }
    const auto operand = [shape_of, own, pixels, &input](std::size_t m, int dc, int dy,
                                                         int dx) -> std::optional<std::int64_t> {
      const int c = own.channel + dc;
      if (c < 0 || c >= input.shape.c) return std::nullopt;
      const int y = shape_of.input_y(pixels[m].y, own.ky) + dy;
      const int x = shape_of.input_x(pixels[m].x, own.kx) + dx;
      if (!shape_of.inside(y, x)) return 0;
      const std::int64_t flat = (std::int64_t{c} * input.shape.h + y) * input.shape.w + x;
      return input.data[at(flat)] - input.format.zero_point;
    };
    for (std::size_t m = 0; m < pixels.size(); ++m) {
      activation.push_back(*operand(m, 0, 0, 0));
      const int y = shape_of.input_y(pixels[m].y, own.ky);
      const int x = shape_of.input_x(pixels[m].x, own.kx);
      if (shape_of.inside(y, x))
        read_.push_back({source, own.channel, y, x});
      else
        read_.push_back({});
    }
    e.activation = activation;
    e.weight = weight;
    e.neighbour = operand;
    e.other_weight = [this, term_of, unit, in](
                         std::size_t c, std::int64_t distance) -> std::optional<std::int64_t> {
      // What an earlier op left in the PEs is not looked for.
      const std::int64_t inside = in.unit + distance;
      if (inside < 0 || inside >= compute(in.op).k_rows) return std::nullopt;
      const auto t = term_of(static_cast<std::int64_t>(c), unit + distance);
      return t ? std::optional<std::int64_t>(t->operand) : std::nullopt;
    };
    // The units of this fold so far, and those that the PEs held before them.
    const std::int64_t rows = op.dataflow == 0 ? op.rows_used : 0;
    for (std::int64_t u = rows > 0 ? in.unit - in.unit % rows : in.unit; u <= in.unit; ++u) {
      FoldUnit fold_unit;
      const auto first = term_of(0, unit - in.unit + u);
      if (!first || u < rows) break;
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        const auto now = term_of(c, unit - in.unit + u);
        const auto before = term_of(c, unit - in.unit + u - rows);
        fold_unit.weight.push_back(now ? now->operand : 0);
        fold_unit.weight_before.push_back(before ? before->operand : 0);
      }
      for (const Coordinates& p : pixels) {
        const int y = shape_of.input_y(p.y, first->ky), x = shape_of.input_x(p.x, first->kx);
        const std::int64_t flat =
            (std::int64_t{first->channel} * input.shape.h + y) * input.shape.w + x;
        fold_unit.activation.push_back(
            shape_of.inside(y, x) ? input.data[at(flat)] - input.format.zero_point : 0);
      }
      e.fold.push_back(std::move(fold_unit));
    }
    earlier_right_ = [this, term_of, shape_of, pixels, unit, in](const Coordinates& element) {
      for (std::int64_t u = 0; u < in.unit; ++u) {
        const auto t = term_of(0, unit - in.unit + u);
        if (!t || t->channel != element.c || t->operand == 0) continue;
        for (const Coordinates& p : pixels) {
          if (shape_of.input_y(p.y, t->ky) == element.y &&
              shape_of.input_x(p.x, t->kx) == element.x) {
            return true;
          }
        }
      }
      return false;
    };
  }

  /// Names the load that wrote the wrong operand, unless another unit read it rightly.
  void suspect(const InChain& in, const UnitVerdict& verdict) {
    const bool moved =
        verdict.fault_class == FaultClass::index || verdict.fault_class == FaultClass::stale_value;
    if (!moved || !earlier_right_) return;
    if (verdict.operand == WrongOperand::activation) {
      std::optional<std::uint64_t> address;
      for (const std::size_t m : verdict.entries) {
        const Coordinates& element = read_[m];
        if (element.tensor.empty()) continue;
        if (earlier_right_(element)) {
          f_.reason += "; other K units read the same inputs rightly, so the buffer holds them";
          return;
        }
        if (!address) address = address_of(element);
      }
      if (address) name_load(in, *address);
    } else if (verdict.operand == WrongOperand::weight) {
      const bool row = verdict.whole_row && verdict.fault_class == FaultClass::index;
      if (row || wrong_in_next_unit(verdict)) name_weight_load(in, row);
    }
  }

  [[nodiscard]] std::optional<std::uint64_t> address_of(const Coordinates& e) const {
    const TensorPlace* t = c_.program.find_tensor(e.tensor);
    if (t == nullptr || !t->in_memory) return std::nullopt;
    int c = e.c;
    if (!t->channels.empty()) {
      const auto found = std::find(t->channels.begin(), t->channels.end(), c);
      if (found == t->channels.end()) return std::nullopt;
      c = static_cast<int>(found - t->channels.begin());
    }
    const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
    const int plane = t->bundle * t->pack;
    return t->address + u(c / plane) * t->plane_stride + u(e.y) * t->line_stride +
           u((std::int64_t{e.x} * t->bundle + c % plane / t->pack) * t->element_bytes);
  }

  void name_load(const InChain& in, std::uint64_t address) {
    for (std::size_t i = in.op; i-- > 0;) {
      const auto* load = std::get_if<LoadOp>(&c_.program.ops[i].body);
      if (load == nullptr || load->dest != static_cast<std::int64_t>(Dest::ifmap) ||
          load->half != compute(in.op).ifmap_half) {
        continue;
      }
      const std::int64_t offset = static_cast<std::int64_t>(address) - load->mem_addr;
      for (std::int64_t p = 0; p < load->planes; ++p) {
        for (std::int64_t l = 0; l < load->lines; ++l) {
          const std::int64_t byte = offset - p * load->plane_stride - l * load->line_stride;
          if (byte < 0 || byte >= load->line_bytes) continue;
          f_.from = found_op(c_.program, i);
          f_.reason += "; no K unit read these inputs rightly, so their load is suspected (plane " +
                       std::to_string(p) + ", line " + std::to_string(l) + ", byte " +
                       std::to_string(byte) + " of " + std::to_string(load->line_bytes) + ")";
          return;
        }
      }
    }
  }

  /// Whether the next unit, which is in another row of the array, makes the same columns wrong.
  bool wrong_in_next_unit(const UnitVerdict& verdict) {
    if (first_ >= units_ || !budget_.left()) return false;
    const auto here = pair_at(first_), next = pair_at(first_ + 1);
    if (!here || !next) return false;
    return std::all_of(verdict.columns.begin(), verdict.columns.end(), [&](std::size_t column) {
      const auto c = static_cast<std::int64_t>(column);
      for (std::int64_t m = 0; m < here->expected.pixels; ++m) {
        const std::int64_t wanted = next->expected.at(c, m) - here->expected.at(c, m);
        if (next->actual.at(c, m) - here->actual.at(c, m) != wanted) return true;
      }
      return false;
    });
  }

  void name_weight_load(const InChain& in, bool row_is_wrong) {
    const ComputeOp& op = compute(in.op);
    const OperandLayout o = operand_layout(op, c_.config.hw_operand_bits);
    const std::int64_t row_beats =
        c_.config.hw_array_cols * c_.config.word_bytes() / c_.config.beat_bytes();
    const std::int64_t row = (op.weight_base + in.unit) / o.units_per_row;
    const std::int64_t beat = row * std::max<std::int64_t>(row_beats, 1);
    for (std::size_t i = in.op; i-- > 0;) {
      const auto* load = std::get_if<LoadOp>(&c_.program.ops[i].body);
      if (load == nullptr || load->dest != static_cast<std::int64_t>(Dest::weight) ||
          load->half != op.weight_half) {
        continue;
      }
      const std::int64_t last = load->dst_base + (load->lines - 1) * load->dst_line_stride +
                                (load->line_bytes - 1) / c_.config.beat_bytes();
      if (beat < load->dst_base || beat > last) continue;
      f_.from = found_op(c_.program, i);
      f_.reason += std::string("; ") +
                   (row_is_wrong ? "the whole row is wrong" : "so are those of the next unit") +
                   ", so their load is suspected (beats " + std::to_string(load->dst_base) +
                   " to " + std::to_string(last) + " of the buffer half, this unit is in beat " +
                   std::to_string(beat) + ")";
      return;
    }
  }

  const Case& c_;
  const Budget& budget_;
  Finding& f_;
  std::size_t op_;
  std::vector<std::size_t> chain_;
  std::int64_t units_;
  Prober prober_;
  Places places_;
  std::map<std::int64_t, Both> known_;
  Spot spot_;
  std::int64_t first_ = 0;               ///< units summed when the first difference shows
  std::map<std::int64_t, KTerm> terms_;  ///< of the unit, by column
  std::vector<Coordinates> read_;        ///< input element per psum entry; padding: no tensor
  std::function<bool(const Coordinates&)> earlier_right_;
};

}  // namespace

void explain_compute(const Case& c, const Budget& budget, std::size_t op, Finding& f) {
  PsumHunt(c, budget, op, f).run();
}

}  // namespace tactus::triage
