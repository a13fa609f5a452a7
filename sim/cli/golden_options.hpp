// SPDX-License-Identifier: Apache-2.0
// The options of the verb golden as typed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tactus {

struct GoldenOptions {
  std::string out, verify;
  std::vector<std::string> witnesses, layers, tile_ops, images;
  std::vector<std::string> formats{"hex", "bin", "npy", "hdf5"};
  std::string lane_order = "low", endian = "little", rows = "unit", fields = "carrier";
  std::int64_t word_bits = 0, base_address = 0, bench_rows = 0, bench_cols = 0, bench_fold = 0;
  bool bench = false;
};

}  // namespace tactus
