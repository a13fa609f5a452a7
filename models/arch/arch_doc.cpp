// SPDX-License-Identifier: Apache-2.0
#include "arch/arch_doc.hpp"

#include "arch/arch_config.hpp"

namespace tactus {
namespace {

/// A | inside a Markdown table cell needs a backslash.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string arch_table() {
  std::string table =
      "| key | default | range | unit | binding | meaning |\n|---|---|---|---|---|---|\n";
  for (const auto& field : arch_fields()) {
    table += "| `" + field.key + "` | " + field.default_value + " | " + cell(field.range) + " | " +
             field.unit + " | " + name_of(field.binding) + " | " + cell(field.doc) + " |\n";
  }
  return table;
}

}  // namespace tactus
