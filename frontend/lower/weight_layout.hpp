// SPDX-License-Identifier: Apache-2.0
// Weights of a column tile as rows of the weight and the index buffer.
#pragma once

#include <cstdint>
#include <vector>

#include "lower/conv_plan.hpp"
#include "network/network.hpp"

namespace tactus::lower {

/// The stored units of one column tile. Row r of the weights has the words of the columns in use
/// and is padded to `row_bytes`; so have the rows of the indices.
struct WeightRows {
  std::int64_t row_bytes = 0;
  std::vector<std::uint8_t> values, indices;
  /// Per column: weights of the layer that the units multiply for one pixel. Fields that no input
  /// channel of the column has, and kept weights that a group does not have, do not count.
  std::vector<std::int64_t> multiplied;
};

[[nodiscard]] WeightRows pack_weights(const Layer& layer, const ConvPlan& plan,
                                      const ColumnTile& tile, std::int64_t beat_bytes);

}  // namespace tactus::lower
