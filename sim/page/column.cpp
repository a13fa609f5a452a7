// SPDX-License-Identifier: Apache-2.0
#include "page/column.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace tactus::page {
namespace {

using Json = nlohmann::ordered_json;

/// A little-endian value.
template <typename T>
void put(std::string& bytes, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.append(raw, sizeof value);
}

}  // namespace

void Column::add_number(double value) { numbers_.push_back(value); }

void Column::add_text(const std::string& value) {
  const auto [it, added] = code_of_.emplace(value, static_cast<std::uint32_t>(dict_.size()) + 1);
  if (added) dict_.push_back(value);
  codes_.push_back(it->second);
}

void Column::add_unknown() {
  if (is_text_) {
    codes_.push_back(0);
  } else {
    numbers_.push_back(std::numeric_limits<double>::quiet_NaN());
  }
}

void Column::store_codes(const std::vector<std::uint32_t>& codes, std::size_t count,
                         std::string& bytes, Json& entry) const {
  entry["encoding"] = count < 256 ? "u8" : count < 65536 ? "u16" : "u32";
  for (const std::uint32_t code : codes) {
    if (count < 256) {
      put(bytes, static_cast<std::uint8_t>(code));
    } else if (count < 65536) {
      put(bytes, static_cast<std::uint16_t>(code));
    } else {
      put(bytes, code);
    }
  }
}

Json Column::store(std::string& bytes) const {
  bytes.resize((bytes.size() + 7) / 8 * 8);
  Json entry = {{"name", text_.name},
                {"label", text_.label},
                {"unit", text_.unit},
                {"kind", text_.kind},
                {"role", text_.role},
                {"best", text_.larger_is_better ? "max" : "min"},
                {"type", is_text_ ? "text" : "number"},
                {"offset", bytes.size()}};
  if (is_text_) {
    entry["dict"] = dict_;
    store_codes(codes_, dict_.size(), bytes, entry);
    return entry;
  }
  // Numbers with few different values are stored as codes, too.
  std::unordered_map<std::uint64_t, std::uint32_t> code_of;
  std::vector<double> dict;
  std::vector<std::uint32_t> codes;
  const std::size_t most = std::min<std::size_t>(65535, numbers_.size() / 2 + 1);
  for (const double value : numbers_) {
    if (std::isnan(value)) {
      codes.push_back(0);
      continue;
    }
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    const auto [it, added] = code_of.emplace(bits, static_cast<std::uint32_t>(dict.size()) + 1);
    if (added) dict.push_back(value);
    if (dict.size() > most) break;
    codes.push_back(it->second);
  }
  if (codes.size() == numbers_.size()) {
    entry["dict"] = dict;
    store_codes(codes, dict.size(), bytes, entry);
  } else {
    entry["encoding"] = "f64";
    for (const double value : numbers_) put(bytes, value);
  }
  return entry;
}

}  // namespace tactus::page
