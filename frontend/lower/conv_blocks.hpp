// SPDX-License-Identifier: Apache-2.0
// Blocks of input, weights and parameters of one weighted layer: where they are in memory and which
// buffer halves hold them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lower/context.hpp"

namespace tactus::lower {

class ConvBlocks {
 public:
  ConvBlocks(Context& context, const ConvUnit& unit, const ConvPlan& plan);

  /// Puts weights, indices and parameter records into memory.
  void put_constants();

  /// Half that holds the input block of pixel tile t for column tile n, loaded if necessary.
  int input_half(std::size_t n, std::size_t t);

  /// Where stored units are: half of the weight and index buffers, and their number in each.
  struct Weights {
    int half = 0;
    std::int64_t weight_base = 0, index_base = 0;
  };
  /// The block of column tile n that begins with stored unit `first`, loaded if necessary.
  Weights weight_block(std::size_t n, std::int64_t first);

  /// Half and first record of the parameters of column tile n, loaded if necessary.
  std::pair<int, std::int64_t> param_block(std::size_t n);

 private:
  /// Which block a buffer half holds.
  struct Held {
    std::int64_t key_a = -1, key_b = -1, key_c = -1;
  };
  struct Stored {
    std::uint64_t weights = 0, indices = 0;
    std::int64_t row_bytes = 0;
  };

  void put_weights();
  void put_params();
  std::uint64_t put_bytes(const std::vector<std::uint8_t>& bytes);
  void load_rows(Dest dest, std::size_t n, std::int64_t first_row, std::int64_t rows, int half,
                 std::int64_t row);
  /// Loads stored units [first, first + units) of column tile n to the given rows of a half.
  void load_units(std::size_t n, std::int64_t first, std::int64_t units, int half,
                  std::int64_t weight_row, std::int64_t index_row);

  Context& ctx_;
  const ConvUnit& unit_;
  const Layer& layer_;
  const ConvPlan& plan_;
  std::int64_t beat_;
  std::vector<Stored> stored_;
  std::vector<std::int64_t> record_begin_;
  std::uint64_t param_address_ = 0;
  std::array<Held, 2> ifmap_held_{}, weight_held_{}, param_held_{};
};

}  // namespace tactus::lower
