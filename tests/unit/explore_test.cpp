// SPDX-License-Identifier: Apache-2.0
// Design points against runs of the fast back end: every figure of the JSON must be the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "explore_points.hpp"
#include "synth/synth.hpp"

using namespace tactus;
using namespace tactus::explore_test;

namespace {

/// Changes some keys at random, host keys more often than others.
ArchConfig vary(ArchConfig config, Random& random) {
  const auto some = [&](int one_in) { return random.in(1, one_in) == 1; };
  if (some(2)) config.mem_latency_cycles = random.in(1, 300);
  if (some(2)) config.mem_cycles_per_beat = random.in(1, 8);
  if (some(6)) config.mem_ideal = true;
  if (some(3)) config.mem_burst_beats = 1 << random.in(0, 6);
  if (some(3)) config.hw_clock_mhz = random.in(100, 2000);
  if (some(3)) config.hw_queue_depth = 2 << random.in(0, 2);
  if (some(4)) config.hw_segment_ops = 8 << random.in(0, 4);
  if (some(3)) config.hw_zero_gating = !config.hw_zero_gating;
  if (some(4)) config.hw_fold_overlap = !config.hw_fold_overlap;
  if (some(3)) config.hw_acc_bits = random.in(12, 48);
  constexpr const char* policies[] = {"wrap", "saturate", "error"};
  if (some(3)) config.hw_acc_overflow = policies[random.in(0, 2)];
  if (some(4)) config.buf_ifmap_kib = std::max<std::int64_t>(1, config.buf_ifmap_kib / 2);
  if (some(4)) config.buf_weight_kib *= 2;
  if (some(4)) config.buf_psum_kib = std::max<std::int64_t>(1, config.buf_psum_kib / 2);
  if (some(4)) config.buf_ofmap_kib *= 2;
  if (some(5)) config.map_skip_zero = !config.map_skip_zero;
  if (some(5)) config.map_residency = !config.map_residency;
  if (some(5)) config.map_tile_rows = random.in(0, 3);
  if (some(5)) config.map_dataflow = config.map_dataflow == "ws" ? "auto" : "ws";
  return config;
}

/// Points that could be run.
int compare_points(const Workload& work, const ArchConfig& base, std::uint64_t seed, int count) {
  const EnergyTable& table = default_energy_table();
  PointTimer timer(work, table);
  Random random(seed);
  int good = 0;
  for (int i = 0; i < count; ++i) {
    const ArchConfig config = i == 0 ? base : vary(base, random);
    const std::string expected = run(work, config);
    CAPTURE(i);
    REQUIRE(first_difference(timed(timer, config), expected) == "");
    good += expected.front() == '{' ? 1 : 0;
    // Once more, now from what is known.
    REQUIRE(first_difference(timed(timer, config), expected) == "");
  }
  return good;
}

}  // namespace

TEST_CASE("points of random layers are those of runs") {
  int good = 0, cases = 0;
  for (const char* name : {"tiny_4", "flex_4", "flex_8", "flex_4_w16", "edge_8", "gemmini_16"}) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
      CAPTURE(std::string(name));
      CAPTURE(seed);
      try {
        const Job job = property::Case(name, 1000 + seed, {}, true).job();
        good += compare_points(job.workload, job.config, seed, 8);
        ++cases;
      } catch (const BadInput&) {
        // Not every random layer fits its hardware.
      }
    }
  }
  CHECK(cases > 50);
  CHECK(good > 300);
}

TEST_CASE("points of whole networks are those of runs") {
  SynthOptions options;
  options.image = 32;
  for (const char* name : {"resnet18", "mobilenet_v1"}) {
    CAPTURE(std::string(name));
    Workload work;
    work.network = make_named(name, options);
    work.inferences = {random_inference(work.network)};
    CHECK(compare_points(work, preset("edge_16"), 5, 6) > 2);
  }
}

