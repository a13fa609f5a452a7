// SPDX-License-Identifier: Apache-2.0
// The SystemC model and the fast back end run the same lowered networks: every cycle, digest,
// event and memory byte must be equal.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "backend/retire_checker.hpp"
#include "fast/fast_backend.hpp"
#include "lower/lower.hpp"
#include "synth/synth.hpp"
#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

std::string first_difference(const Network& network, const ArchConfig& config, unsigned seed) {
  const Program program = lower_network(network, config);
  std::vector<std::uint8_t> memory = program.image;
  std::minstd_rand random(seed);
  for (const NetworkInput& input : network.inputs) {
    const TensorPlace& place = *program.find_tensor(input.name);
    for (int c = 0; c < place.c; ++c) {
      for (int y = 0; y < place.h; ++y) {
        for (int x = 0; x < place.w; ++x) {
          const std::uint64_t address =
              place.address + static_cast<std::uint64_t>(c) * place.plane_stride +
              static_cast<std::uint64_t>(y) * place.line_stride + static_cast<std::uint64_t>(x);
          memory[address] = static_cast<std::uint8_t>(random() >> 8);
        }
      }
    }
  }
  const RunResult fast = make_fast_backend()->run(program, config, memory, {});
  const RunResult systemc = make_systemc_backend()->run(program, config, memory, {});
  return compare(program, fast, "fast", systemc, "systemc").text;
}

}  // namespace

TEST_CASE("random products on random hardware agree with the fast back end") {
  std::mt19937 random(11);
  const auto pick = [&](std::initializer_list<std::int64_t> choices) {
    return choices.begin()[random() % choices.size()];
  };
  for (unsigned i = 0; i < 40; ++i) {
    ArchConfig c = small_arch();
    c.hw_array_rows = pick({4, 8, 16});
    c.hw_array_cols = pick({4, 8, 16});
    c.hw_post_lanes = pick({2, 4});
    c.hw_queue_depth = pick({2, 4, 8});
    c.hw_segment_ops = pick({8, 16, 64});
    c.hw_acc_bits = pick({14, 18, 32});
    c.hw_acc_overflow = pick({0, 1}) != 0 ? "saturate" : "wrap";
    c.hw_fold_overlap = pick({0, 1}) != 0;
    c.mem_latency_cycles = pick({1, 7, 40});
    c.mem_cycles_per_beat = pick({1, 2, 5});
    c.mem_burst_beats = pick({1, 4, 16});
    const int m = static_cast<int>(1 + random() % 60);
    const int n = static_cast<int>(1 + random() % 40);
    const int k = static_cast<int>(1 + random() % 70);
    SynthOptions options;
    options.seed = i + 1;
    CAPTURE(i);
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    std::string difference;
    REQUIRE_NOTHROW(difference = first_difference(make_gemm(m, n, k, options), c, i + 1));
    CHECK(difference == "");
  }
}

TEST_CASE("a residual network agrees with the fast back end") {
  SynthOptions options;
  options.image = 32;
  const Network network = make_resnet18(options);
  for (const bool overlap : {true, false}) {
    ArchConfig c;
    c.buf_param_kib = 64;
    c.hw_fold_overlap = overlap;
    CHECK(first_difference(network, c, 5) == "");
  }
}
