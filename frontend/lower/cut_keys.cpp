// SPDX-License-Identifier: Apache-2.0
#include "lower/cut_keys.hpp"

#include <string_view>

#include "lower/config_key.hpp"

namespace tactus::lower {

namespace {

/// Keys that the cuts of a layer depend on, sizes of buffers aside.
constexpr bool shapes_cuts(std::string_view key) {
  for (const char* one : {"hw.array_rows", "hw.array_cols", "hw.operand_bits", "hw.precision",
                          "hw.fold_overlap", "hw.post_lanes", "hw.dataflows", "hw.nm_patterns",
                          "hw.edge_words", "mem.data_bits", "map.dataflow", "map.sparsity",
                          "map.skip_zero", "map.order", "map.objective", "map.tile_rows"}) {
    if (key == one) return true;
  }
  return false;
}

}  // namespace

ArchConfig mapping_config(const ArchConfig& config) {
  ArchConfig out;
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  if constexpr (shapes_cuts(#section "." #name)) out.section##_##name = config.section##_##name;
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc) \
  if constexpr (shapes_cuts(#section "." #name)) out.section##_##name = config.section##_##name;
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc) \
  if constexpr (shapes_cuts(#section "." #name)) out.section##_##name = config.section##_##name;
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM
  return out;
}

std::string mapping_key(const ArchConfig& config) {
  std::string key;
  key.reserve(160);
  append_values<shapes_cuts>(key, config);
  return key;
}

}  // namespace tactus::lower
