// SPDX-License-Identifier: Apache-2.0
#include "lower/plan_units.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "lower/layer_weights.hpp"
#include "lower/plan_input_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

class UnitPlanner {
 public:
  UnitPlanner(Context& context, const std::vector<ConvUnit>& units) : ctx_(context) {
    for (const ConvUnit& unit : units) {
      const Layer& layer = ctx_.layer(unit.layer);
      check_operands(layer, unit);
      const ArchConfig config = config_of_layer(ctx_.config, layer.id, layer.source_name);
      users_[unit.input].push_back(
          {&unit, LayerWeights(layer, shape_of(unit, {}), ctx_.config), config});
      if (config.map_dataflow == "is") transposed_.insert(unit.output);
    }
    check_overrides(units);
  }

  /// The layout of a layer's result takes part in its plan: results are decided before inputs.
  void run() {
    for (auto it = ctx_.network.layers.rbegin(); it != ctx_.network.layers.rend(); ++it) {
      if (it->op != LayerOp::flatten) decide(it->id);
    }
    for (const auto& input : ctx_.network.inputs) decide(input.name);
    // Of several layers that do not fit the first one is named.
    if (problem_) throw *problem_;
  }

 private:
  struct User {
    const ConvUnit* unit;
    LayerWeights weights;
    ArchConfig config;  ///< with the layer's own mapping keys
  };

  void check_overrides(const std::vector<ConvUnit>& units) const {
    for (const LayerOverride& entry : ctx_.config.layer_overrides) {
      const bool used = std::any_of(units.begin(), units.end(), [&](const ConvUnit& unit) {
        const Layer& layer = ctx_.layer(unit.layer);
        return glob_matches(entry.glob, layer.id) || glob_matches(entry.glob, layer.source_name);
      });
      if (!used) {
        throw BadInput(entry.key() + "=" + entry.value + ": no layer with weights matches " +
                       entry.glob);
      }
    }
  }

  void check_operands(const Layer& layer, const ConvUnit& unit) const {
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

  [[nodiscard]] ConvShape shape_of(const ConvUnit& unit, const TensorLayout& in_layout) const {
    const Layer& layer = ctx_.layer(unit.layer);
    const Shape in = ctx_.network.shape_of(unit.input);
    ConvShape s;
    s.in_c = in.c;
    s.in_h = in.h;
    s.in_w = in.w;
    s.out_c = layer.out_shape.c;
    s.out_h = layer.out_shape.h;
    s.out_w = layer.out_shape.w;
    if (layer.op == LayerOp::linear) {
      s.window.kernel_h = in.h;
      s.window.kernel_w = in.w;
    } else {
      s.groups = layer.groups;
      s.window = {layer.kernel_h,   layer.kernel_w,   layer.stride_h,   layer.stride_w,
                  layer.dilation_h, layer.dilation_w, layer.padding[0], layer.padding[1]};
    }
    s.in = in_layout;
    s.out = ctx_.layout_of(unit.output);
    s.has_residual = unit.add >= 0;
    if (s.has_residual) s.residual = ctx_.layout_of(unit.residual);
    return s;
  }

  [[nodiscard]] ConvPlan plan(const User& user, const TensorLayout& in) const {
    const Layer& layer = ctx_.layer(user.unit->layer);
    return plan_conv(layer, user.weights, shape_of(*user.unit, in), user.config);
  }

  void decide(const std::string& id) {
    const std::vector<User>& users = users_[id];
    std::vector<TensorLayout> layouts = possible_layouts(ctx_.network.format_of(id), ctx_.config);
    const bool choice = std::any_of(users.begin(), users.end(),
                                    [](const User& user) { return user.weights.has_pattern(); });
    if (!choice) layouts.resize(1);
    if (transposed_.count(id) != 0) {
      // The smallest layout stays: the layer that cannot write it is refused for that.
      layouts.erase(std::remove_if(layouts.begin() + 1, layouts.end(),
                                   [&](const TensorLayout& layout) {
                                     return !can_store_transposed(layout, ctx_.config);
                                   }),
                    layouts.end());
    }
    std::optional<std::int64_t> least;
    std::optional<BadInput> problem;
    std::vector<ConvPlan> best;
    for (const TensorLayout& layout : layouts) {
      std::vector<ConvPlan> plans;
      std::int64_t cycles = 0;
      try {
        for (const User& user : users) {
          plans.push_back(plan(user, layout));
          cycles += plans.back().estimated_cycles;
        }
      } catch (const BadInput& e) {
        if (!problem) problem = e;
        continue;
      }
      if (least && cycles >= *least) continue;
      least = cycles;
      best = std::move(plans);
      ctx_.layouts[id] = layout;
    }
    if (!least) {
      problem_ = problem;
      return;
    }
    for (std::size_t i = 0; i < users.size(); ++i) {
      ctx_.plans.emplace(ctx_.layer(users[i].unit->layer).id, std::move(best[i]));
    }
  }

  Context& ctx_;
  std::map<std::string, std::vector<User>> users_;
  std::set<std::string> transposed_;  ///< results of layers with map.dataflow=is
  std::optional<BadInput> problem_;
};

}  // namespace

void plan_units(Context& context, const std::vector<ConvUnit>& units) {
  UnitPlanner(context, units).run();
}

}  // namespace tactus::lower
