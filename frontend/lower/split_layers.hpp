// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions as layers that the array has: a convolution that makes all pixels of a
// stride as channels, and the pixel_shuffle that puts them side by side. Flatten layers that others
// than linear layers read as reshapes.
#pragma once

#include <optional>
#include <vector>

#include "network/network.hpp"
#include "program/program.hpp"

namespace tactus::lower {

/// The convolution of stride 1 that computes a conv_transpose2d, the shape of the layer known.
/// Channel (g * phases + phase) * n + c is channel c of group g at pixel phase = (py, px) of each
/// stride x stride square, n channels to a group; the square's first pixel lies padding mod stride
/// above and left of the result's. Its kernel has ceil(kernel / stride) rows and columns. 1-bit
/// weights become 2-bit ones where a phase has fewer.
[[nodiscard]] Layer phases_of(const Layer& layer);

struct SplitNetwork {
  Network network;
  std::vector<std::size_t> origin;  ///< by layer: the number of the layer that it is a part of
  /// The part of a transposed convolution that puts the results of the other one side by side.
  [[nodiscard]] bool rearranges(std::size_t layer) const {
    return network.layers[layer].op == LayerOp::pixel_shuffle;
  }
};

/// nullopt when the network has nothing to split. A transposed convolution of stride 1 stays one
/// layer; else its convolution is `<id>.phases`, with the id as source name.
[[nodiscard]] std::optional<SplitNetwork> split_layers(const Network& network);

/// Makes a program for the split network one for `network`: ops and layers are those of its layers.
/// Tensors between the parts of a layer remain, under names that the network does not have.
void join_layers(const Network& network, const SplitNetwork& split, Program& program);

}  // namespace tactus::lower
