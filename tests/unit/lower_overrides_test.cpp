// SPDX-License-Identifier: Apache-2.0
// Mapping keys of single layers in the configuration.
#include <doctest/doctest.h>

#include "arch/arch_config.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

TEST_CASE("layer keys: globs") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("00?_conv", "001_conv"));
  CHECK_FALSE(glob_matches("00?_conv", "00_conv"));
  CHECK(glob_matches("*conv*2", "003_conv1_conv2"));
  CHECK_FALSE(glob_matches("*conv*2", "003_conv1_conv2x"));
  CHECK(glob_matches("layer1.0.*", "layer1.0.conv1"));
}

TEST_CASE("layer keys: the last matching entry wins and the hash covers all") {
  ArchConfig config = preset("flex_16");
  const std::string before = config_hash(config);
  set(config, "map.*.dataflow", "os");
  set(config, "map.layer1.0.conv1.dataflow", "ws");
  CHECK(config_hash(config) != before);
  CHECK(elab_hash(config) == elab_hash(preset("flex_16")));
  CHECK(get(config, "map.layer1.0.conv1.dataflow") == "ws");
  CHECK(config_of_layer(config, "000_a", "layer1.0.conv1").map_dataflow == "ws");
  CHECK(config_of_layer(config, "000_a", "").map_dataflow == "os");
  set(config, "map.*.dataflow", "auto");
  CHECK(config_of_layer(config, "000_a", "layer1.0.conv1").map_dataflow == "auto");
  CHECK(config.map_dataflow == "auto");
}

TEST_CASE("layer keys: refusals name the key") {
  const auto refusal = [](const char* key, const char* value) {
    ArchConfig config;
    try {
      set(config, key, value);
    } catch (const BadInput& error) {
      return std::string(error.what());
    }
    return std::string("(accepted)");
  };
  CHECK(refusal("map.*.residency", "true").find("map.*.residency is not an architecture key") == 0);
  CHECK(refusal("map..dataflow", "ws").find("map..dataflow is not an architecture key") == 0);
  CHECK(refusal("map.*.tile_rows", "-1").find("map.*.tile_rows: ") == 0);
}

}  // namespace
}  // namespace tactus
