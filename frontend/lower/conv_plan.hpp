// SPDX-License-Identifier: Apache-2.0
// How one convolution or linear layer is cut into tiles, chosen by estimated cycles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "lower/geometry.hpp"
#include "network/network.hpp"

namespace tactus::lower {

/// A convolution seen as a matrix product; a linear layer has the kernel of its input's size.
struct ConvShape {
  std::int64_t in_c = 0, in_h = 0, in_w = 0;  ///< tensor that is read
  std::int64_t out_c = 0, out_h = 0, out_w = 0;
  std::int64_t groups = 1;
  Window window;
  std::int64_t out_elem = 1;       ///< bytes per output element
  std::int64_t residual_elem = 0;  ///< bytes per residual element, 0 without residual
  [[nodiscard]] std::int64_t taps() const { return window.kernel_h * window.kernel_w; }
};

/// Output channels of one column tile and the input channels they read.
struct ColumnTile {
  std::int64_t n0 = 0, cols = 0, c0 = 0, channels = 0;
};

struct ConvPlan {
  ConvShape shape;
  std::int64_t group = 1;         ///< G: channels per slot, a power of two
  std::int64_t slots = 1;         ///< slots per kernel position
  std::int64_t k_rows = 0;        ///< K elements with padding channels
  std::int64_t weight_chunk = 0;  ///< K elements per weight block (= k_rows when it fits)
  bool weights_whole = false;     ///< all column tiles' weights fit one half together
  bool params_whole = false;      ///< all records fit one half together
  bool weights_outer = true;      ///< outer loop over column tiles
  std::vector<ColumnTile> columns;
  std::vector<PixelTile> pixels;
  std::int64_t estimated_cycles = 0;
  [[nodiscard]] std::string text() const;
};

/// Best plan for the configuration; throws BadInput naming layer, buffer and shortage.
[[nodiscard]] ConvPlan plan_conv(const Layer& layer, const ConvShape& shape,
                                 const ArchConfig& config);

}  // namespace tactus::lower
