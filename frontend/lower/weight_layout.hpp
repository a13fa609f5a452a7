// SPDX-License-Identifier: Apache-2.0
// Weights of a column tile as rows of the weight and the index buffer.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lower/conv_plan.hpp"
#include "network/network.hpp"

namespace tactus::lower {

/// The stored units of one column tile. Row r of the weights has the words of the columns in use
/// and is padded to `row_bytes`; so have the rows of the indices.
struct WeightRows {
  std::int64_t row_bytes = 0;
  std::vector<std::uint8_t> values, indices;
};

/// Their sizes in bytes.
struct WeightRowSizes {
  std::int64_t row_bytes = 0, values = 0, indices = 0;
};
[[nodiscard]] WeightRowSizes weight_row_sizes(const ConvPlan& plan, const ColumnTile& tile,
                                              std::int64_t beat_bytes);

[[nodiscard]] WeightRows pack_weights(const Layer& layer, const ConvPlan& plan,
                                      const ColumnTile& tile, std::int64_t beat_bytes);

/// Multiplications of real weights in the whole layer.
[[nodiscard]] std::int64_t executed_macs(const ConvPlan& plan);

/// Counts, per column, the weights of the layer that a tile's units multiply for one pixel. Fields
/// that no input channel of the column has, and kept weights that a group does not have, do not
/// count. Columns and tiles that read alike are counted once.
class MultipliedWeights {
 public:
  explicit MultipliedWeights(const ConvPlan& plan) : plan_(plan) {}
  [[nodiscard]] std::vector<std::int64_t> count(const ColumnTile& tile);

 private:
  /// Input channels [first, end) of a column relative to those of its tile, its first tap line, and
  /// the units, of which `stored` are executed.
  struct Reads {
    std::int64_t first = 0, end = 0, ky = 0;
    std::vector<UnitRun> runs;
    [[nodiscard]] bool operator==(const Reads& o) const;
  };
  [[nodiscard]] std::int64_t count(const Reads& reads) const;

  const ConvPlan& plan_;
  std::vector<std::pair<Reads, std::int64_t>> known_;
};

}  // namespace tactus::lower
