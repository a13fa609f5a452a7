// SPDX-License-Identifier: Apache-2.0
#include "lower/lower.hpp"

#include <algorithm>
#include <set>

#include "lower/context.hpp"
#include "lower/lower_parts.hpp"
#include "lower/split_layers.hpp"
#include "numerics/errors.hpp"

namespace tactus {

namespace lower {

namespace {

[[nodiscard]] bool is_product(const Layer& layer) {
  return layer.op == LayerOp::conv2d || layer.op == LayerOp::linear;
}

/// Decides what is folded, what stays on chip, and emits the layers in order.
class NetworkLowering {
 public:
  NetworkLowering(const Network& network, const ArchConfig& config, bool contents = true)
      : ctx_(network, config, contents) {
    find_units();
  }

  [[nodiscard]] const std::vector<ConvUnit>& units() const { return units_; }
  [[nodiscard]] std::uint64_t image_bytes() const { return ctx_.builder.image_bytes(); }

  Program run(UnitPlanner& planner, const UnitPlanner::Choices& choices) {
    planner.apply(choices, ctx_);
    for (const auto& input : ctx_.network.inputs) ctx_.place_in_memory(input.name);
    find_residents();
    emit();
    for (const auto& layer : ctx_.network.layers) (void)ctx_.place(layer.id);
    Program program = ctx_.builder.finish();
    program.layers = std::move(ctx_.infos);
    program.tensors = std::move(ctx_.tensors);
    return program;
  }

 private:
  [[nodiscard]] int count() const { return static_cast<int>(ctx_.network.layers.size()); }

  [[nodiscard]] bool is_output(const std::string& id) const {
    const auto& out = ctx_.network.outputs;
    return std::find(out.begin(), out.end(), id) != out.end();
  }

  /// Number of layer operands that read a tensor, flatten seen through.
  [[nodiscard]] int readers(const std::string& id) const {
    int n = 0;
    for (const auto& layer : ctx_.network.layers) {
      if (layer.op == LayerOp::flatten) continue;
      for (const auto& in : layer.inputs) n += ctx_.source_of(in) == id ? 1 : 0;
    }
    return n;
  }

  [[nodiscard]] int index_of(const std::string& id) const {
    for (int i = 0; i < count(); ++i) {
      if (ctx_.layer(i).id == id) return i;
    }
    return -1;
  }

  void find_units() {
    for (int i = 0; i < count(); ++i) {
      const Layer& layer = ctx_.layer(i);
      LayerInfo info;
      info.id = layer.id;
      info.source_name = layer.source_name;
      info.op = name_of(layer.op);
      ctx_.infos.push_back(info);
      if (!is_product(layer)) continue;
      ConvUnit unit;
      unit.layer = i;
      unit.input = ctx_.source_of(layer.inputs.at(0));
      unit.output = layer.id;
      units_.push_back(unit);
    }
    if (!ctx_.config.map_fuse_add) return;
    for (int i = 0; i < count(); ++i) {
      if (ctx_.layer(i).op == LayerOp::add) try_fold(i);
    }
  }

  /// Folds a residual add into the later of its two operands where that is a product whose result
  /// nobody else reads and the other operand exists by then.
  void try_fold(int add_index) {
    const Layer& add = ctx_.layer(add_index);
    const std::string operand[2] = {ctx_.source_of(add.inputs.at(0)),
                                    ctx_.source_of(add.inputs.at(1))};
    if (operand[0] == operand[1]) return;
    if (!(ctx_.network.shape_of(operand[0]) == ctx_.network.shape_of(operand[1]))) return;
    const int index[2] = {index_of(operand[0]), index_of(operand[1])};
    const int later = index[1] > index[0] ? 1 : 0;
    const int conv = index[later];
    if (conv < 0 || !is_product(ctx_.layer(conv))) return;
    // A transposed post op adds nothing.
    if (config_of_layer(ctx_.config, ctx_.layer(conv).id, ctx_.layer(conv).source_name)
            .map_dataflow == "is") {
      return;
    }
    if (is_output(operand[later]) || readers(operand[later]) != 1) return;
    for (auto& unit : units_) {
      if (unit.layer != conv || unit.add >= 0) continue;
      unit.add = add_index;
      unit.conv_is_second = later == 1;
      unit.residual = operand[1 - later];
      unit.output = add.id;
      folded_.insert(add_index);
    }
  }

  /// A tensor stays on chip when the unit that makes it has one input block, the very next unit of
  /// work is its only reader, and that one reads it as one block.
  void find_residents() {
    if (!ctx_.config.map_residency) return;
    for (std::size_t u = 0; u + 1 < units_.size(); ++u) {
      const ConvUnit& from = units_[u];
      const ConvUnit& to = units_[u + 1];
      const std::string& id = from.output;
      if (to.input != id || is_output(id) || readers(id) != 1 || to.residual == id) continue;
      if (!adjacent(from.layer, to.layer)) continue;
      const ConvPlan& source = ctx_.plans.at(ctx_.layer(from.layer).id);
      const ConvPlan& target = ctx_.plans.at(ctx_.layer(to.layer).id);
      if (source.input_stationary || target.input_stationary) continue;
      if (source.pixels.size() != 1 || source.shape.groups != 1) continue;
      if (target.pixels.size() != 1 || target.shape.groups != 1) continue;
      if (ctx_.network.format_of(id).bits > ctx_.config.hw_operand_bits) continue;
      // The planes of a pass of the post-processor must be in different banks.
      const std::int64_t lanes =
          std::min<std::int64_t>(ctx_.config.hw_post_lanes, source.shape.out_c);
      if (source.shape.out.planes(lanes) > target.group) continue;
      Resident r;
      const std::int64_t pixel = target.shape.in.pixel_bytes();
      r.layout = target.layout_of(target.pixels[0], ctx_.config.beat_bytes());
      r.slots = target.slots;
      r.log2_group = log2_of(target.group);
      const bool holds_image = r.layout.src_y == 0 && r.layout.src_x == 0 &&
                               r.layout.data_begin + target.shape.in_w * pixel <= r.layout.pitch &&
                               r.layout.first_line + target.shape.in_h <= r.layout.lines;
      if (holds_image) ctx_.resident.emplace(id, r);
    }
  }

