// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "report/report.hpp"
#include "report/text_table.hpp"

namespace tactus {
namespace {

struct Cause {
  const char* name;
  Cycle Stalls::*cycles;
};
constexpr std::array<Cause, 6> causes{{{"ifmap", &Stalls::ifmap},
                                       {"weight", &Stalls::weight},
                                       {"param", &Stalls::param},
                                       {"psum", &Stalls::psum},
                                       {"store", &Stalls::store},
                                       {"token", &Stalls::token}}};

std::string largest_cause(const Stalls& stalls) {
  const auto* best = std::max_element(
      causes.begin(), causes.end(),
      [&](const Cause& a, const Cause& b) { return stalls.*a.cycles < stalls.*b.cycles; });
  return stalls.total() == 0 ? "-" : best->name;
}

std::string percent(double fraction) { return fixed(fraction * 100, 1); }

std::string narrow_table(const RunReport& report) {
  TextTable table;
  table.column("layer", 20, true);
  table.column("op", 10, true);
  table.column("cycles", 10);
  table.column("stalled", 9);
  table.column("mostly", 7, true);
  table.column("util%", 6);
  table.column("energy", 10);
  Stalls all;
  for (const LayerRow& row : report.layers) {
    if (!row.fused_into.empty()) {
      table.row({row.id, row.op, "(fused)"});
      continue;
    }
    all += row.stalls;
    table.row({row.id, row.op, fitted(row.cycles, 10), fitted(row.stalls.total(), 9),
               largest_cause(row.stalls), percent(row.utilization), energy_text(row.energy.value)});
  }
  table.row({"total", "", fitted(report.cycles, 10), fitted(all.total(), 9), largest_cause(all),
             percent(report.utilization), energy_text(report.energy.value)});
  return table.text();
}

std::string wide_table(const RunReport& report) {
  TextTable table;
  table.column("layer", 20, true);
  table.column("op", 10, true);
  table.column("cycles", 9);
  table.column("compute", 9);
  for (const Cause& cause : causes) table.column(cause.name, 7);
  table.column("util%", 5);
  table.column("energy", 9);
  const auto cells = [](const std::string& id, const std::string& op, Cycle cycles, Cycle compute,
                        const Stalls& stalls, double util, double energy) {
    std::vector<std::string> out{id, op, fitted(cycles, 9), fitted(compute, 9)};
    for (const Cause& cause : causes) out.push_back(fitted(stalls.*cause.cycles, 7));
    out.push_back(percent(util));
    out.push_back(energy_text(energy));
    return out;
  };
  Stalls all;
  Cycle compute = 0;
  for (const LayerRow& row : report.layers) {
    if (!row.fused_into.empty()) {
      table.row({row.id, row.op, "(fused)"});
      continue;
    }
    all += row.stalls;
    compute += row.compute_cycles;
    table.row(cells(row.id, row.op, row.cycles, row.compute_cycles, row.stalls, row.utilization,
                    row.energy.value));
  }
  table.row(
      cells("total", "", report.cycles, compute, all, report.utilization, report.energy.value));
  return table.text();
}

/// `label` in a column of its own, then the text.
std::string fact(const std::string& label, const std::string& text) {
  return label + std::string(label.size() < 10 ? 10 - label.size() : 1, ' ') + text + "\n";
}

std::string verdict(std::optional<bool> equal) {
  return !equal ? "-" : *equal ? "equal" : "DIFFER";
}

}  // namespace

std::string accumulator_line(const AccumulatorNeeds& needs) {
  const auto widest = [&](auto bits) {
    return std::max_element(needs.begin(), needs.end(), [&](const auto& a, const auto& b) {
      return bits(a.second) < bits(b.second);
    });
  };
  if (needs.empty()) return {};
  const auto proven = widest([](const AccumulatorNeed& n) { return n.worst_case_bits; });
  const auto seen = widest([](const AccumulatorNeed& n) { return n.data_bits.value_or(0); });
  return std::to_string(proven->second.worst_case_bits) + " bits for any input (" + proven->first +
         "), " +
         (seen->second.data_bits
              ? std::to_string(*seen->second.data_bits) + " seen (" + seen->first + ")"
              : "by data: --accumulators on");
}

std::string to_text(const RunReport& report, int columns) {
  std::string out;
  out += fact("model", report.identity.model_name);
  out += fact("backend", report.identity.backend);
  out += fact("config", report.config_hash.substr(0, 16));
  if (report.cycles != 0) {
    out += "\n" + (columns >= 120 ? wide_table(report) : narrow_table(report)) + "\n";
    std::string cycles = std::to_string(report.cycles) + ", " +
                         fixed(report.seconds_at_clock * 1e3, 3) + " ms at the clock";
    if (report.inferences > 1) {
      cycles += ", " + std::to_string(report.inferences) + " inferences, first " +
                std::to_string(report.cycles_first) + ", steady " +
                std::to_string(report.cycles_steady);
    }
    out += fact("cycles", cycles);
    out += fact("energy", energy_text(report.energy.value) + " [" + energy_text(report.energy.lo) +
                              " .. " + energy_text(report.energy.hi) + "], counts x table " +
                              report.energy_table);
    out += fact("off-chip", std::to_string(report.bytes_read) + " bytes read, " +
                                std::to_string(report.bytes_written) + " written");
    if (report.events[Event::acc_overflow] != 0) {
      out += fact("overflows", std::to_string(report.events[Event::acc_overflow]));
    }
  } else {
    out += fact("inputs", std::to_string(report.inferences));
  }
  const std::string accumulators = accumulator_line(report.accumulators);
  if (!accumulators.empty()) out += fact("accumul.", accumulators);
  if (report.outputs) {
    const OutputComparison& o = *report.outputs;
    out += fact("golden", o.mismatches == 0
                              ? std::to_string(o.compared) + " values compared, all equal"
                              : std::to_string(o.mismatches) + " of " + std::to_string(o.compared) +
                                    " values differ, the first:");
    if (!o.first_mismatch.empty()) out += fact("", o.first_mismatch);
  }
  if (report.accuracy) {
    const Accuracy& a = *report.accuracy;
    out += fact("accuracy", std::to_string(a.correct) + " of " + std::to_string(a.count) + " (" +
                                fixed(a.top1() * 100, 2) + " %)");
  }
  std::string host = fixed(report.wall_seconds, 3) + " s";
  if (report.cycles != 0 && report.wall_seconds > 0) {
    const double rate = static_cast<double>(report.cycles) / report.wall_seconds;
    host += ", " + fitted(static_cast<std::uint64_t>(rate), 7) + " cycles per second";
  }
  return out + fact("host", host);
}

std::string to_text(const CheckReport& report, int columns) {
  std::string out = to_text(report.run, columns) + "\n";
  TextTable table;
  table.column("a", 10, true);
  table.column("b", 10, true);
  table.column("outputs", 8, true);
  table.column("cycles", 8, true);
  table.column("events", 8, true);
  for (const PairResult& p : report.pairs) {
    table.row(
        {p.a, p.b, verdict(p.outputs_equal), verdict(p.cycles_equal), verdict(p.events_equal)});
  }
  out += table.text();
  for (const PairResult& p : report.pairs) {
    if (!p.first_difference.empty()) {
      out += "\n" + p.a + " and " + p.b + ": " + p.first_difference + "\n";
      if (p.finding) out += "\n" + to_text(*p.finding, columns);
    }
  }
  if (!report.pairs.empty() && report.equal()) {
    const bool timed =
        std::any_of(report.pairs.begin(), report.pairs.end(),
                    [](const PairResult& p) { return p.cycles_equal && p.events_equal; });
    out += timed ? "\nAll outputs, all retire cycles and all event counts agree.\n"
                 : "\nAll outputs agree.\n";
  }
  return out;
}

}  // namespace tactus
