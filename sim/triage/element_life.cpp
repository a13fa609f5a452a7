// SPDX-License-Identifier: Apache-2.0
#include "triage/element_life.hpp"

#include <algorithm>

#include "numerics/accumulate.hpp"
#include "numerics/errors.hpp"
#include "numerics/look_up.hpp"
#include "triage/k_units.hpp"
#include "triage/moved_element.hpp"
#include "triage/row_steps.hpp"

namespace tactus::triage {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

Overflow policy_of(const ArchConfig& config) {
  for (const Overflow o : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (config.hw_acc_overflow == name_of(o)) return o;
  }
  throw InternalError("hw.acc_overflow " + config.hw_acc_overflow + " has no policy");
}

class Life {
 public:
  Life(const LifeSource& source, ElementLife& life)
      : s_(source), life_(life), layer_(*source.network.find_layer(life.layer)) {}

  void run() {
    life_.layer_op = name_of(layer_.op);
    if (!layer_.inputs.empty()) life_.input = source_of(s_.network, layer_.inputs[0]);
    if (layer_.inputs.size() == 2) life_.second = layer_.inputs[1];
    switch (layer_.op) {
      case LayerOp::conv2d:
      case LayerOp::linear:
        weighted();
        break;
      case LayerOp::add:
        life_.value = add(layer_, life_.steps);
        break;
      case LayerOp::clamp:
        clamped();
        break;
      case LayerOp::maxpool:
      case LayerOp::avgpool:
      case LayerOp::global_avgpool:
        pooled();
        break;
      case LayerOp::requant: {
        const std::int64_t v = own_operand(0) - tensor(layer_.inputs[0]).format.zero_point;
        life_.accumulator = settle(0, v, nullptr);
        life_.value = requantise_steps(layer_, life_.c, *life_.accumulator, life_.steps);
        break;
      }
      case LayerOp::mul:
      case LayerOp::maximum:
      case LayerOp::minimum:
        combined();
        break;
      case LayerOp::lut:
        looked_up();
        break;
      case LayerOp::conv_transpose2d:
        spread();
        break;
      case LayerOp::matmul:
        multiplied();
        break;
      case LayerOp::softmax:
      case LayerOp::layernorm:
      case LayerOp::rmsnorm:
        row();
        break;
      case LayerOp::constant:
        life_.value = layer_.value.at(flat(layer_.out_shape));
        life_.steps.push_back({"constant", "/layers/" + layer_.id + "/value", life_.value});
        break;
      default:
        moved();
        break;
    }
    follow_add();
  }

 private:
  [[nodiscard]] const QTensor& tensor(const std::string& id) const {
    const auto found = s_.tensors.find(id);
    if (found == s_.tensors.end()) throw InternalError("the tensor " + id + " is not known");
    return found->second;
  }
  [[nodiscard]] std::size_t flat(const Shape& shape) const {
    return at((std::int64_t{life_.c} * shape.h + life_.y) * shape.w + life_.x);
  }
  [[nodiscard]] static std::int64_t value_at(const QTensor& t, int c, int y, int x) {
    return t.data.at(at((std::int64_t{c} * t.shape.h + y) * t.shape.w + x));
  }
  [[nodiscard]] TensorPlace place(const std::string& id) const {
    const TensorPlace* found = s_.program.find_tensor(id);
    return found == nullptr ? TensorPlace{} : *found;
  }
  [[nodiscard]] const LayerInfo& info() const {
    for (const LayerInfo& i : s_.program.layers) {
      if (i.id == layer_.id) return i;
    }
    throw InternalError("the program has no layer " + layer_.id);
  }
  [[nodiscard]] int acc_bits() const { return static_cast<int>(s_.config.hw_acc_bits); }

