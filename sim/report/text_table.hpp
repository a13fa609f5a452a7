// SPDX-License-Identifier: Apache-2.0
// Formatting of numbers and aligned tables for the terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tactus {

/// "%.<digits>f" in the C locale.
[[nodiscard]] std::string fixed(double value, int digits);
/// A number in at most `width` characters: 1234567 in 5 is "1235k". Width 4 or more.
[[nodiscard]] std::string fitted(std::uint64_t value, std::size_t width);
/// An energy with unit: 1234.5 is "1.23 nJ".
[[nodiscard]] std::string energy_text(double picojoules);
/// Characters of a UTF-8 text.
[[nodiscard]] std::size_t characters(const std::string& text);
/// At most `width` characters of a UTF-8 text, the cut marked with "~".
[[nodiscard]] std::string shortened(const std::string& text, std::size_t width);

/// Columns of fixed width, one space apart; the text of a cell is shortened to its column.
class TextTable {
 public:
  void column(std::string title, std::size_t width, bool left = false);
  /// Cells from the left; missing ones are empty.
  void row(const std::vector<std::string>& cells);
  [[nodiscard]] std::string text() const { return text_; }

 private:
  struct Column {
    std::string title;
    std::size_t width;
    bool left;
  };
  void line(const std::vector<std::string>& cells);
  std::vector<Column> columns_;
  std::string text_;
};

}  // namespace tactus
