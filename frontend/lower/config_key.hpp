// SPDX-License-Identifier: Apache-2.0
// Texts that are equal only for equal values: keys of what configurations share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arch/arch_config.hpp"

namespace tactus::lower {

inline void append(std::string& key, std::int64_t value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void append(std::string& key, const std::string& value) {
  key.append(value).push_back('\0');
}

/// Appends the values of all architecture keys that `wanted`, a constexpr function of a key's name
/// like "hw.array_rows", is true for.
template <bool (*wanted)(std::string_view)>
void append_values(std::string& key, const ArchConfig& config) {
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  if constexpr (wanted(#section "." #name)) append(key, config.section##_##name);
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc) \
  if constexpr (wanted(#section "." #name))                \
    append(key, static_cast<std::int64_t>(config.section##_##name));
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc) \
  if constexpr (wanted(#section "." #name)) append(key, config.section##_##name);
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM
}

}  // namespace tactus::lower
