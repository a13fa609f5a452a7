// SPDX-License-Identifier: Apache-2.0
// Random tile-op programs over several back ends and a naive executor of the contract.
// usage: tactus_oplevel [--count N] [--seed S] [--preset NAME] [--backends fast,systemc,rtl]
//                       [--kinds ws,os,nm,multi,bundle,bipolar,pack,transposed,fill,pool,add,
//                                elementwise,tflite_add,rows]
//                       [--set section.key=value]... [--vary none|host|all] [--shrink 0|1]
//                       [--backpressure SEED] [--coverage 0|1] [--fault N]
// --vary: keys drawn per program; default all, with rtl host. --backpressure: the rtl's memory
// ports stand still now and then, its cycles are not compared. --coverage: counts of what was run.
// --fault: a seeded fault, in builds that have them. Exit code 1 for a difference.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "backend/retire_checker.hpp"
#include "draft.hpp"
#include "fast/fast_backend.hpp"
#include "naive_machine.hpp"
#include "naive_timing.hpp"
#include "numerics/errors.hpp"
#include "program/operand_layout.hpp"
#include "shrink.hpp"
#ifdef TACTUS_WITH_SYSTEMC
#include "systemc/systemc_backend.hpp"
#endif
#ifdef TACTUS_WITH_RTL
#include "rtl_host/rtl_backend.hpp"
#endif

namespace {

using tactus::oplevel::Draft;

struct Options {
  std::uint64_t count = 100, seed = 1, backpressure = 0;
  bool coverage = false;
  int fault = 0;
  std::string preset = "flex_4", vary;
  std::vector<std::string> backends{"fast", "systemc"};
  std::vector<std::pair<std::string, std::string>> keys;
  tactus::oplevel::Kinds kinds = tactus::oplevel::all_kinds();
  bool shrink = true;
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  std::stringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) out.push_back(item);
  return out;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw tactus::BadInput(name + " needs a value");
    const std::string value = argv[i + 1];
    if (name == "--count") {
      options.count = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--seed") {
      options.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--preset") {
      options.preset = value;
    } else if (name == "--backends") {
      options.backends = split(value);
    } else if (name == "--kinds") {
      options.kinds.clear();
      for (const auto& kind : split(value)) {
        if (tactus::oplevel::all_kinds().count(kind) == 0) {
          throw tactus::BadInput("there is no kind " + kind);
        }
        options.kinds.insert(kind);
      }
    } else if (name == "--vary") {
      options.vary = value;
    } else if (name == "--backpressure") {
      options.backpressure = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--fault") {
      options.fault = std::atoi(value.c_str());
    } else if (name == "--coverage") {
      options.coverage = value != "0";
    } else if (name == "--shrink") {
      options.shrink = value != "0";
    } else if (name == "--set" && value.find('=') != std::string::npos) {
      options.keys.emplace_back(value.substr(0, value.find('=')),
                                value.substr(value.find('=') + 1));
    } else {
      throw tactus::BadInput("option " + name + " is unknown");
    }
  }
  if (options.vary.empty()) {
    options.vary = "all";
    for (const auto& name : options.backends) {
      if (name == "rtl") options.vary = "host";
    }
  }
  return options;
}

std::unique_ptr<tactus::Backend> make(const std::string& name) {
  if (name == "fast") return tactus::make_fast_backend();
#ifdef TACTUS_WITH_SYSTEMC
  if (name == "systemc") return tactus::make_systemc_backend();
#endif
#ifdef TACTUS_WITH_RTL
  if (name == "rtl") return tactus::make_rtl_backend();
#endif
  throw tactus::BadInput("this build has no back end " + name);
}

tactus::ArchConfig configuration(const Options& options, std::uint64_t seed) {
  tactus::ArchConfig config = tactus::preset(options.preset);
  const auto apply_keys = [&] {
    for (const auto& [key, value] : options.keys) tactus::set(config, key, value);
  };
  apply_keys();
  if (options.vary != "none") tactus::oplevel::vary(config, seed, options.vary == "all");
  apply_keys();
  tactus::validate(config);
  return config;
}

/// The first difference of a back end to the naive executor; empty when all agree with it and so
/// with each other.
std::string difference(const tactus::Program& program, const tactus::ArchConfig& config,
                       const std::vector<std::unique_ptr<tactus::Backend>>& backends,
                       const Options& options, tactus::EventCounts* events = nullptr) {
  tactus::RunResult naive = tactus::oplevel::run_naive(program, config);
  tactus::oplevel::set_naive_cycles(program, config, naive);
  if (events != nullptr) {
    for (const auto& record : naive.retired) *events += record.events;
  }
  tactus::RunOptions limit;
  limit.watchdog_cycles = 200000;
  limit.backpressure_seed = options.backpressure;
  limit.fault = options.fault;
  for (const auto& backend : backends) {
    const std::string name = backend->name();
    tactus::RunResult run;
    try {
      run = backend->run(program, config, program.image, limit);
    } catch (const std::exception& e) {
      return name + " throws: " + e.what();
    }
    tactus::CompareOptions what;
    what.timing = options.backpressure == 0 || name != "rtl";
    const auto found = tactus::compare(program, naive, "naive executor", run, name, what);
    if (found) return found.text;
  }
  return {};
}

