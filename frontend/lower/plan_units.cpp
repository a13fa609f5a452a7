// SPDX-License-Identifier: Apache-2.0
#include "lower/plan_units.hpp"

#include <algorithm>

#include "lower/cut_keys.hpp"
#include "lower/plan_input_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

std::shared_ptr<const LayerWeights> WeightsMemory::of(int layer_index, const Layer& layer,
                                                      const ConvShape& shape,
                                                      const ArchConfig& config) {
  auto& entry = known_[{layer_index, config.hw_array_cols, config.hw_edge_words}];
  if (entry) return entry;
  entry = std::make_shared<LayerWeights>(layer, shape, config);
  for (const auto& [key, other] : known_) {
    if (other && other != entry && std::get<1>(key) == config.hw_array_cols &&
        std::get<2>(key) == config.hw_edge_words && other->same(*entry)) {
      return entry = other;
    }
  }
  return entry;
}

UnitPlanner::UnitPlanner(const Context& context, std::vector<ConvUnit> units,
                         WeightsMemory& weights)
    : ctx_(context), memory_(weights) {
  std::vector<std::string> transposed;
  for (ConvUnit& unit : units) {
    const Layer& layer = ctx_.layer(unit.layer);
    check_operands(layer, unit);
    User user;
    user.config = config_of_layer(ctx_.config, layer.id, layer.source_name);
    user.weights = weights.of(unit.layer, layer, shape_of(unit, {}, {}), ctx_.config);
    user.key = mapping_key(user.config);
    if (user.config.map_dataflow == "is") transposed.push_back(unit.output);
    user.unit = std::move(unit);
    users_.push_back(std::move(user));
  }
  check_overrides();
  // The layout of a layer's result takes part in its plan: results are decided before inputs.
  for (auto it = ctx_.network.layers.rbegin(); it != ctx_.network.layers.rend(); ++it) {
    if (it->op != LayerOp::flatten) add_tensor(it->id, transposed);
  }
  for (const auto& input : ctx_.network.inputs) add_tensor(input.name, transposed);
  for (User& user : users_) {
    user.input = tensor_number(user.unit.input);
    user.output = tensor_number(user.unit.output);
    user.residual = user.unit.add >= 0 ? tensor_number(user.unit.residual) : tensors_.size();
  }
}

void UnitPlanner::check_overrides() const {
  for (const LayerOverride& entry : ctx_.config.layer_overrides) {
    const bool used = std::any_of(users_.begin(), users_.end(), [&](const User& user) {
      const Layer& layer = ctx_.layer(user.unit.layer);
      return glob_matches(entry.glob, layer.id) || glob_matches(entry.glob, layer.source_name);
    });
    if (!used) {
      throw BadInput(entry.key() + "=" + entry.value + ": no layer with weights matches " +
                     entry.glob);
    }
  }
}

void UnitPlanner::check_operands(const Layer& layer, const ConvUnit& unit) const {
  const int widest = static_cast<int>(ctx_.config.hw_operand_bits);
  const int bits = ctx_.network.format_of(unit.input).bits;
  if (bits > widest) {
    ctx_.refuse(layer, "its input " + unit.input + " has " + std::to_string(bits) +
                           " bits, hw.operand_bits is " + std::to_string(widest));
  }
  if (layer.weight_format.bits > widest) {
    ctx_.refuse(layer, "its weights have " + std::to_string(layer.weight_format.bits) +
                           " bits, hw.operand_bits is " + std::to_string(widest));
  }
  for (const std::int64_t z : layer.weight_zero_point) {
    if (z != layer.weight_zero_point[0]) {
      ctx_.refuse(layer, "weight zero points differ between channels (" +
                             std::to_string(layer.weight_zero_point[0]) + " and " +
                             std::to_string(z) + "), the array has one per layer");
    }
  }
}

void UnitPlanner::add_tensor(const std::string& id, const std::vector<std::string>& transposed) {
  Tensor tensor;
  tensor.id = id;
  tensor.layouts = possible_layouts(ctx_.network.format_of(id), ctx_.config);
  if (wants_plain_words(ctx_.network, id)) {
    tensor.layouts = {plain_layout(ctx_.network.format_of(id), ctx_.config)};
  }
  bool choice = false;
  for (std::size_t i = 0; i < users_.size(); ++i) {
    if (users_[i].unit.input != id) continue;
    tensor.users.push_back(i);
    choice = choice || users_[i].weights->has_pattern();
  }
  if (!choice) tensor.layouts.resize(1);
  if (std::find(transposed.begin(), transposed.end(), id) != transposed.end()) {
    // The smallest layout stays: the layer that cannot write it is refused for that.
    tensor.layouts.erase(std::remove_if(tensor.layouts.begin() + 1, tensor.layouts.end(),
                                        [&](const TensorLayout& layout) {
                                          return !can_store_transposed(layout, ctx_.config);
                                        }),
                         tensor.layouts.end());
  }
  tensor_numbers_.emplace(id, tensors_.size());
  tensors_.push_back(std::move(tensor));
}

