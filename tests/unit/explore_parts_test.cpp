// SPDX-License-Identifier: Apache-2.0
// Programs that are put together from parts known before, against runs of the whole program.
#include <doctest/doctest.h>

#include <string>

#include "explore_points.hpp"
#include "synth/synth.hpp"

using namespace tactus;
using namespace tactus::explore_test;

namespace {

/// Only keys that leave the possible cuts alone, so that parts of programs are used again.
ArchConfig vary_memory(ArchConfig config, Random& random) {
  constexpr std::int64_t latencies[] = {1, 10, 40, 80, 200, 1000};
  config.mem_latency_cycles = latencies[random.in(0, 5)];
  config.mem_cycles_per_beat = random.in(1, 6);
  config.hw_queue_depth = 2 << random.in(0, 2);
  if (random.in(0, 2) == 0) config.hw_acc_bits = random.in(26, 34);
  // Segments begin elsewhere; what is cut off the end counts too.
  if (random.in(0, 4) == 0) config.hw_segment_ops = 8 << random.in(0, 5);
  return config;
}

Workload workload_of(Network network) {
  Workload work;
  work.network = std::move(network);
  work.inferences = {random_inference(work.network)};
  return work;
}

}  // namespace

TEST_CASE("points of programs from known parts are those of runs") {
  struct Case {
    const char* network;
    int image;
    const char* preset;
  };
  for (const Case& c : {Case{"resnet18", 32, "edge_16"}, Case{"mobilenet_v3", 32, "edge_16"},
                        Case{"tiny_yolov3", 32, "flex_8"}, Case{"fsrcnn", 12, "flex_8"},
                        Case{"vit_tiny", 32, "server_64"}}) {
    CAPTURE(std::string(c.network));
    SynthOptions options;
    options.image = c.image;
    const Workload work = workload_of(make_named(c.network, options));
    const EnergyTable& table = default_energy_table();
    PointTimer timer(work, table);
    Random random(11);
    int good = 0;
    for (int i = 0; i < 7; ++i) {
      const ArchConfig config = vary_memory(preset(c.preset), random);
      const std::string expected = run(work, config);
      CAPTURE(i);
      REQUIRE(first_difference(timed(timer, config), expected) == "");
      good += expected.front() == '{' ? 1 : 0;
    }
    CHECK(good >= 5);
  }
}

TEST_CASE("points share programs only with points that have the same ones") {
  for (const char* name : {"resnet18", "mobilenet_v3", "tiny_yolov3", "vit_tiny"}) {
    CAPTURE(std::string(name));
    SynthOptions options;
    options.image = 32;
    const Workload work = workload_of(make_named(name, options));
    const EnergyTable& table = default_energy_table();
    PointOptions no_values;
    no_values.value_events = false;
    PointTimer together(work, table, no_values);
    Random random(23);
    int good = 0;
    for (int i = 0; i < 60; ++i) {
      CAPTURE(i);
      ArchConfig config = vary_memory(preset("edge_16"), random);
      config.buf_ifmap_kib = 16 * random.in(1, 12);
      config.buf_weight_kib = 16 * random.in(1, 8);
      config.buf_psum_kib = 16 * random.in(1, 6);
      config.buf_param_kib = 4 * random.in(1, 4);
      if (random.in(0, 3) == 0) config.buf_ofmap_kib = 16 * random.in(2, 12);
      if (random.in(0, 5) == 0) config.map_dataflow = "ws";
      if (random.in(0, 5) == 0) config.map_residency = !config.map_residency;
      PointTimer alone(work, table, no_values);
      const std::string expected = timed(alone, config);
      REQUIRE(first_difference(timed(together, config), expected) == "");
      good += expected.front() == '{' ? 1 : 0;
    }
    CHECK(good > 20);
    CHECK(together.counts().lowerings < 60);
  }
}

TEST_CASE("layers with known cuts are not lowered again") {
  SynthOptions options;
  options.image = 64;
  const Workload work = workload_of(make_named("resnet18", options));
  const EnergyTable& table = default_energy_table();
  PointOptions no_values;
  no_values.value_events = false;
  PointTimer timer(work, table, no_values);
  ArchConfig config = preset("edge_16");
  (void)timer.time(config);
  const std::uint64_t first = timer.counts().layers_lowered;
  CHECK(first > 20);
  config.hw_queue_depth = 16;
  (void)timer.time(config);
  CHECK(timer.counts().lowerings == 2);
  CHECK(timer.counts().layers_lowered == first);
  for (const std::int64_t latency : {10, 20, 80, 150, 300, 600}) {
    config.mem_latency_cycles = latency;
    (void)timer.time(config);
  }
  CHECK(timer.counts().lowerings > 4);
  CHECK(timer.counts().layers_lowered > first);
  CHECK(timer.counts().layers_lowered < first + (timer.counts().lowerings - 2) * first / 2);
}

TEST_CASE("a point without a retire for long is refused as its run is") {
  const Workload work = workload_of(make_gemm(4, 16, 8192, {}));
  const EnergyTable& table = default_energy_table();
  PointTimer timer(work, table);
  ArchConfig config = preset("edge_16");
  config.mem_data_bits = 32;
  config.buf_weight_kib = 256;
  config.mem_cycles_per_beat = 1024;
  config.buf_weight_kib = 512;
  const std::string expected = run(work, config);
  CHECK(expected.find("watchdog") != std::string::npos);
  CHECK(timed(timer, config) == expected);
}
