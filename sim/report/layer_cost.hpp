// SPDX-License-Identifier: Apache-2.0
// What a layer of a network costs on any architecture: counts of the model alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tactus {

struct LayerCost {
  std::int64_t macs = 0;            ///< of the dense layer
  std::int64_t bops = 0;            ///< macs times the widths of both operands
  std::int64_t weights = 0;         ///< values
  std::int64_t zero_weights = 0;    ///< of them equal to the weight zero point
  std::int64_t weight_bytes = 0;    ///< at their declared width, rounded up
  std::int64_t constant_bytes = 0;  ///< bias 48 bits, mult 32, shift 8, add 64, table entries 32
  std::int64_t output_bytes = 0;    ///< of one inference at the declared width, rounded up
};
using LayerCosts = std::map<std::string, LayerCost>;  ///< by layer id

}  // namespace tactus