  void weighted() {
    const QTensor& input = tensor(life_.input);
    const WeightedLayer shape(layer_, input.shape);
    const KMapping& mapping = info().k_mapping;
    const int out = layer_.out_channels, inner = layer_.in_channels_per_group;
    name_weights(layer_.op == LayerOp::linear
                     ? std::vector<int>{out, inner}
                     : std::vector<int>{out, inner, layer_.kernel_h, layer_.kernel_w});
    const auto per_fold = mapping.rows <= 0           ? INT64_MAX
                          : mapping.output_stationary ? std::int64_t{1}
                                                      : mapping.rows;
    for (const KTerm& k :
         k_terms(shape, mapping, place(life_.input), place(layer_.id), life_.c, life_.y)) {
      LifeTerm t;
      t.unit = k.unit;
      t.c = k.channel;
      t.ky = k.ky;
      t.kx = k.kx;
      t.y = shape.input_y(life_.y, k.ky);
      t.x = shape.input_x(life_.x, k.kx);
      t.padding = !shape.inside(t.y, t.x);
      t.input = t.padding ? input.format.zero_point : value_at(input, t.c, t.y, t.x);
      t.activation = t.input - input.format.zero_point;
      t.weight_index = k.weight_index;
      t.weight = k.weight;
      t.weight_operand = k.operand;
      t.product = t.activation * t.weight_operand;
      const std::int64_t fold = k.unit < 0 ? -1 : k.unit / per_fold;
      if (life_.folds.empty() || life_.folds.back().number != fold) {
        life_.folds.push_back({fold, {}, 0, 0, false});
      }
      life_.folds.back().terms.push_back(t);
      life_.folds.back().sum += t.product;
    }
    finish_weighted(accumulate_folds(mapping));
  }

  /// One term to a K unit, in the order of the channels.
  void multiplied() {
    const QTensor& a = tensor(layer_.inputs.at(0));
    const QTensor& b = tensor(layer_.inputs.at(1));
    const KMapping& mapping = info().k_mapping;
    const int terms = a.shape.c / layer_.heads, columns = b.shape.w;
    const std::int64_t per_fold = mapping.rows > 0 ? mapping.rows : terms;
    for (int k = 0; k < terms; ++k) {
      LifeTerm t;
      t.unit = k;
      t.c = life_.c / columns * terms + k;
      t.x = life_.x;
      t.input = value_at(a, t.c, 0, t.x);
      t.activation = t.input - a.format.zero_point;
      t.weight_index = std::int64_t{t.c} * columns + life_.c % columns;
      t.weight = value_at(b, t.c, 0, life_.c % columns);
      t.weight_operand = t.weight - b.format.zero_point;
      t.product = t.activation * t.weight_operand;
      if (k % per_fold == 0) life_.folds.push_back({k / per_fold, {}, 0, 0, false});
      life_.folds.back().terms.push_back(t);
      life_.folds.back().sum += t.product;
    }
    life_.accumulator = accumulate_folds(mapping);
    life_.value = requantise_steps(layer_, life_.c, *life_.accumulator, life_.steps);
  }

  /// Softmax (the channels of a head) and norms (all channels) of one pixel.
  void row() {
    const QTensor& input = tensor(layer_.inputs.at(0));
    const bool soft = layer_.op == LayerOp::softmax;
    const int length = input.shape.c / (soft ? layer_.heads : 1);
    const int first = life_.c / length * length;
    std::vector<std::int64_t> values;
    for (int c = first; c < first + length; ++c) {
      values.push_back(value_at(input, c, life_.y, life_.x));
    }
    RowShares shares;
    const auto own = static_cast<std::size_t>(life_.c - first);
    life_.value = soft ? softmax_steps(layer_, values, own, life_.steps, shares)
                       : norm_steps(layer_, input.format, values, own, life_.steps, shares);
    for (int c = 0; c < length; ++c) {
      LifeTerm t;
      t.c = first + c;
      t.y = life_.y;
      t.x = life_.x;
      t.input = values[at(c)];
      t.activation = shares[at(c)];
      life_.window.push_back(t);
    }
  }

  void moved() {
    life_.from = moved_from(s_.network, layer_, life_.c, life_.y, life_.x);
    if (!life_.from) {
      life_.value = tensor(layer_.inputs[0]).format.zero_point;
      life_.steps.push_back({name_of(layer_.op), "the zero point, behind a pixel", life_.value});
      return;
    }
    const Coordinates& from = *life_.from;
    life_.value = value_at(tensor(from.tensor), from.c, from.y, from.x);
    life_.in_place =
        lies_in_place(s_.program, s_.network, from, {layer_.id, life_.c, life_.y, life_.x});
    life_.steps.push_back({name_of(layer_.op),
                           "element " + std::to_string(from.c) + "," + std::to_string(from.y) +
                               "," + std::to_string(from.x) + " of " + from.tensor,
                           life_.value});
  }

