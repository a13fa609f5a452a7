// SPDX-License-Identifier: Apache-2.0
#include "sweep/axis.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "arch/arch_config.hpp"
#include "numerics/errors.hpp"
#include "sweep/expression.hpp"

namespace tactus::sweep {
namespace {

constexpr std::size_t most_values = 1'000'000;

/// The key under which get() knows a value that set() takes under `key`.
std::string canonical_key(const std::string& key) {
  return key == "mem.beats_per_cycle" ? "mem.cycles_per_beat" : key;
}

/// The canonical text of a value; throws BadInput as set() does.
std::string canonical(const std::string& key, const std::string& value) {
  ArchConfig probe;
  set(probe, key, value);
  return get(probe, canonical_key(key));
}

std::optional<std::string> accepted(const std::string& key, const std::string& value) {
  try {
    return canonical(key, value);
  } catch (const BadInput&) {
    return std::nullopt;
  }
}

/// Splits at `x` into one value a key, so that every key accepts its own: `x` may be part of one.
bool split_coupled(const std::vector<std::string>& keys, std::size_t key, const std::string& text,
                   std::vector<std::string>& out) {
  if (key + 1 == keys.size()) {
    const auto value = accepted(keys[key], trimmed(text));
    if (value) out.push_back(*value);
    return value.has_value();
  }
  for (std::size_t at = text.find('x'); at != std::string::npos; at = text.find('x', at + 1)) {
    const auto value = accepted(keys[key], trimmed(text.substr(0, at)));
    if (!value) continue;
    out.push_back(*value);
    if (split_coupled(keys, key + 1, text.substr(at + 1), out)) return true;
    out.pop_back();
  }
  return false;
}

struct Range {
  std::int64_t first = 0, last = 0, step = 1;
  bool factor = false;
};

/// Empty for a text that is no range; throws BadInput for one that makes no sense.
std::optional<Range> range_of(const std::string& text) {
  const auto dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto bad = [&](const std::string& why) -> BadInput {
    return BadInput("range " + text + " " + why + "; write FIRST..LAST, FIRST..LAST+STEP or " +
                    "FIRST..LAST*FACTOR");
  };
  Range range;
  std::string rest = text.substr(dots + 2);
  const auto sign = rest.find_first_of("*+");
  if (sign != std::string::npos) {
    range.factor = rest[sign] == '*';
    const auto step = whole_number(trimmed(rest.substr(sign + 1)));
    if (!step) throw bad("has no whole number behind " + rest.substr(sign, 1));
    range.step = *step;
    rest = rest.substr(0, sign);
  }
  const auto first = whole_number(trimmed(text.substr(0, dots)));
  const auto last = whole_number(trimmed(rest));
  if (!first || !last) throw bad("does not run between two whole numbers");
  range.first = *first;
  range.last = *last;
  if (range.first > range.last) throw bad("runs downwards");
  if (range.step < (range.factor ? 2 : 1) || (range.factor && range.first < 1)) {
    throw bad("never reaches its end");
  }
  return range;
}

void add_range(const Range& range, const std::string& key, Axis& axis) {
  for (std::int64_t v = range.first; v <= range.last;) {
    if (axis.values.size() >= most_values) throw BadInput("has more than 1000000 values");
    axis.values.push_back({canonical(key, std::to_string(v))});
    if (range.factor ? v > range.last / range.step : v > range.last - range.step) break;
    v = range.factor ? v * range.step : v + range.step;
  }
}

}  // namespace

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string> comma_list(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

Axis parse_axis(const std::string& keys, const std::string& values) {
  Axis axis;
  std::vector<std::string> given = comma_list(keys);
  for (const auto& key : given) {
    if (key.empty()) throw BadInput("has an empty key");
    axis.keys.push_back(canonical_key(key));
    if (is_layer_key(key)) continue;  // its name is checked with its first value
    static_cast<void>(get(ArchConfig{}, axis.keys.back()));
  }
  for (const auto& item : comma_list(values)) {
    if (item.empty()) throw BadInput("has an empty value");
    if (axis.keys.size() == 1) {
      if (const auto range = range_of(item)) {
        add_range(*range, given[0], axis);
      } else {
        axis.values.push_back({canonical(given[0], item)});
      }
      continue;
    }
    std::vector<std::string> parts;
    if (!split_coupled(given, 0, item, parts)) {
      throw BadInput("value " + item + " is not " + std::to_string(given.size()) +
                     " values joined by x that " + keys + " accept in this order");
    }
    axis.values.push_back(std::move(parts));
  }
  std::vector<std::vector<std::string>> sorted = axis.values;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    std::string text;
    for (const auto& part : *twice) text += (text.empty() ? "" : "x") + part;
    throw BadInput("has the value " + text + " twice");
  }
  return axis;
}

}  // namespace tactus::sweep
