// SPDX-License-Identifier: Apache-2.0
#include "lower/lower.hpp"

#include "lower/lower_parts.hpp"
#include "lower/network_lowering.hpp"
#include "lower/split_layers.hpp"
#include "numerics/errors.hpp"

namespace tactus {

namespace lower {

void check_layer_count(const Network& network) {
  if (network.layers.size() > 65535) {
    throw BadInput("the network has " + std::to_string(network.layers.size()) +
                   " layers, tile ops number at most 65535");
  }
}

std::vector<ConvUnit> conv_units(const Network& network, const ArchConfig& config) {
  return NetworkLowering(network, config, false).units();
}

Program emit_program(const Network& network, const ArchConfig& config, UnitPlanner& planner,
                     const UnitPlanner::Choices& choices, bool contents) {
  return NetworkLowering(network, config, contents).run(planner, choices);
}

}  // namespace lower

namespace {

/// Says in the program of a pruned network what channels are missing.
void note_pruned(const Network& network, const lower::PrunedNetwork& pruned, Program& program) {
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

Program lower_whole(const Network& network, const ArchConfig& config) {
  const lower::Context context(network, config, false);
  lower::WeightsMemory weights;
  lower::UnitPlanner planner(context, lower::conv_units(network, config), weights);
  const auto choices = planner.choose(lower::memory_timing(config));
  return lower::emit_program(network, config, planner, choices, true);
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
  Program program = lower_whole(pruned.of(network), config);
  note_pruned(network, pruned, program);
  return program;
}

}  // namespace tactus