TEST_CASE("a network with products of activations and softmax is exact where these are") {
  SynthOptions options;
  options.image = 32;
  Workload work;
  work.network = make_named("vit_tiny", options);
  work.inferences = {random_inference(work.network)};
  const EnergyTable& table = default_energy_table();
  PointTimer timer(work, table);
  std::vector<ArchConfig> configs(3, preset("edge_16"));
  configs[1].hw_array_rows = 8;
  configs[1].hw_array_cols = 32;
  configs[1].hw_acc_overflow = "saturate";
  configs[2] = preset("edge_8");
  configs[2].buf_ifmap_kib = 256;
  configs[2].hw_acc_bits = 28;
  std::vector<std::vector<std::int32_t>> outputs;
  for (const ArchConfig& config : configs) {
    CHECK(timer.numeric_key(config) == "exact");
    CHECK(first_difference(timed(timer, config), run(work, config)) == "");
    Job job;
    job.workload = work;
    job.config = config;
    job.program = lower_network(work.network, config);
    job.energy = table;
    job.observer = [&](const std::string&, const RunResult& result) {
      outputs.push_back(
          read_tensor(job.program, work.network, result.memory, work.network.outputs.at(0)).data);
    };
    (void)run_job(job, "fast", quiet);
  }
  REQUIRE(outputs.size() == 3);
  CHECK(outputs[0] == outputs[1]);
  CHECK(outputs[0] == outputs[2]);
  // Too narrow for the products of the perceptrons' 768 inputs.
  configs[0].hw_acc_bits = 20;
  CHECK(timer.numeric_key(configs[0]) != "exact");
}

TEST_CASE("what does not matter is not computed again") {
  Workload work;
  work.network = make_gemm(40, 24, 64, {});
  work.inferences = {random_inference(work.network)};
  const EnergyTable& table = default_energy_table();
  PointTimer timer(work, table);
  ArchConfig config = preset("edge_8");
  const Cycle cycles = timer.time(config).cycles;
  CHECK(timer.counts().lowerings == 1);
  CHECK(timer.counts().value_runs == 1);
  config.hw_clock_mhz = 77;
  config.hw_acc_overflow = "saturate";
  config.hw_acc_bits -= 1;
  config.mem_burst_beats = 2;
  CHECK(timer.time(config).cycles == cycles);
  CHECK(timer.counts().lowerings == 1);
  CHECK(timer.counts().plans == 1);
  CHECK(timer.counts().schedules == 1);
  CHECK(timer.counts().value_runs == 1);
  config.mem_latency_cycles += 1;
  CHECK(timer.time(config).cycles > cycles);
  CHECK(timer.counts().plans == 2);
  CHECK(timer.counts().schedules == 2);
  CHECK(timer.counts().value_runs == 1);
  CHECK(timer.counts().points == 3);
}

TEST_CASE("equal numeric keys mean equal tensors") {
  int variants = 0, points = 0;
  for (const char* name : {"tiny_4", "flex_4", "flex_8"}) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(std::string(name));
      CAPTURE(seed);
      std::map<std::string, std::vector<std::uint8_t>> outputs;
      try {
        Job job = property::Case(name, 2000 + seed, {}, true).job();
        const EnergyTable& table = default_energy_table();
        PointTimer timer(job.workload, table);
        Random random(seed);
        for (int i = 0; i < 12; ++i) {
          ArchConfig config = vary(job.config, random);
          if (i % 2 == 0) config.hw_acc_bits = random.in(12, 20);
          if (config.hw_acc_overflow == "error") config.hw_acc_overflow = "wrap";
          std::string key;
          try {
            key = timer.numeric_key(config);
          } catch (const BadInput&) {
            continue;
          }
          job.config = config;
          job.program = lower_network(job.workload.network, config);
          std::vector<std::uint8_t> memory;
          job.observer = [&](const std::string&, const RunResult& result) {
            for (const auto& id : job.workload.network.outputs) {
              for (const std::int32_t value :
                   read_tensor(job.program, job.workload.network, result.memory, id).data) {
                for (int byte = 0; byte < 4; ++byte) {
                  memory.push_back(static_cast<std::uint8_t>(value >> (8 * byte)));
                }
              }
            }
          };
          (void)run_job(job, "fast", quiet);
          const auto [it, is_new] = outputs.emplace(key, memory);
          REQUIRE(it->second == memory);
          variants += is_new ? 1 : 0;
          ++points;
        }
      } catch (const BadInput&) {
      }
    }
  }
  CHECK(variants > 30);
  CHECK(points > variants);
}
