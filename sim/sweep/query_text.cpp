// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "report/text_table.hpp"
#include "sweep/query.hpp"

namespace tactus::sweep {
namespace {

/// One column of the table that is shown.
struct Shown {
  std::string title;
  std::size_t place = 0;  ///< in Answer::columns
  std::size_t width = 0;
  bool left = false;
};

class Table {
 public:
  Table(const Answer& answer, std::size_t columns) : answer_(answer), room_(columns) {}

  std::string text() {
    static_cast<void>(add("point", "point", false));
    if (answer_.query.kind == Query::Kind::list) static_cast<void>(add("status", "status", true));
    if (several("model")) static_cast<void>(add("model", "model", true));
    for (const auto& name : answer_.query.objectives) objective(find_objective(name));
    std::vector<std::string> missing;
    for (const auto& key : answer_.axis_keys) {
      const bool text = is_text(key);
      if (!add(room_ < 100 ? key.substr(key.rfind('.') + 1) : key, key, text)) {
        missing.push_back(key);
      }
    }
    for (const auto& other : objectives()) objective(other);
    std::string out = rows();
    if (answer_.query.kind == Query::Kind::list) out += reasons();
    if (!missing.empty()) out += missing_line(missing);
    return out;
  }

 private:
  [[nodiscard]] std::size_t place(const std::string& column) const {
    const auto it = std::find(answer_.columns.begin(), answer_.columns.end(), column);
    return static_cast<std::size_t>(it - answer_.columns.begin());
  }

  [[nodiscard]] bool several(const std::string& column) const {
    const std::size_t p = place(column);
    return std::any_of(answer_.rows.begin(), answer_.rows.end(),
                       [&](const auto& row) { return row[p] != answer_.rows.front()[p]; });
  }

  [[nodiscard]] bool is_text(const std::string& column) const {
    const std::size_t p = place(column);
    return !answer_.rows.empty() && std::holds_alternative<std::string>(answer_.rows.front()[p]);
  }

  static std::string cell(const std::string& column, const Value& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      if (column == "traffic_bytes" || column == "storage_bytes") {
        return fitted(static_cast<std::uint64_t>(*whole), 8);
      }
      return std::to_string(*whole);
    }
    if (const auto* real = std::get_if<double>(&value)) {
      if (column == "energy_pj") return energy_text(*real);
      if (column == "accuracy") return fixed(*real * 100, 2) + "%";
      if (column == "seconds_at_clock") return fixed(*real * 1e3, 4) + " ms";
      return fixed(*real, 4);
    }
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? "-" : *text;
  }

  /// False when there is no room for it.
  bool add(const std::string& title, const std::string& column, bool left) {
    const std::size_t p = place(column);
    std::size_t width = title.size();
    for (const auto& row : answer_.rows) {
      width = std::max(width, std::min<std::size_t>(16, cell(column, row[p]).size()));
    }
    if (used_ + width + (shown_.empty() ? 0 : 1) > room_) return false;
    used_ += width + (shown_.empty() ? 0 : 1);
    shown_.push_back({title, p, width, left});
    return true;
  }

  void objective(const Objective& o) {
    const std::size_t p = place(o.column);
    for (const auto& s : shown_) {
      if (s.place == p) return;
    }
    const bool known = std::any_of(answer_.rows.begin(), answer_.rows.end(),
                                   [&](const auto& row) { return row[p].index() != 0; });
    if (known) static_cast<void>(add(o.name, o.column, false));
  }

  [[nodiscard]] std::string rows() const {
    TextTable table;
    for (const auto& s : shown_) table.column(s.title, s.width, s.left);
    for (const auto& row : answer_.rows) {
      std::vector<std::string> cells;
      for (const auto& s : shown_) cells.push_back(cell(answer_.columns[s.place], row[s.place]));
      table.row(cells);
    }
    return table.text();
  }

  /// The reasons of points that are not ok, each once.
  [[nodiscard]] std::string reasons() const {
    std::vector<std::string> seen;
    std::string out;
    const std::size_t p = place("reason");
    for (const auto& row : answer_.rows) {
      const auto* reason = std::get_if<std::string>(&row[p]);
      if (reason == nullptr || std::find(seen.begin(), seen.end(), *reason) != seen.end()) continue;
      if (seen.size() == 10) return out + "and more reasons: --json shows them\n";
      seen.push_back(*reason);
      const std::string head = "point " + cell("point", row[place("point")]) + ": ";
      out += wrapped(head + *reason);
    }
    return out.empty() ? out : "\n" + out;
  }

  [[nodiscard]] std::string missing_line(const std::vector<std::string>& missing) const {
    std::string names;
    for (const auto& name : missing) names += (names.empty() ? "" : ", ") + name;
    return "\n" + wrapped("not shown: " + names + " (a wider terminal or --json shows them)");
  }

  /// Broken at spaces into lines of the table's width.
  [[nodiscard]] std::string wrapped(std::string text) const {
    std::string out;
    while (text.size() > room_) {
      std::size_t cut = text.rfind(' ', room_);
      if (cut == std::string::npos || cut < 4) cut = room_;
      out += text.substr(0, cut) + "\n";
      text = "  " + text.substr(text[cut] == ' ' ? cut + 1 : cut);
    }
    return out + text + "\n";
  }

  const Answer& answer_;
  std::size_t room_, used_ = 0;
  std::vector<Shown> shown_;
};

}  // namespace

std::string to_text(const Answer& answer, int columns) {
  std::string text;
  if (answer.rows.empty()) {
    text = "no point fits\n";
  } else {
    text = Table(answer, static_cast<std::size_t>(columns)).text();
  }
  if (answer.rows.size() < answer.matched) {
    text +=
        std::to_string(answer.rows.size()) + " of " + std::to_string(answer.matched) + " points\n";
  }
  return text;
}

std::string to_text(const SweepSummary& s, const std::string& database) {
  std::string text = database + ": " + std::to_string(s.ok + s.invalid + s.excluded + s.failed) +
                     " of " + std::to_string(s.points) + " points: " + std::to_string(s.ok) + " ok";
  if (s.invalid > 0) text += ", " + std::to_string(s.invalid) + " invalid";
  if (s.excluded > 0) text += ", " + std::to_string(s.excluded) + " excluded";
  if (s.failed > 0) text += ", " + std::to_string(s.failed) + " failed";
  text += "\n" + std::to_string(s.evaluated) + " evaluated in " + fixed(s.seconds, 1) + " s";
  if (s.evaluated > 0) {
    text += " (" + fixed(static_cast<double>(s.evaluated) / std::max(s.seconds, 1e-3), 0) + "/s)";
  }
  if (s.variants > 0) text += ", " + std::to_string(s.variants) + " numeric variants";
  if (s.audits > 0) text += ", " + std::to_string(s.audits) + " audits";
  text += ", largest process " + std::to_string(s.peak_kib / 1024) + " MiB\n";
  if (!s.difference.empty()) text += "audit: " + s.difference + "\n";
  if (s.stopped) text += "stopped; --resume continues\n";
  return text;
}

}  // namespace tactus::sweep
