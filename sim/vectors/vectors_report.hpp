// SPDX-License-Identifier: Apache-2.0
// What an export or a verification of a golden set found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "golden/stream_use.hpp"

namespace tactus {

struct GoldenReport {
  std::string action;  ///< "export" or "verify"
  std::string folder, model_name, config_hash;
  std::vector<std::string> witnesses;
  std::size_t files = 0, images = 0, layers = 0, tile_ops = 0;
  std::uint64_t bytes = 0;
  std::vector<golden::StreamUse> streams;  ///< of an export with benches, by layer
  std::string backend;                     ///< verify with a model: what ran it
  std::size_t retired = 0;                 ///< records compared with that run
  std::vector<std::string> problems;       ///< a sentence for each file or record that differs
};

[[nodiscard]] std::string to_text(const GoldenReport& report);
/// schema/golden.schema.json
[[nodiscard]] std::string to_json(const GoldenReport& report);

}  // namespace tactus