  /// A transposed convolution: the products that reach the element, without their K units.
  void spread() {
    const QTensor& input = tensor(life_.input);
    const int inner = layer_.in_channels_per_group;
    const int first = life_.c / (layer_.out_channels / layer_.groups) * inner;
    const auto& zeros = layer_.weight_zero_point;
    name_weights({layer_.out_channels, inner, layer_.kernel_h, layer_.kernel_w});
    LifeFold fold;
    fold.number = -1;
    for (int ky = 0; ky < layer_.kernel_h; ++ky) {
      for (int kx = 0; kx < layer_.kernel_w; ++kx) {
        const int y = life_.y + layer_.padding[0] - ky, x = life_.x + layer_.padding[1] - kx;
        if (y < 0 || x < 0 || y % layer_.stride_h != 0 || x % layer_.stride_w != 0 ||
            y / layer_.stride_h >= input.shape.h || x / layer_.stride_w >= input.shape.w) {
          continue;
        }
        for (int i = 0; i < inner; ++i) {
          LifeTerm t;
          t.c = first + i;
          t.ky = ky;
          t.kx = kx;
          t.y = y / layer_.stride_h;
          t.x = x / layer_.stride_w;
          t.input = value_at(input, t.c, t.y, t.x);
          t.activation = t.input - input.format.zero_point;
          t.weight_index =
              ((std::int64_t{life_.c} * inner + i) * layer_.kernel_h + ky) * layer_.kernel_w + kx;
          t.weight = layer_.weight[at(t.weight_index)];
          t.weight_operand =
              t.weight - (zeros.empty() ? 0 : zeros[zeros.size() == 1 ? 0 : at(life_.c)]);
          t.product = t.activation * t.weight_operand;
          fold.sum += t.product;
          fold.terms.push_back(t);
        }
      }
    }
    fold.accumulator = settle(0, fold.sum, &fold.overflowed);
    if (fold.overflowed && policy_of(s_.config) == Overflow::saturate) {
      throw BadInput("layer " + layer_.id +
                         ": its accumulator saturates, and explain does not know "
                         "in which order a conv_transpose2d adds",
                     s_.network.file, layer_.id);
    }
    life_.folds.push_back(fold);
    finish_weighted(fold.accumulator);
  }

  void name_weights(std::vector<int> shape) {
    life_.weight_file = s_.network.file;
    life_.weight_dataset = "/layers/" + layer_.id + "/weight";
    life_.weight_shape = std::move(shape);
  }

  void finish_weighted(std::int64_t acc) {
    life_.bias = layer_.bias.empty() ? 0 : layer_.bias[at(life_.c)];
    life_.accumulator = settle(acc, *life_.bias, nullptr);
    life_.value = requantise_steps(layer_, life_.c, *life_.accumulator, life_.steps);
  }

  std::int64_t settle(std::int64_t acc, std::int64_t addend, bool* overflowed) const {
    const Accumulated sum = accumulate(acc, addend, acc_bits(), policy_of(s_.config));
    if (overflowed != nullptr) *overflowed = *overflowed || sum.overflowed;
    return sum.value;
  }

  /// Folds in order; the accumulators of an output-stationary op begin at 0 and join the psum at
  /// its end.
  std::int64_t accumulate_folds(const KMapping& mapping) {
    const std::int64_t per_op =
        mapping.output_stationary && mapping.chunk > 0 ? mapping.chunk : INT64_MAX;
    std::int64_t psum = 0, acc = 0;
    for (std::size_t i = 0; i < life_.folds.size(); ++i) {
      LifeFold& fold = life_.folds[i];
      acc = settle(acc, fold.sum, &fold.overflowed);
      const bool drain =
          i + 1 == life_.folds.size() || life_.folds[i + 1].number / per_op != fold.number / per_op;
      fold.accumulator = acc;
      if (!drain || !mapping.output_stationary) continue;
      psum = settle(psum, acc, &fold.overflowed);
      fold.accumulator = psum;
      acc = 0;
    }
    return mapping.output_stationary ? psum : acc;
  }