/// What --coverage counts of an op.
void count_features(const tactus::TileOp& op, const tactus::ArchConfig& config,
                    std::map<std::string, std::uint64_t>& features) {
  if (const auto* compute = std::get_if<tactus::ComputeOp>(&op.body)) {
    const auto layout = tactus::operand_layout(*compute, config.hw_operand_bits);
    const std::string mode = compute->dataflow == 1 ? "compute os" : "compute ws";
    ++features[mode];
    if (layout.sparse()) ++features[mode + ", N:M"];
    if (compute->accumulate != 0) ++features[mode + ", accumulate"];
    if (compute->act_bipolar + compute->wgt_bipolar > 0) ++features[mode + ", bipolar"];
    ++features["A" + std::to_string(layout.act_bits) + "W" + std::to_string(layout.wgt_bits)];
  } else if (const auto* post = std::get_if<tactus::PostOp>(&op.body)) {
    ++features["post mode " + std::to_string(post->mode)];
    if (post->transposed != 0) ++features["post, transposed"];
    if (post->dst_log2_pack + post->dst_log2_bundle > 0) ++features["post, packed"];
  } else if (const auto* store = std::get_if<tactus::StoreOp>(&op.body)) {
    if (store->transposed != 0) ++features["store, transposed"];
    if (store->log2_pack + store->log2_bundle > 0) ++features["store, packed"];
  } else if (const auto* load = std::get_if<tactus::LoadOp>(&op.body)) {
    if (load->log2_pack + load->log2_bundle > 0) ++features["load, packed"];
  }
}

int run(const Options& options) {
  std::vector<std::unique_ptr<tactus::Backend>> backends;
  for (const auto& name : options.backends) backends.push_back(make(name));
  std::uint64_t done = 0, refused = 0, ops = 0;
  std::map<std::string, std::uint64_t> features;
  tactus::EventCounts events;
  for (std::uint64_t attempt = 0; done < options.count; ++attempt) {
    const std::uint64_t seed = options.seed + attempt;
    const tactus::ArchConfig config = configuration(options, seed);
    const Draft draft = tactus::oplevel::random_draft(config, seed, options.kinds);
    tactus::Program program;
    try {
      program = tactus::oplevel::build(draft, config);
    } catch (const std::exception& e) {
      if (++refused <= 3) std::cout << "seed " << seed << " refused: " << e.what() << "\n";
      if (refused > 20 + done / 2) {
        std::cout << "too many programs are refused\n";
        return 1;
      }
      continue;
    }
    ++done;
    ops += program.ops.size();
    for (const auto& op : program.ops) count_features(op, config, features);
    const std::string found = difference(program, config, backends, options, &events);
    if (found.empty()) continue;
    std::cout << "preset " << options.preset << " seed " << seed << " (repeat with --seed " << seed
              << " --count 1): " << found << "\n";
    for (const auto& [key, value] : tactus::effective(config)) {
      if (value != tactus::get(tactus::preset(options.preset), key)) {
        std::cout << "  " << key << "=" << value << "\n";
      }
    }
    if (options.shrink) {
      const auto text = [&](const Draft& d) -> std::string {
        try {
          return difference(tactus::oplevel::build(d, config), config, backends, options);
        } catch (const std::exception&) {
          return {};
        }
      };
      const Draft least =
          tactus::oplevel::shrink(draft, config, [&](const Draft& d) { return !text(d).empty(); });
      std::cout << "smaller: " << text(least) << "\n";
      for (const auto& op : tactus::oplevel::build(least, config).ops) {
        std::cout << "  " << tactus::disassemble(op) << "\n";
      }
    }
    return 1;
  }
  std::cout << options.preset << ": " << done << " programs, " << ops << " ops, 0 differences ("
            << refused << " refused by the validator)\n";
  if (!options.coverage) return 0;
  for (const auto& [name, number] : features) std::cout << "  " << name << ": " << number << "\n";
  for (std::size_t e = 0; e < tactus::event_count; ++e) {
    std::cout << "  " << tactus::event_text[e].name << ": " << events.count[e] << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& e) {
    std::cerr << "tactus_oplevel: " << e.what() << "\n";
    return 2;
  }
}
