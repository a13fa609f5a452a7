// SPDX-License-Identifier: Apache-2.0
// What a probe reads out of a back end is what the life of each element says it must be.
#include <doctest/doctest.h>

#include "fast/fast_backend.hpp"
#include "lower/lower.hpp"
#include "lower_network.hpp"
#include "program/validator.hpp"
#include "ref/reference.hpp"
#include "triage/element_life.hpp"
#include "triage/places.hpp"
#include "triage/probe.hpp"

using namespace tactus;
using namespace tactus::triage;

namespace {

/// A lowered network with an input and what the reference makes of it.
struct Setting {
  Network network;
  ArchConfig config;
  Program program;
  std::map<std::string, QTensor> tensors;
  std::vector<std::uint8_t> memory;

  Setting(Network net, const std::string& preset_name, const char* dataflow = "ws")
      : network(std::move(net)), config(preset(preset_name)) {
    config.map_dataflow = dataflow;
    check_network(network);
    program = lower_network(network, config);
    validate_program(program, config);
    std::map<std::string, QTensor> inputs;
    for (const NetworkInput& in : network.inputs) {
      QTensor t{in.shape, in.format, {}};
      std::int64_t v = 7;
      for (std::int64_t i = 0; i < in.shape.count(); ++i) {
        v = (v * 1103515245 + 12345) & 0x7FFFFFFF;
        t.data.push_back(static_cast<std::int32_t>(
            in.format.min() + v / 64 % (in.format.max() - in.format.min() + 1)));
      }
      inputs.emplace(in.name, std::move(t));
    }
    RefOptions options;
    options.acc_bits = static_cast<int>(config.hw_acc_bits);
    for (const auto& layer : program.layers) options.k_mapping[layer.id] = layer.k_mapping;
    tensors = run_reference(network, inputs, options);
    memory = program.image;
    place_inputs(program, inputs, memory);
    tensors.insert(inputs.begin(), inputs.end());
  }

  [[nodiscard]] Runner runner() const {
    return [this](const Program& p, std::vector<std::uint8_t> m) {
      validate_program(p, config);
      return make_fast_backend()->run(p, config, std::move(m), {});
    };
  }
};

/// Sum of an element's products in units below `end`, as units are numbered in the op.
std::int64_t sum_below(const ElementLife& life, std::int64_t end) {
  std::int64_t sum = 0;
  for (const LifeFold& fold : life.folds) {
    for (const LifeTerm& t : fold.terms) sum += t.unit < end ? t.product : 0;
  }
  return sum;
}

void check_psums(const Setting& s) {
  const Prober prober(s.program, s.config, s.memory);
  const Places places(s.program, s.network);
  const LifeSource source{s.network, s.config, s.program, s.tensors};
  int ops = 0;
  for (std::size_t op = 0; op < s.program.ops.size() && ops < 3; ++op) {
    const auto* compute = std::get_if<ComputeOp>(&s.program.ops[op].body);
    if (compute == nullptr || compute->k_complete == 0) continue;
    ++ops;
    const auto chain = psum_chain(s.program, op);
    const std::int64_t all = chain_units(s.program, chain);
    for (const std::int64_t units : {std::int64_t{1}, all / 2, all - 1, all}) {
      if (units < 1) continue;
      const auto probe = prober.psums(chain, units);
      REQUIRE(probe);
      const Plane psums = prober.run(*probe, s.runner());
      REQUIRE(psums.channels == compute->cols);
      for (std::int64_t c = 0; c < psums.channels; ++c) {
        for (std::int64_t m = 0; m < psums.pixels; m += 3) {
          const auto place = places.of_psum(op, {c, m});
          REQUIRE(place);
          const ElementLife life =
              element_life(source, place->tensor, 0, place->c, place->y, place->x);
          CHECK(psums.at(c, m) == sum_below(life, units));
        }
      }
    }
  }
  CHECK(ops > 0);
}

/// Results of post ops are the reference's tensor.
void check_results(const Setting& s) {
  const Prober prober(s.program, s.config, s.memory);
  const Places places(s.program, s.network);
  int ops = 0;
  for (std::size_t op = 0; op < s.program.ops.size(); ++op) {
    if (!std::holds_alternative<PostOp>(s.program.ops[op].body)) continue;
    const auto probe = prober.post_result(op);
    REQUIRE(probe);
    const Plane results = prober.run(*probe, s.runner());
    for (std::int64_t c = 0; c < results.channels; ++c) {
      for (std::int64_t p = 0; p < results.pixels; ++p) {
        const auto place = places.of_post(op, {c, p});
        if (!place) continue;  // the padding of a tile
        const QTensor& t = s.tensors.at(place->tensor);
        const std::int64_t flat =
            (std::int64_t{place->c} * t.shape.h + place->y) * t.shape.w + place->x;
        CHECK(results.at(c, p) == t.data.at(static_cast<std::size_t>(flat)));
        ++ops;
      }
    }
  }
  CHECK(ops > 0);
}

}  // namespace

TEST_CASE("partial sums of probes are those of the elements") {
  using testing::one_conv;
  using testing::random_weights;
  SUBCASE("dense 3x3") {
    check_psums({one_conv(3, 6, 6, 5, 3, 8, 8, random_weights(8)), "tiny_4"});
  }
  SUBCASE("strided") {
    check_psums({one_conv(5, 7, 7, 4, 3, 8, 8, random_weights(8), 1, 2), "tiny_4"});
  }
  SUBCASE("packed lanes") {
    check_psums({one_conv(8, 5, 5, 4, 3, 4, 4, random_weights(4)), "flex_4"});
  }
  SUBCASE("output-stationary") {
    check_psums({one_conv(6, 5, 5, 4, 3, 8, 8, random_weights(8)), "flex_4", "os"});
  }
}

TEST_CASE("results of probes are those of the reference") {
  using testing::one_conv;
  using testing::random_weights;
  check_results({one_conv(3, 6, 6, 5, 3, 8, 8, random_weights(8)), "tiny_4"});
  check_results({one_conv(4, 5, 5, 4, 1, 8, 8, random_weights(8)), "flex_4", "is"});
}
