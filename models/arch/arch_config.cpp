// SPDX-License-Identifier: Apache-2.0
#include "arch/arch_config.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "arch/ini_file.hpp"
#include "arch/preset_text.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const std::string& value) { return value; }

[[noreturn]] void refuse(const std::string& key, const std::string& value,
                         const std::string& wanted) {
  throw BadInput(key + "=" + value + " is not accepted, it must be " + wanted);
}

void set_int(std::int64_t& member, const std::string& key, const std::string& value,
             std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc{} || stop != end || number < low || number > high) {
    refuse(key, value,
           "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  member = number;
}

void set_bool(bool& member, const std::string& key, const std::string& value) {
  if (value == "true" || value == "1") {
    member = true;
  } else if (value == "false" || value == "0") {
    member = false;
  } else {
    refuse(key, value, "true or false");
  }
}

void set_enum(std::string& member, const std::string& key, const std::string& value,
              const std::string& choices) {
  std::istringstream list(choices);
  for (std::string choice; std::getline(list, choice, '|');) {
    if (choice == value) {
      member = value;
      return;
    }
  }
  refuse(key, value, "one of " + choices);
}

std::string sha256_hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
    throw InternalError("libcrypto cannot compute a sha256");
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

/// Applies entries of an INI text; errors name where they came from.
ArchConfig apply(ArchConfig config, std::istream& text, const std::string& name) {
  for (const auto& [key, value] : parse_ini(text, name)) {
    try {
      set(config, key, value);
    } catch (const BadInput& e) {
      throw BadInput(name + ": " + e.what(), name);
    }
  }
  return config;
}

}  // namespace

const char* name_of(Binding binding) {
  constexpr const char* names[] = {"elab", "limit", "program", "host"};
  return names[static_cast<unsigned>(binding)];
}

const std::vector<ArchField>& arch_fields() {
  static const std::vector<ArchField> fields = {
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  {#section "." #name, "int", #def, #lo ".." #hi, unit, doc, Binding::binding},
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc) \
  {#section "." #name, "bool", #def, "true|false", "", doc, Binding::binding},
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc) \
  {#section "." #name, "enum", def, choices, "", doc, Binding::binding},
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM
  };
  return fields;
}

std::string get(const ArchConfig& config, const std::string& key) {
  for (const auto& entry : config.layer_overrides) {
    if (entry.key() == key) return entry.value;
  }
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  if (key == #section "." #name) return text_of(config.section##_##name);
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc) \
  if (key == #section "." #name) return text_of(config.section##_##name);
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc) \
  if (key == #section "." #name) return text_of(config.section##_##name);
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM
  throw BadInput(key + " is not an architecture key");
}

void set(ArchConfig& config, const std::string& key, const std::string& value) {
  // The contract's spelling of the bandwidth: 1 or 1/N beats per cycle.
  if (key == "mem.beats_per_cycle") {
    if (value == "1") return set_int(config.mem_cycles_per_beat, key, "1", 1, 1);
    if (value.rfind("1/", 0) != 0) refuse(key, value, "1 or 1/N (see mem.cycles_per_beat)");
    return set(config, "mem.cycles_per_beat", value.substr(2));
  }
  if (is_layer_key(key)) return set_layer_key(config, key, value);
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  if (key == #section "." #name) return set_int(config.section##_##name, key, value, lo, hi);
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc) \
  if (key == #section "." #name) return set_bool(config.section##_##name, key, value);
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc) \
  if (key == #section "." #name) return set_enum(config.section##_##name, key, value, choices);
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM
  throw BadInput(key + " is not an architecture key");
}

std::vector<std::pair<std::string, std::string>> effective(const ArchConfig& config) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& field : arch_fields()) pairs.emplace_back(field.key, get(config, field.key));
  for (const auto& entry : config.layer_overrides) pairs.emplace_back(entry.key(), entry.value);
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

std::string config_hash(const ArchConfig& config) {
  std::string lines;
  for (const auto& [key, value] : effective(config)) {
    lines.append(key).append("=").append(value).append("\n");
  }
  return sha256_hex(lines);
}

std::string elab_hash(const ArchConfig& config) {
  std::vector<std::string> lines;
  for (const auto& field : arch_fields()) {
    if (field.binding != Binding::elab && field.binding != Binding::limit) continue;
    lines.push_back(field.key + "=" + get(config, field.key) + "\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line;
  return sha256_hex(text);
}

ArchConfig read_config(const std::string& path, ArchConfig base) {
  std::ifstream file(path);
  if (!file) throw BadInput("cannot open the configuration file " + path, path);
  return apply(std::move(base), file, path);
}

ArchConfig preset(const std::string& name) {
  for (std::size_t i = 0; i < preset_text_count; ++i) {
    if (name != preset_texts[i].name) continue;
    std::istringstream text(preset_texts[i].text);
    return apply({}, text, "preset " + name);
  }
  std::string known;
  for (const auto& other : preset_names()) known += (known.empty() ? "" : ", ") + other;
  throw BadInput("there is no preset " + name + ", the presets are " + known);
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < preset_text_count; ++i) names.emplace_back(preset_texts[i].name);
  return names;
}

}  // namespace tactus
