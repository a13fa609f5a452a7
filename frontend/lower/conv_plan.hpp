// SPDX-License-Identifier: Apache-2.0
// How one convolution or linear layer is cut into tiles, chosen by estimated cycles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "lower/geometry.hpp"
#include "lower/operands.hpp"
#include "network/network.hpp"
#include "numerics/k_mapping.hpp"

namespace tactus::lower {

/// A convolution seen as a matrix product; a linear layer has the kernel of its input's size.
struct ConvShape {
  std::int64_t in_c = 0, in_h = 0, in_w = 0;  ///< tensor that is read
  std::int64_t out_c = 0, out_h = 0, out_w = 0;
  std::int64_t groups = 1;
  Window window;
  TensorLayout in, out;
  bool has_residual = false;
  TensorLayout residual;
  [[nodiscard]] std::int64_t out_elem() const { return out.word_bytes; }
  [[nodiscard]] std::int64_t residual_elem() const {
    return has_residual ? residual.word_bytes : 0;
  }
};

/// K units of a column tile that the program executes: `count` of them from `first` in K order, the
/// `stored`-th one in memory first.
struct UnitRun {
  std::int64_t first = 0, count = 0, stored = 0;
};

/// Output channels of one column tile and the input channels they read (whole planes). Column
/// j * column_channels + i is output channel n0 + i of the lines y with y mod line_phases == j.
struct ColumnTile {
  std::int64_t n0 = 0, outputs = 0;   ///< output channels
  std::int64_t cols = 0;              ///< columns in use
  std::int64_t c0 = 0, channels = 0;  ///< input channels; c0 is the first one of a plane
  std::int64_t stored = 0;            ///< units in memory
  std::vector<UnitRun> runs;
};

/// Place of a K unit in the window of a layer.
struct UnitPlace {
  std::int64_t phase = 0, n = 0, window = 0, slot = 0, kx = 0, ky = 0;
};

/// Cut of an input-stationary layer. The operands of its plan are still those of the layer; the
/// weights' carrier is at least that of the activations, and lanes() of them fill a word.
struct InputStationaryCut {
  std::int64_t lines = 1, line_pixels = 1;  ///< of the tensors; one long line where they allow it
  std::int64_t block = 1;                   ///< pixels side by side on the columns
  std::int64_t outputs = 1;                 ///< output channels of a compute op
  std::int64_t units = 1;                   ///< K units of a compute op
};

struct ConvPlan {
  ConvShape shape;
  Operands operands;
  bool output_stationary = false;
  std::int64_t line_phases = 1;      ///< J: output lines side by side on the columns
  std::int64_t column_channels = 1;  ///< output channels of a column tile
  Window window;                     ///< as the array walks it: J lines at a time
  std::int64_t group = 1;            ///< G: planes per slot, a power of two
  std::int64_t slots = 1;            ///< slots per kernel position
  std::int64_t k_rows = 0;           ///< K units with padding
  std::int64_t most_stored = 0;      ///< units in memory of the column tile that has most
  std::int64_t weight_chunk = 0;  ///< stored units per weight block (= most_stored when they fit)
  bool weights_whole = false;     ///< all column tiles' weights fit one half together
  bool params_whole = false;      ///< all records fit one half together
  bool weights_outer = true;      ///< outer loop over column tiles
  std::vector<ColumnTile> columns;
  std::vector<PixelTile> pixels;  ///< in lines of the output; heights are multiples of J
  /// Set: columns, pixels and the weight blocks of the other dataflows mean nothing.
  std::optional<InputStationaryCut> input_stationary;
  std::int64_t estimated_cycles = 0;
  std::int64_t macs_executed = -1;  ///< multiplications of real weights in the whole layer
  std::string remark;               ///< why a sparsity pattern of the weights is not used, or empty

  [[nodiscard]] UnitPlace place_of(std::int64_t unit) const;
  /// A pixel tile in the array's lines, and where its input region lies in a bank.
  [[nodiscard]] PixelTile array_tile(const PixelTile& tile) const;
  [[nodiscard]] TileLayout layout_of(const PixelTile& tile, std::int64_t beat) const;
  /// Weight and index rows of `units` stored units.
  [[nodiscard]] std::int64_t weight_rows(std::int64_t units) const {
    return ceil_div(units, operands.units_per_row());
  }
  [[nodiscard]] std::int64_t index_rows(std::int64_t units) const {
    return operands.sparse() ? ceil_div(units, operands.units_per_index_row()) : 0;
  }
  [[nodiscard]] bool chunked() const { return weight_chunk < most_stored; }
  [[nodiscard]] KMapping k_mapping(std::int64_t array_rows) const;
  [[nodiscard]] std::string text() const;
};

}  // namespace tactus::lower