  /// No other layer does work between two layers.
  [[nodiscard]] bool adjacent(int from, int to) const {
    for (int i = from + 1; i < to; ++i) {
      if (ctx_.layer(i).op != LayerOp::flatten && folded_.count(i) == 0) return false;
    }
    return true;
  }

  void emit() {
    std::size_t next_unit = 0;
    for (int i = 0; i < count(); ++i) {
      const Layer& layer = ctx_.layer(i);
      switch (layer.op) {
        case LayerOp::conv2d:
        case LayerOp::linear:
          lower_conv(ctx_, units_[next_unit++]);
          break;
        case LayerOp::add:
          if (folded_.count(i) == 0) lower_two_operands(ctx_, i);
          break;
        case LayerOp::mul:
        case LayerOp::maximum:
        case LayerOp::minimum:
          lower_two_operands(ctx_, i);
          break;
        case LayerOp::requant:
          lower_requant(ctx_, i);
          break;
        case LayerOp::lut:
          lower_lut(ctx_, i);
          break;
        case LayerOp::softmax:
          lower_softmax(ctx_, i);
          break;
        case LayerOp::layernorm:
        case LayerOp::rmsnorm:
          lower_norm(ctx_, i);
          break;
        case LayerOp::matmul:
          lower_matmul(ctx_, i);
          break;
        case LayerOp::transpose:
          lower_transpose(ctx_, i);
          break;
        case LayerOp::concat:
          lower_concat(ctx_, i);
          break;
        case LayerOp::slice:
          lower_slice(ctx_, i);
          break;
        case LayerOp::constant:
          lower_constant(ctx_, i);
          break;
        case LayerOp::upsample:
          lower_upsample(ctx_, i);
          break;
        case LayerOp::pixel_shuffle:
          lower_pixel_shuffle(ctx_, i);
          break;
        case LayerOp::space_to_depth:
          lower_space_to_depth(ctx_, i);
          break;
        case LayerOp::reshape:
          lower_reshape(ctx_, i);
          break;
        case LayerOp::conv_transpose2d:
          throw InternalError("split_layers() leaves no transposed convolution");
        case LayerOp::clamp:
          lower_clamp(ctx_, i);
          break;
        case LayerOp::maxpool:
        case LayerOp::avgpool:
        case LayerOp::global_avgpool:
          lower_pool(ctx_, i);
          break;
        case LayerOp::flatten:
          ctx_.infos[static_cast<std::size_t>(i)].fused_into = ctx_.source_of(layer.id);
          ctx_.infos[static_cast<std::size_t>(i)].mapping = "no work";
          break;
      }
    }
  }

  Context ctx_;
  std::vector<ConvUnit> units_;
  std::set<int> folded_;
};

}  // namespace

void check_layer_count(const Network& network) {
  if (network.layers.size() > 65535) {
    throw BadInput("the network has " + std::to_string(network.layers.size()) +
                   " layers, tile ops number at most 65535");
  }
}

std::vector<ConvUnit> conv_units(const Network& network, const ArchConfig& config) {
  return NetworkLowering(network, config, false).units();
}

Emitted emit_program(const Network& network, const ArchConfig& config, UnitPlanner& planner,
                     const UnitPlanner::Choices& choices, bool contents) {
  NetworkLowering lowering(network, config, contents);
  Emitted out;
  out.program = lowering.run(planner, choices);
  out.image_bytes = lowering.image_bytes();
  return out;
}

void note_pruned(const Network& network, const PrunedNetwork& pruned, Program& program) {
  for (std::size_t i = 0; i < program.layers.size(); ++i) {
    program.layers[i].macs = macs_of(network.layers[i]);
  }
  for (auto& [id, left] : pruned.tensors) {
    for (TensorPlace& place : program.tensors) {
      if (place.name != id) continue;
      place.channels = left.channels;
      place.other_channels = left.value.value_or(0);
      // Nobody computes the values of the channels that are not there.
      if (!left.value) place.in_memory = false;
    }
    for (LayerInfo& info : program.layers) {
      if (info.id != id) continue;
      const auto count = static_cast<int>(left.channels.size());
      const int all = network.shape_of(id).c;
      info.mapping += count == all ? ", output channels sorted by their readers"
                                   : ", " + std::to_string(count) + " of " + std::to_string(all) +
                                         " output channels";
    }
  }
}

}  // namespace lower

namespace {

Program lower_whole(const Network& network, const ArchConfig& config) {
  const lower::Context context(network, config, false);
  lower::WeightsMemory weights;
  lower::UnitPlanner planner(context, lower::conv_units(network, config), weights);
  const auto choices = planner.choose(lower::memory_timing(config));
  return lower::emit_program(network, config, planner, choices, true).program;
}

}  // namespace

Program lower_network(const Network& network, const ArchConfig& config) {
  if (const auto split = lower::split_layers(network)) {
    Program program = lower_network(split->network, config);
    lower::join_layers(network, *split, program);
    return program;
  }
  lower::check_layer_count(network);
  if (!config.map_skip_zero) return lower_whole(network, config);
  const lower::PrunedNetwork pruned = lower::prune_channels(network, config);
  Program program = lower_whole(pruned.network, config);
  lower::note_pruned(network, pruned, program);
  return program;
}

}  // namespace tactus
