// SPDX-License-Identifier: Apache-2.0
// Keys of section [map] for single layers: [map.<glob>] in INI files, --map.<glob>.key=value.
#pragma once

#include <string>
#include <vector>

namespace tactus {

struct ArchConfig;

/// map.<glob>.<name>=<value>; name is dataflow, sparsity, skip_zero, order or tile_rows.
struct LayerOverride {
  std::string glob, name, value;
  [[nodiscard]] std::string key() const { return "map." + glob + "." + name; }
};

/// Whether a key reads map.<glob>.<name>.
[[nodiscard]] bool is_layer_key(const std::string& key);

/// Adds or replaces an override; throws BadInput for a name that no layer has of its own and for a
/// value that the key does not accept.
void set_layer_key(ArchConfig& config, const std::string& key, const std::string& value);

/// Whether a text matches a pattern in which * is any text and ? any character.
[[nodiscard]] bool glob_matches(const std::string& glob, const std::string& text);

/// The configuration with the overrides whose glob matches the layer's id or the toolkit's name for
/// it, in the order in which they were given.
[[nodiscard]] ArchConfig config_of_layer(const ArchConfig& config, const std::string& id,
                                         const std::string& source_name);

}  // namespace tactus
