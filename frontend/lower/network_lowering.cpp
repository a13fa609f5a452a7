// SPDX-License-Identifier: Apache-2.0
#include "lower/network_lowering.hpp"

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {

[[nodiscard]] bool is_product(const Layer& layer) {
  return layer.op == LayerOp::conv2d || layer.op == LayerOp::linear;
}

}  // namespace

NetworkLowering::NetworkLowering(const Network& network, const ArchConfig& config, bool contents)
    : ctx_(network, config, contents) {
  count_readers();
  find_units();
  find_neighbours();
}

const ConvUnit* NetworkLowering::unit_of(int layer) const {
  const auto it = std::lower_bound(units_.begin(), units_.end(), layer,
                                   [](const ConvUnit& u, int i) { return u.layer < i; });
  return it != units_.end() && it->layer == layer ? &*it : nullptr;
}

Program NetworkLowering::run(UnitPlanner& planner, const UnitPlanner::Choices& choices) {
  planner.apply(choices, ctx_);
  begin();
  for (int i = 0; i < layers(); ++i) emit(i);
  for (const auto& layer : ctx_.network.layers) (void)ctx_.place(layer.id);
  Program program = ctx_.builder.finish();
  program.layers = std::move(ctx_.infos);
  program.tensors = std::move(ctx_.tensors);
  return program;
}

void NetworkLowering::begin() {
  for (const auto& input : ctx_.network.inputs) ctx_.place_in_memory(input.name);
  if (ctx_.config.map_residency) find_residents();
}

bool NetworkLowering::is_output(const std::string& id) const {
  const auto& out = ctx_.network.outputs;
  return std::find(out.begin(), out.end(), id) != out.end();
}

void NetworkLowering::count_readers() {
  for (const Layer& layer : ctx_.network.layers) {
    if (layer.op == LayerOp::flatten) continue;
    for (const std::string& in : layer.inputs) ++readers_[ctx_.source_of(in)];
  }
}

int NetworkLowering::readers(const std::string& id) const {
  const auto it = readers_.find(id);
  return it == readers_.end() ? 0 : it->second;
}

int NetworkLowering::index_of(const std::string& id) const {
  for (int i = 0; i < layers(); ++i) {
    if (ctx_.layer(i).id == id) return i;
  }
  return -1;
}

void NetworkLowering::find_units() {
  for (int i = 0; i < layers(); ++i) {
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
  for (int i = 0; i < layers(); ++i) {
    if (ctx_.layer(i).op == LayerOp::add) try_fold(i);
  }
}

void NetworkLowering::try_fold(int add_index) {
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

void NetworkLowering::find_neighbours() {
  for (std::size_t u = 0; u + 1 < units_.size(); ++u) {
    const ConvUnit& from = units_[u];
    const ConvUnit& to = units_[u + 1];
    const std::string& id = from.output;
    if (to.input != id || is_output(id) || readers(id) != 1 || to.residual == id) continue;
    if (adjacent(from.layer, to.layer)) neighbours_.push_back(u);
  }
}

bool NetworkLowering::adjacent(int from, int to) const {
  for (int i = from + 1; i < to; ++i) {
    if (ctx_.layer(i).op != LayerOp::flatten && folded_.count(i) == 0) return false;
  }
  return true;
}

void NetworkLowering::find_residents() {
  for (const std::size_t u : neighbours_) {
    const std::string& id = units_[u].output;
    const ConvPlan& source = ctx_.plans.at(ctx_.layer(units_[u].layer).id);
    const ConvPlan& target = ctx_.plans.at(ctx_.layer(units_[u + 1].layer).id);
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

void NetworkLowering::emit(int i) {
  const Layer& layer = ctx_.layer(i);
  switch (layer.op) {
    case LayerOp::conv2d:
    case LayerOp::linear:
      lower_conv(ctx_, *unit_of(i));
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

}  // namespace tactus::lower
