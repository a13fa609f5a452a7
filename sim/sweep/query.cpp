// SPDX-License-Identifier: Apache-2.0
#include "sweep/query.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "numerics/errors.hpp"
#include "sweep/axis.hpp"
#include "sweep/database.hpp"
#include "sweep/expression.hpp"

namespace tactus::sweep {
namespace {

std::optional<double> number_of(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

class Asking {
 public:
  Asking(const std::string& path, const Query& query) : db_(open_sweep(path, Sqlite::Mode::read)) {
    answer_.database = path;
    answer_.tool = meta(db_, "tool");
    answer_.query = query;
    Statement axes(db_, "SELECT key FROM axes WHERE axis > 0 AND position = 0 ORDER BY axis, key");
    while (axes.step()) keys_.push_back(axes.text(0));
    if (query.kind == Query::Kind::pareto && query.objectives.empty()) {
      answer_.query.objectives = comma_list(meta(db_, "objectives"));
    }
    for (const auto& name : answer_.query.objectives) wanted_.push_back(find_objective(name));
  }

  Answer answer() {
    read();
    if (answer_.query.kind == Query::Kind::best) sort_by_first();
    if (answer_.query.kind == Query::Kind::pareto) {
      keep_front();
      sort_by_first();
    }
    answer_.matched = answer_.rows.size();
    const std::uint64_t top = answer_.query.top;
    if (top > 0 && answer_.rows.size() > top) answer_.rows.resize(top);
    return std::move(answer_);
  }

 private:
  void read() {
    std::optional<Expression> where;
    if (!answer_.query.where.empty()) where.emplace(answer_.query.where);
    Statement query(db_, "SELECT * FROM results ORDER BY point");
    for (int i = 0; i < query.columns(); ++i) {
      answer_.columns.push_back(query.column_name(i));
      place_[answer_.columns.back()] = static_cast<std::size_t>(i);
    }
    // The order of the columns is that of the spec.
    for (const auto& name : answer_.columns) {
      if (std::find(keys_.begin(), keys_.end(), name) != keys_.end()) {
        answer_.axis_keys.push_back(name);
      }
    }
    std::vector<Value> row(answer_.columns.size());
    while (query.step()) {
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = query.value(static_cast<int>(i));
      if (where && !where->holds([&](const std::string& name) { return look_up(row, name); })) {
        continue;
      }
      const auto measured = [&](const Objective& o) { return number_of(cell(row, o)).has_value(); };
      if (!wanted_.empty() && std::get<std::string>(row[place_.at("status")]) != "ok") continue;
      if (std::all_of(wanted_.begin(), wanted_.end(), measured)) answer_.rows.push_back(row);
    }
  }

  [[nodiscard]] const Value& cell(const std::vector<Value>& row, const Objective& o) const {
    return row[place_.at(o.column)];
  }

  [[nodiscard]] Expression::Found look_up(const std::vector<Value>& row,
                                          const std::string& name) const {
    auto column = place_.find(name);
    for (const auto& objective : objectives()) {
      if (name == objective.name) column = place_.find(objective.column);
    }
    if (column == place_.end()) {
      if (name == "true" || name == "false") return {true, std::int64_t{name == "true"}};
      if (name.find('.') != std::string::npos) {
        throw BadInput("--where: the sweep has no column " + name);
      }
      return {};
    }
    const Value& value = row[column->second];
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return {true, *whole};
    if (const auto* real = std::get_if<double>(&value)) return {true, *real};
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return {true, std::nullopt};
    if (*text == "true" || *text == "false") return {true, std::int64_t{*text == "true"}};
    return {true, *text};
  }

  /// Smaller is better.
  [[nodiscard]] std::vector<double> scores(const std::vector<Value>& row) const {
    std::vector<double> out;
    for (const auto& o : wanted_) {
      const double x = number_of(cell(row, o)).value_or(std::numeric_limits<double>::infinity());
      out.push_back(o.larger_is_better ? -x : x);
    }
    return out;
  }

  void sort_by_first() {
    std::vector<std::pair<std::vector<double>, std::size_t>> order;
    for (std::size_t i = 0; i < answer_.rows.size(); ++i) {
      order.emplace_back(scores(answer_.rows[i]), i);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::vector<Value>> rows;
    rows.reserve(order.size());
    for (const auto& entry : order) rows.push_back(std::move(answer_.rows[entry.second]));
    answer_.rows = std::move(rows);
  }

  void keep_front() {
    std::vector<std::vector<double>> all;
    all.reserve(answer_.rows.size());
    for (const auto& row : answer_.rows) all.push_back(scores(row));
    std::vector<std::vector<Value>> rows;
    for (const std::size_t i : pareto_front(all)) rows.push_back(std::move(answer_.rows[i]));
    answer_.rows = std::move(rows);
  }

  Sqlite db_;
  Answer answer_;
  std::vector<std::string> keys_;
  std::vector<Objective> wanted_;
  std::map<std::string, std::size_t> place_;
};

}  // namespace

std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // In this order nobody is dominated by a later point.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  std::vector<std::size_t> front;
  const auto dominates = [&](std::size_t a, std::size_t b) {
    bool better = false;
    for (std::size_t k = 0; k < points[a].size(); ++k) {
      if (points[a][k] > points[b][k]) return false;
      better = better || points[a][k] < points[b][k];
    }
    return better;
  };
  for (const std::size_t i : order) {
    const auto beats = [&](std::size_t f) { return dominates(f, i); };
    if (std::none_of(front.rbegin(), front.rend(), beats)) front.push_back(i);
  }
  std::sort(front.begin(), front.end());
  return front;
}

Answer ask(const std::string& database, const Query& query) {
  return Asking(database, query).answer();
}

}  // namespace tactus::sweep