std::size_t UnitPlanner::tensor_number(const std::string& id) const {
  const auto it = tensor_numbers_.find(id);
  return it == tensor_numbers_.end() ? tensors_.size() : it->second;
}

TensorLayout UnitPlanner::layout_of(const std::string& id, const Choices& choices) const {
  const std::size_t tensor = tensor_number(id);
  const std::int32_t number = layout_number(tensor, choices);
  // The smallest one until something else was chosen.
  if (number < 0) return smallest_layout(ctx_.network.format_of(id), ctx_.config);
  return tensors_[tensor].layouts[static_cast<std::size_t>(number)];
}

ConvShape UnitPlanner::shape_of(const ConvUnit& unit, const TensorLayout& in,
                                const Choices& choices) const {
  const Layer& layer = ctx_.layer(unit.layer);
  const Shape shape = ctx_.network.shape_of(unit.input);
  ConvShape s;
  s.in_c = shape.c;
  s.in_h = shape.h;
  s.in_w = shape.w;
  s.out_c = layer.out_shape.c;
  s.out_h = layer.out_shape.h;
  s.out_w = layer.out_shape.w;
  if (layer.op == LayerOp::linear) {
    s.window.kernel_h = shape.h;
    s.window.kernel_w = shape.w;
  } else {
    s.groups = layer.groups;
    s.window = {layer.kernel_h,   layer.kernel_w,   layer.stride_h,   layer.stride_w,
                layer.dilation_h, layer.dilation_w, layer.padding[0], layer.padding[1]};
  }
  s.in = in;
  s.out = layout_of(unit.output, choices);
  s.has_residual = unit.add >= 0;
  if (s.has_residual) s.residual = layout_of(unit.residual, choices);
  return s;
}

PlanTable& UnitPlanner::table_of(User& user, const Layouts& layouts, const Choices& choices) {
  const auto it = user.tables.find(layouts);
  if (it != user.tables.end()) return it->second;
  const auto in = static_cast<std::size_t>(std::get<0>(layouts));
  const ConvShape shape = shape_of(user.unit, tensors_[user.input].layouts[in], choices);
  return user.tables
      .try_emplace(layouts, ctx_.layer(user.unit.layer), *user.weights, shape, user.config,
                   memory_.cuts, user.key)
      .first->second;
}

void UnitPlanner::decide(std::size_t number, const MemoryTiming& memory, Choices& choices) {
  const Tensor& tensor = tensors_[number];
  std::optional<std::int64_t> least;
  std::optional<BadInput> problem;
  std::vector<UnitChoice> plans;
  std::int32_t best = -1;
  for (std::size_t i = 0; i < tensor.layouts.size(); ++i) {
    plans.clear();
    std::int64_t cycles = 0;
    try {
      for (const std::size_t u : tensor.users) {
        User& user = users_[u];
        const Layouts layouts{static_cast<std::int32_t>(i), layout_number(user.output, choices),
                              layout_number(user.residual, choices)};
        plans.push_back({layouts, table_of(user, layouts, choices).best(memory)});
        cycles += plans.back().cut.cycles;
      }
    } catch (const BadInput& e) {
      if (!problem) problem = e;
      continue;
    }
    if (least && cycles >= *least) continue;
    least = cycles;
    best = static_cast<std::int32_t>(i);
    for (std::size_t u = 0; u < plans.size(); ++u) choices.plans[tensor.users[u]] = plans[u];
  }
  choices.layouts.push_back(best);
  if (!least) problem_ = problem;
}

UnitPlanner::Choices UnitPlanner::choose(const MemoryTiming& memory) {
  Choices choices;
  choices.plans.resize(users_.size());
  choices.layouts.reserve(tensors_.size());
  problem_.reset();
  for (std::size_t i = 0; i < tensors_.size(); ++i) decide(i, memory, choices);
  // Of several layers that do not fit the first one is named: it was decided last.
  if (problem_) throw BadInput(*problem_);
  return choices;
}

std::uint64_t UnitPlanner::table_of(std::size_t unit, const Choices& choices) const {
  const UnitChoice& choice = choices.plans[unit];
  return users_[unit].tables.at(choice.layouts).table_of(choice.cut);
}

void UnitPlanner::apply(const Choices& choices, Context& context, const Choices* before) {
  if (before == nullptr || before->layouts != choices.layouts) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const auto number = static_cast<std::size_t>(choices.layouts[i]);
      context.layouts[tensors_[i].id] = tensors_[i].layouts[number];
    }
  }
  for (std::size_t u = 0; u < users_.size(); ++u) {
    const UnitChoice& choice = choices.plans[u];
    if (before != nullptr && before->plans[u].layouts == choice.layouts &&
        before->plans[u].cut.cut == choice.cut.cut) {
      continue;
    }
    context.plans.insert_or_assign(context.layer(users_[u].unit.layer).id,
                                   users_[u].tables.at(choice.layouts).plan(choice.cut));
  }
}

}  // namespace tactus::lower
