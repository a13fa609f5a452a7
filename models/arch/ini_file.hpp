// SPDX-License-Identifier: Apache-2.0
// Reading of `[section]` / `key=value` text.
#pragma once

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace tactus {

/// All entries in file order as (section.key, value). Lines that are neither a section, an entry
/// nor a comment (#), and keys that occur twice, throw BadInput naming `name`.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_ini(std::istream& text,
                                                                         const std::string& name);

}  // namespace tactus