  std::int64_t add(const Layer& layer, std::vector<Step>& steps) const {
    const QTensor& a = tensor(layer.inputs.at(0));
    const QTensor& b = tensor(layer.inputs.at(1));
    return add_steps(layer, life_.c, element_for(a), a.format, element_for(b), b.format, steps);
  }

  /// The same element of an operand.
  [[nodiscard]] std::int64_t own_operand(std::size_t index) const {
    return element_for(tensor(layer_.inputs.at(index)));
  }

  /// The same element of a tensor of which one channel or one pixel may stand for all.
  [[nodiscard]] std::int64_t element_for(const QTensor& t) const {
    const bool pixel = t.shape.h == 1 && t.shape.w == 1;
    return value_at(t, t.shape.c == 1 ? 0 : life_.c, pixel ? 0 : life_.y, pixel ? 0 : life_.x);
  }

  void combined() {
    const std::int64_t a = own_operand(0), b = own_operand(1);
    const std::string both = std::to_string(a) + " and " + std::to_string(b);
    if (layer_.op == LayerOp::mul) {
      const std::int64_t product = (a - tensor(layer_.inputs[0]).format.zero_point) *
                                   (b - tensor(layer_.inputs[1]).format.zero_point);
      life_.accumulator = product;
      life_.steps.push_back({"multiply", both + " without their zero points", product});
      life_.value = requantise_steps(layer_, 0, product, life_.steps);
      return;
    }
    const bool max = layer_.op == LayerOp::maximum;
    const std::int64_t v = max ? std::max(a, b) : std::min(a, b);
    life_.steps.push_back({max ? "maximum" : "minimum", "of " + both, v});
    clamp_to_range(v);
  }

  void looked_up() {
    const std::int64_t v = own_operand(0);
    const Format& in = tensor(layer_.inputs[0]).format;
    const auto shift = static_cast<unsigned>(layer_.interpolate_bits);
    const std::int64_t offset = v - in.min();
    const std::int64_t index = offset >> shift;
    std::uint32_t entry = static_cast<std::uint32_t>(layer_.table.at(at(index)));
    if (shift > 0) {
      entry = (entry & 0xFFFFU) | static_cast<std::uint32_t>(layer_.table.at(at(index + 1))) << 16;
    }
    life_.value = look_up(entry, offset, shift);
    life_.steps.push_back({"look_up",
                           "entry " + std::to_string(index) + " of the table for " +
                               std::to_string(v) +
                               (shift > 0 ? ", interpolated with the next" : ""),
                           life_.value});
  }

  void clamp_to_range(std::int64_t v) {
    const auto low = layer_.requant.clamp_min, high = layer_.requant.clamp_max;
    life_.value = std::min(std::max(v, low), high);
    life_.steps.push_back(
        {"clamp", std::to_string(v) + " to " + std::to_string(low) + ".." + std::to_string(high),
         life_.value});
  }

  void clamped() { clamp_to_range(own_operand(0)); }
  void pooled() {
    const QTensor& input = tensor(life_.input);
    const bool global = layer_.op == LayerOp::global_avgpool;
    const bool max = layer_.op == LayerOp::maxpool;
    const bool by_count = layer_.requant.convention == Convention::avg_tflite;
    const std::int64_t zero = max || by_count ? 0 : input.format.zero_point;
    const int kh = global ? input.shape.h : layer_.kernel_h;
    const int kw = global ? input.shape.w : layer_.kernel_w;
    std::int64_t sum = 0, taps = 0, best = input.format.min();
    for (int ky = 0; ky < kh; ++ky) {
      for (int kx = 0; kx < kw; ++kx) {
        LifeTerm t;
        t.c = life_.c;
        t.ky = ky;
        t.kx = kx;
        t.y = life_.y * (global ? 1 : layer_.stride_h) - (global ? 0 : layer_.padding[0]) + ky;
        t.x = life_.x * (global ? 1 : layer_.stride_w) - (global ? 0 : layer_.padding[1]) + kx;
        t.padding = t.y < 0 || t.y >= input.shape.h || t.x < 0 || t.x >= input.shape.w;
        if (!t.padding) {
          t.input = value_at(input, t.c, t.y, t.x);
          t.activation = t.input - zero;
          sum += t.activation;
          best = std::max(best, t.input);
          ++taps;
        }
        life_.window.push_back(t);
      }
    }
    if (max) {
      life_.value = best;
      life_.steps.push_back({"maximum", "over " + std::to_string(taps) + " taps", best});
      return;
    }
    sum = settle(0, sum, nullptr);
    life_.accumulator = sum;
    life_.value = by_count ? average_steps(layer_, sum, taps, life_.steps)
                           : requantise_steps(layer_, life_.c, sum, life_.steps);
  }

