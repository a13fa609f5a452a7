// SPDX-License-Identifier: Apache-2.0
// A column of a sweep as the page gets it: numbers or texts, stored as densely as its values allow.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

namespace tactus::page {

/// What the page knows of a column besides its values.
struct ColumnText {
  std::string name, label, unit;
  std::string kind;  ///< how a value is shown: count, energy, bytes, seconds, ratio, plain
  std::string role;  ///< id, status, reason, axis, metric
  bool larger_is_better = false;
};

class Column {
 public:
  Column(ColumnText text, bool is_text) : text_(std::move(text)), is_text_(is_text) {}
  [[nodiscard]] const ColumnText& text() const { return text_; }
  void add_number(double value);  ///< NaN: unknown
  void add_text(const std::string& value);
  void add_unknown();
  /// Appends the values to `bytes` and returns the column's entry of the header (sweep_data.js).
  [[nodiscard]] nlohmann::ordered_json store(std::string& bytes) const;

 private:
  void store_codes(const std::vector<std::uint32_t>& codes, std::size_t count, std::string& bytes,
                   nlohmann::ordered_json& entry) const;
  ColumnText text_;
  bool is_text_;
  std::vector<double> numbers_;
  std::vector<std::uint32_t> codes_;  ///< texts: 0 unknown, else index into dict_ + 1
  std::vector<std::string> dict_;
  std::unordered_map<std::string, std::uint32_t> code_of_;
};

}  // namespace tactus::page
