// SPDX-License-Identifier: Apache-2.0
#include "report/text_table.hpp"

#include <algorithm>
#include <iomanip>
#include <locale>
#include <sstream>

namespace tactus {

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string fitted(std::uint64_t value, std::size_t width) {
  std::string text = std::to_string(value);
  for (const char* unit = "kMGTPE"; text.size() > width && *unit != 0; ++unit) {
    value = value / 1000 + (value % 1000 >= 500 ? 1 : 0);
    text = std::to_string(value) + *unit;
  }
  return text;
}

std::string energy_text(double picojoules) {
  const char* const units[] = {"pJ", "nJ", "uJ", "mJ", "J"};
  std::size_t unit = 0;
  while (picojoules >= 1000 && unit + 1 < 5) {
    picojoules /= 1000;
    ++unit;
  }
  return fixed(picojoules, picojoules < 10 ? 2 : picojoules < 100 ? 1 : 0) + " " + units[unit];
}

std::size_t characters(const std::string& text) {
  // Every byte of UTF-8 but those that continue a character (10xxxxxx).
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string shortened(const std::string& text, std::size_t width) {
  if (characters(text) <= width) return text;
  std::size_t end = 0;
  for (std::size_t left = width; end < text.size(); ++end) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && left-- == 1) break;
  }
  return text.substr(0, end) + "~";
}

void TextTable::column(std::string title, std::size_t width, bool left) {
  columns_.push_back({std::move(title), width, left});
}

void TextTable::row(const std::vector<std::string>& cells) {
  if (text_.empty()) {
    std::vector<std::string> titles;
    for (const Column& c : columns_) titles.push_back(c.title);
    line(titles);
  }
  line(cells);
}

void TextTable::line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& c = columns_[i];
    const std::string cell = i < cells.size() ? shortened(cells[i], c.width) : std::string();
    const std::string space(c.width - characters(cell), ' ');
    if (i != 0) out += ' ';
    out += c.left ? cell + space : space + cell;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  text_ += out + '\n';
}

}  // namespace tactus
