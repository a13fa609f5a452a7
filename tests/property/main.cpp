// SPDX-License-Identifier: Apache-2.0
// Random layers over several back ends: any difference is a failure, which is made smaller.
// usage: tactus_property [--count N] [--seed S] [--presets a,b] [--backends ref,fast,...]
//                        [--set section.key=value]... [--fix knob=value]... [--explain 0|1]
// --explain prints why cases are impossible, and what the others have.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "case.hpp"
#include "numerics/errors.hpp"
#include "program/operand_layout.hpp"
#include "run/backends.hpp"

namespace {

using tactus::property::Case;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  std::stringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) out.push_back(item);
  return out;
}

/// Empty: all agree. nullopt: the case is impossible (does not fit, ...); `why` says why.
std::optional<std::string> verdict(const Case& c, const std::vector<std::string>& backends,
                                   std::string* why = nullptr) {
  std::optional<tactus::Job> job;
  try {
    job = c.job();
  } catch (const tactus::BadInput& e) {
    if (why != nullptr) *why = e.what();
    return std::nullopt;
  } catch (const std::exception& e) {
    return std::string("lowering: ") + e.what();
  }
  try {
    const auto report = tactus::check_job(*job, backends, [](const std::string&) {});
    for (const auto& pair : report.pairs) {
      if (!pair.equal()) return pair.a + " and " + pair.b + ": " + pair.first_difference;
    }
  } catch (const std::exception& e) {
    return std::string("run: ") + e.what();
  }
  return std::string();
}

/// What the programs of a run have, for --explain.
void count_features(const Case& c, std::map<std::string, int>& cases) {
  const tactus::Job job = c.job();
  std::set<std::string> found;
  for (const auto& op : job.program.ops) {
    const auto* compute = std::get_if<tactus::ComputeOp>(&op.body);
    if (compute == nullptr) continue;
    const auto layout = tactus::operand_layout(*compute, job.config.hw_operand_bits);
    found.insert(compute->dataflow == 1 ? "output-stationary" : "weight-stationary");
    if (layout.sparse()) {
      found.insert(std::to_string(layout.kept) + ":" + std::to_string(layout.candidates));
    }
    if (layout.sparse() && compute->dataflow == 1) found.insert("output-stationary N:M");
    if (layout.lanes > 1) found.insert(std::to_string(layout.lanes) + " lanes");
    if (layout.windows > 1) found.insert("windows");
    if (compute->wgt_bipolar != 0) found.insert("bipolar weights");
    if (compute->accumulate != 0) found.insert("accumulate");
  }
  for (const auto& layer : job.program.layers) {
    if (layer.k_mapping.line_phases > 1) found.insert("line phases");
    if (layer.k_mapping.chunk > 0) found.insert("chunks");
    if (layer.k_mapping.group > 1) found.insert("planes side by side");
  }
  for (const auto& name : found) ++cases[name];
}

/// Sets number after number to something simpler while the case still fails.
Case minimise(Case c, const std::vector<std::string>& backends) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const auto& knob : std::vector(c.knobs())) {
      for (const std::int64_t value :
           {knob.simplest, (knob.value + knob.simplest) / 2,
            knob.value > knob.simplest ? knob.value - 1 : knob.value + 1}) {
        if (knob.value == knob.simplest || value == c[knob.name]) continue;
        Case candidate = c;
        candidate.set(knob.name, value);
        const auto result = verdict(candidate, backends);
        if (!result || result->empty()) continue;
        c = candidate;
        smaller = true;
        break;
      }
    }
  }
  return c;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && (std::string(argv[1]) == "--help" || argc % 2 == 0)) {
    std::cout << "usage: tactus_property [--count N] [--seed S] [--presets a,b] [--backends a,b]\n"
                 "                       [--set section.key=value]... [--fix knob=value]...\n"
                 "                       [--explain 0|1]\n"
                 "Random layers over several back ends (default: 100 cases of tiny_4 on all). A\n"
                 "difference is made smaller and printed, exit code 1. --fix second=9 and\n"
                 "--fix tail=0..21 choose what stands behind the convolution of a case.\n";
    return std::string(argv[1]) == "--help" ? 0 : 2;
  }
  std::uint64_t count = 100, seed = 1;
  std::vector<std::string> presets{"tiny_4"}, backends = tactus::backend_names();
  Case::Overrides overrides;
  std::vector<std::pair<std::string, std::int64_t>> fixed;  // knobs of every case
  bool explain = false;
  std::map<std::string, int> features;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--count") count = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--presets") presets = split(argv[i + 1]);
    if (name == "--set") {
      const std::string pair = argv[i + 1];
      overrides.emplace_back(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
    }
    if (name == "--fix") {
      const std::string pair = argv[i + 1];
      fixed.emplace_back(pair.substr(0, pair.find('=')),
                         std::strtoll(pair.c_str() + pair.find('=') + 1, nullptr, 10));
    }
    if (name == "--explain") explain = std::string(argv[i + 1]) != "0";
    if (name == "--backends") backends = split(argv[i + 1]);
  }
  const bool elaborated = std::find(backends.begin(), backends.end(), "rtl") == backends.end();
  std::cout << "seed " << seed << "\n";
  std::uint64_t done = 0, impossible = 0;
  for (std::uint64_t attempt = 0; done < count; ++attempt) {
    if (impossible > 20 + attempt / 3) {
      std::cout << "too many impossible cases\n";
      return 1;
    }
    Case c(presets[attempt % presets.size()], seed * 1000003 + attempt, overrides, elaborated);
    for (const auto& [knob, value] : fixed) c.set(knob, value);
    std::string why;
    const auto result = verdict(c, backends, &why);
    if (!result) {
      ++impossible;
      if (explain) std::cout << "impossible: " << why << "\n";
      continue;
    }
    ++done;
    if (explain) count_features(c, features);
    if (result->empty()) continue;
    std::cout << "case " << attempt << " differs: " << *result << "\n  " << c.text() << "\n";
    const Case least = minimise(c, backends);
    std::cout << "smallest: " << verdict(least, backends).value_or("") << "\n  " << least.text()
              << "\n";
    return 1;
  }
  std::cout << done << " random cases, 0 differences (" << impossible
            << " impossible ones left out)\n";
  for (const auto& [name, cases] : features) std::cout << "  " << name << ": " << cases << "\n";
  return 0;
}