  /// A residual add that the lowering folded into this layer.
  void follow_add() {
    for (const LayerInfo& i : s_.program.layers) {
      if (i.fused_into != layer_.id || i.op != name_of(LayerOp::add)) continue;
      life_.continued = i.id;
      life_.continued_value = add(*s_.network.find_layer(i.id), life_.continued_steps);
    }
  }

  const LifeSource& s_;
  ElementLife& life_;
  const Layer& layer_;
};

}  // namespace

ElementLife element_life(const LifeSource& source, const std::string& id, int n, int c, int y,
                         int x) {
  const Layer* layer = source.network.find_layer(id);
  if (layer == nullptr) {
    throw BadInput("the model has no layer " + id + "; `tactus inspect` lists them",
                   source.network.file, id);
  }
  const Shape& s = layer->out_shape;
  if (c < 0 || c >= s.c || y < 0 || y >= s.h || x < 0 || x >= s.w) {
    throw BadInput("layer " + id + " has no element " + std::to_string(c) + "," +
                       std::to_string(y) + "," + std::to_string(x) + ", its output is " +
                       std::to_string(s.c) + "x" + std::to_string(s.h) + "x" + std::to_string(s.w),
                   source.network.file, id);
  }
  ElementLife life;
  life.layer = id;
  life.n = n;
  life.c = c;
  life.y = y;
  life.x = x;
  Life(source, life).run();
  return life;
}

void add_ops(ElementLife& life, const LifeSource& source, const RunResult& run) {
  const Program& program = source.program;
  const Places places(program, source.network);
  std::size_t layer = 0;
  while (layer < program.layers.size() && program.layers[layer].id != life.layer) ++layer;
  // The ops of a folded add belong to the layer that it is folded into.
  if (!program.layers.at(layer).fused_into.empty()) {
    for (std::size_t i = 0; i < program.layers.size(); ++i) {
      if (program.layers[i].id == program.layers[layer].fused_into) layer = i;
    }
  }
  const Coordinates element{places.output_of(layer), life.c, life.y, life.x};
  std::vector<std::pair<std::size_t, std::string>> found;
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    if (program.ops[i].layer != layer) continue;
    const auto* post = std::get_if<PostOp>(&program.ops[i].body);
    if (post == nullptr) continue;
    const auto spot = places.find_in_post(i, element);
    if (!spot) continue;
    for (std::size_t j = 0; j < i; ++j) {
      const auto* compute = std::get_if<ComputeOp>(&program.ops[j].body);
      if (compute == nullptr || program.ops[j].layer != layer) continue;
      const std::int64_t entry = post->psum_base + spot->entry - compute->psum_base;
      if (entry < 0 || entry >= compute->out_h * compute->out_w) continue;
      const auto taken = places.post_of(j, {spot->column, entry});
      if (taken && taken->first == i) {
        found.emplace_back(j, "sums into psum " + std::to_string(entry) + " of column " +
                                  std::to_string(spot->column));
      }
    }
    found.emplace_back(i, "makes the result");
    for (const std::size_t s : places.stores_of(i)) found.emplace_back(s, "stores it");
  }
  if (found.empty()) {
    found =
        moving_ops(program, source.network, layer, life.from, {life.layer, life.c, life.y, life.x});
  }
  std::map<std::pair<Queue, std::uint32_t>, const RetireRecord*> records;
  for (const RetireRecord& r : run.retired) records[{r.queue, r.seq}] = &r;
  for (const auto& [op, role] : found) {
    LifeOp o;
    o.op = op;
    o.queue = queue_of(program.ops[op]);
    o.seq = seq_of(program, op);
    o.role = role;
    o.text = disassemble(program.ops[op]);
    if (const auto r = records.find({o.queue, o.seq}); r != records.end()) {
      o.start = r->second->start;
      o.retire = r->second->cycle;
    }
    life.ops.push_back(o);
  }
}

}  // namespace tactus::triage
