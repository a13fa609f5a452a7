// SPDX-License-Identifier: Apache-2.0
// The architecture, as typed constants. Everything about a key is in arch_fields.def.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "arch/layer_overrides.hpp"

namespace tactus {

/// When a parameter is fixed (arch_fields.def).
enum class Binding : std::uint8_t { elab, limit, program, host };

struct ArchConfig {
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  std::int64_t section##_##name = def;
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc) bool section##_##name = def;
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc) \
  std::string section##_##name = def;
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM

  std::vector<LayerOverride> layer_overrides;  ///< in the order given; set() adds to them

  // Derived sizes (models/README.md, "Storage").
  [[nodiscard]] std::int64_t beat_bytes() const { return mem_data_bits / 8; }
  [[nodiscard]] std::int64_t word_bytes() const { return hw_operand_bits / 8; }
  [[nodiscard]] bool multi_width() const { return hw_precision == "multi"; }
  [[nodiscard]] bool output_stationary() const { return hw_dataflows == "ws_os"; }
  [[nodiscard]] std::int64_t latency() const { return mem_ideal ? 1 : mem_latency_cycles; }
  [[nodiscard]] std::int64_t beat_interval() const { return mem_ideal ? 1 : mem_cycles_per_beat; }
  [[nodiscard]] std::int64_t ifmap_bank_bytes() const {
    return buf_ifmap_kib * 512 / hw_array_rows / beat_bytes() * beat_bytes();
  }
  [[nodiscard]] std::int64_t ofmap_bank_bytes() const {
    return buf_ofmap_kib * 512 / hw_array_cols / beat_bytes() * beat_bytes();
  }
  [[nodiscard]] std::int64_t weight_rows() const {
    return buf_weight_kib * 512 / hw_array_cols / word_bytes();
  }
  [[nodiscard]] std::int64_t index_rows() const {
    return buf_index_kib * 512 / hw_array_cols / word_bytes();
  }
  [[nodiscard]] std::int64_t param_records() const { return buf_param_kib * 512 / 32; }
  [[nodiscard]] std::int64_t psum_entries() const { return buf_psum_kib * 128 / hw_array_cols; }
};

/// One key with its text and its effective value.
struct ArchField {
  std::string key;  ///< section.name
  std::string type, default_value, range, unit, doc;
  Binding binding;
};

[[nodiscard]] const std::vector<ArchField>& arch_fields();
[[nodiscard]] const char* name_of(Binding binding);

/// Value of a key as text; throws BadInput for an unknown key.
[[nodiscard]] std::string get(const ArchConfig& config, const std::string& key);
/// Sets a key, which may be that of single layers (layer_overrides.hpp); throws BadInput naming
/// key, value and range.
void set(ArchConfig& config, const std::string& key, const std::string& value);
/// Throws BadInput with a sentence for a combination that cannot be built or run.
void validate(const ArchConfig& config);
/// All effective `key=value` pairs, sorted by key.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> effective(const ArchConfig& config);
/// sha256 over all effective `key=value` lines, sorted.
[[nodiscard]] std::string config_hash(const ArchConfig& config);
/// sha256 over the elab and limit keys: the identity of an RTL build.
[[nodiscard]] std::string elab_hash(const ArchConfig& config);

/// Reads an INI file over `base`; unknown keys and sections are errors.
[[nodiscard]] ArchConfig read_config(const std::string& path, ArchConfig base = {});
/// A named preset (text embedded from presets/*.ini).
[[nodiscard]] ArchConfig preset(const std::string& name);
[[nodiscard]] std::vector<std::string> preset_names();

}  // namespace tactus
