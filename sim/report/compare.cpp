// SPDX-License-Identifier: Apache-2.0
#include "report/compare.hpp"

#include <algorithm>

#include "report/text_table.hpp"

namespace tactus {
namespace {

std::optional<ComparedLayer> find(const ComparedRun& run, const std::string& id) {
  for (const auto& [name, layer] : run.layers) {
    if (name == id) return layer;
  }
  return std::nullopt;
}

std::string change(double a, double b) {
  if (a == b) return "=";
  if (a == 0) return "new";
  return (b > a ? "+" : "") + fixed((b - a) / a * 100, 1) + "%";
}

}  // namespace

RunComparison compare_runs(ComparedRun a, ComparedRun b) {
  RunComparison result;
  for (const auto& [id, layer] : a.layers) result.layers.push_back({id, layer, find(b, id)});
  for (const auto& [id, layer] : b.layers) {
    if (!find(a, id)) result.layers.push_back({id, std::nullopt, layer});
  }
  result.a = std::move(a);
  result.b = std::move(b);
  return result;
}

std::string to_text(const RunComparison& c, int columns) {
  const bool wide = columns >= 120;
  TextTable table;
  table.column("layer", wide ? 28 : 20, true);
  table.column("cycles a", 10);
  table.column("cycles b", 10);
  table.column("change", 8);
  if (wide) {
    table.column("stalled a", 10);
    table.column("stalled b", 10);
  }
  table.column("energy a", 9);
  table.column("energy b", 9);
  table.column("change", 8);
  const auto add = [&](const std::string& id, const std::optional<ComparedLayer>& a,
                       const std::optional<ComparedLayer>& b) {
    const auto cycles = [](const std::optional<ComparedLayer>& x) {
      return x ? fitted(x->cycles, 10) : "-";
    };
    const auto stalls = [](const std::optional<ComparedLayer>& x) {
      return x ? fitted(x->stalls, 10) : "-";
    };
    const auto energy = [](const std::optional<ComparedLayer>& x) {
      return x ? energy_text(x->energy_pj) : "-";
    };
    std::vector<std::string> row{id, cycles(a), cycles(b)};
    row.push_back(a && b ? change(static_cast<double>(a->cycles), static_cast<double>(b->cycles))
                         : "-");
    if (wide) {
      row.push_back(stalls(a));
      row.push_back(stalls(b));
    }
    row.push_back(energy(a));
    row.push_back(energy(b));
    row.push_back(a && b ? change(a->energy_pj, b->energy_pj) : "-");
    table.row(row);
  };
  for (const LayerDelta& d : c.layers) add(d.id, d.a, d.b);
  add("total", c.a.total, c.b.total);
  return "a: " + c.a.file + " (" + c.a.model_name + ", " + c.a.backend + ")\nb: " + c.b.file +
         " (" + c.b.model_name + ", " + c.b.backend + ")\n\n" + table.text();
}

}  // namespace tactus
