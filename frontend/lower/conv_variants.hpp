// SPDX-License-Identifier: Apache-2.0
// The ways in which an array can run a layer, before tiles are chosen.
#pragma once

#include <string>
#include <vector>

#include "lower/conv_plan.hpp"
#include "lower/layer_weights.hpp"

namespace tactus::lower {

/// Operands, dataflow and the use of the columns.
struct Variant {
  Operands operands;
  bool output_stationary = false;
  std::int64_t line_phases = 1, column_channels = 1;
};

struct Variants {
  std::vector<Variant> list;  ///< the plainest first
  std::string remark;         ///< why a sparsity pattern of the weights is not among them, or empty
};

/// All variants that the configuration allows for a layer with the given tensor layouts; throws
/// BadInput naming the layer where map.dataflow asks for what the hardware does not have.
[[nodiscard]] Variants conv_variants(const Layer& layer, const LayerWeights& weights,
                                     const ConvShape& shape, const ArchConfig& config);

/// Kernel and stride that walk `phases` output lines at a time: column phase j sees its taps
/// j * stride_h further down.
[[nodiscard]] Window phased(const Window& window, std::int64_t phases);

/// Tiles of a variant's columns, without their units.
[[nodiscard]] std::vector<ColumnTile> column_tiles(const ConvShape& shape, const Variant& variant);

}  // namespace tactus::lower
