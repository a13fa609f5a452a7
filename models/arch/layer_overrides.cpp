// SPDX-License-Identifier: Apache-2.0
#include "arch/layer_overrides.hpp"

#include <algorithm>

#include "arch/arch_config.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

constexpr const char* layer_names[] = {"dataflow", "sparsity", "skip_zero", "order", "tile_rows"};
constexpr std::size_t prefix = 4;  // "map."

}  // namespace

bool is_layer_key(const std::string& key) {
  return key.rfind("map.", 0) == 0 && key.find('.', prefix) != std::string::npos;
}

void set_layer_key(ArchConfig& config, const std::string& key, const std::string& value) {
  const std::size_t dot = key.rfind('.');
  LayerOverride entry{key.substr(prefix, dot - prefix), key.substr(dot + 1), value};
  const auto* const end = std::end(layer_names);
  if (entry.glob.empty() || std::find(std::begin(layer_names), end, entry.name) == end) {
    throw BadInput(key +
                   " is not an architecture key; for single layers there are map.<layer "
                   "glob>.dataflow, sparsity, skip_zero, order and tile_rows");
  }
  ArchConfig probe;
  try {
    set(probe, "map." + entry.name, value);
  } catch (const BadInput& e) {
    throw BadInput(key + ": " + e.what());
  }
  entry.value = get(probe, "map." + entry.name);
  auto& all = config.layer_overrides;
  const auto old = std::find_if(all.begin(), all.end(), [&](const LayerOverride& o) {
    return o.glob == entry.glob && o.name == entry.name;
  });
  // A later entry wins over all before it, so a replaced one moves to the end.
  if (old != all.end()) all.erase(old);
  all.push_back(std::move(entry));
}

bool glob_matches(const std::string& glob, const std::string& text) {
  std::size_t g = 0, t = 0, star = std::string::npos, resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string::npos;
}

ArchConfig config_of_layer(const ArchConfig& config, const std::string& id,
                           const std::string& source_name) {
  ArchConfig out = config;
  for (const LayerOverride& o : config.layer_overrides) {
    const bool named = !source_name.empty() && glob_matches(o.glob, source_name);
    if (named || glob_matches(o.glob, id)) set(out, "map." + o.name, o.value);
  }
  return out;
}

}  // namespace tactus
