// SPDX-License-Identifier: Apache-2.0
// The rules that tell kinds of mistakes apart, on patterns made by hand.
#include <doctest/doctest.h>

#include "report/finding.hpp"
#include "triage/classify.hpp"
#include "triage/requant_steps.hpp"
#include "triage/tokens.hpp"

using namespace tactus;
using namespace tactus::triage;

namespace {

Plane plane(std::int64_t channels, std::vector<std::int64_t> values) {
  const auto pixels = static_cast<std::int64_t>(values.size()) / channels;
  return {channels, pixels, std::move(values)};
}

FaultClass results(const Plane& expected, const Plane& actual) {
  return classify_results({expected, actual, 4, 0, 15}).fault_class;
}

/// A unit with products activation * weight on top of `carried`.
struct Unit {
  std::vector<std::int64_t> activation{3, -2, 5, 7}, weight{2, -3, 1};
  std::int64_t carried_value = 10;

  [[nodiscard]] Plane sums() const {
    Plane p{
        static_cast<std::int64_t>(weight.size()), static_cast<std::int64_t>(activation.size()), {}};
    for (const std::int64_t w : weight) {
      for (const std::int64_t a : activation) p.values.push_back(carried_value + w * a);
    }
    return p;
  }
  [[nodiscard]] UnitVerdict against(const Plane& actual) const {
    const Plane expected = sums();
    Plane carried = expected;
    for (auto& v : carried.values) v = carried_value;
    UnitEvidence e{expected, actual, carried};
    e.acc_min = -1000;
    e.acc_max = 1000;
    e.activation = activation;
    e.weight = weight;
    e.rows = 2;
    e.neighbour = [this](std::size_t m, int dc, int dy, int dx) -> std::optional<std::int64_t> {
      const auto at = static_cast<std::int64_t>(m) + dx;
      if (dc != 0 || dy != 0) return std::nullopt;
      if (at < 0 || at >= static_cast<std::int64_t>(activation.size())) return 0;
      return activation[static_cast<std::size_t>(at)];
    };
    e.other_weight = [](std::size_t c, std::int64_t distance) -> std::optional<std::int64_t> {
      if (distance == -2) return static_cast<std::int64_t>(c) + 20;
      if (distance == 1) return static_cast<std::int64_t>(c) + 40;
      return std::nullopt;
    };
    return classify_unit(e);
  }
};

}  // namespace

TEST_CASE("wrong results are told apart by their pattern") {
  const Plane right = plane(2, {3, 7, 15, 0, 9, 12, 15, 4});
  CHECK(results(right, plane(2, {4, 7, 15, 0, 9, 11, 15, 4})) == FaultClass::rounding);
  CHECK(results(right, plane(2, {3, 7, 14, 0, 9, 12, 14, 4})) == FaultClass::saturation);
  CHECK(results(right, plane(2, {5, 9, 15, 2, 11, 14, 15, 6})) == FaultClass::zero_point);
  CHECK(results(right, plane(2, {7, 15, 0, 0, 9, 12, 15, 4})) == FaultClass::index);
  CHECK(results(right, plane(2, {3, 12, 15, 9, 0, 7, 15, 4})) == FaultClass::ordering);
  CHECK(results(right, plane(2, {3, 7, 15, 0, 1, 12, 15, 12})) == FaultClass::lost_bit);
  CHECK(results(right, plane(2, {3, 2, 15, 2, 2, 12, 2, 4})) == FaultClass::stale_value);
  CHECK(results(right, plane(2, {3, 5, 15, 0, 1, 13, 15, 4})) == FaultClass::unknown);
  CHECK(results(right, right) == FaultClass::unknown);
  const Plane with_signs = plane(1, {-3, 4, -5, 6});
  CHECK(classify_results({with_signs, plane(1, {13, 4, 11, 6}), 4, std::nullopt, std::nullopt})
            .fault_class == FaultClass::sign);
  CHECK(classify_results({with_signs, plane(1, {3, -4, 5, -6}), 4, std::nullopt, std::nullopt})
            .fault_class == FaultClass::sign);
}

TEST_CASE("a wrong activation is seen in all columns of its pixel") {
  const Unit unit;
  const auto with = [&](std::vector<std::int64_t> activation) {
    Unit other = unit;
    other.activation = std::move(activation);
    return unit.against(other.sums());
  };
  CHECK(with({4, -1, 6, 8}).fault_class == FaultClass::zero_point);
  CHECK(with({-3, 2, -5, -7}).fault_class == FaultClass::sign);
  CHECK(with({-2, 5, 7, 7}).fault_class == FaultClass::index);  // the next pixel's
  CHECK(with({3, -2, 0, 0}).fault_class == FaultClass::stale_value);
  CHECK(with({3, -2, 0, 0}).operand == WrongOperand::activation);
  CHECK(with({3, -2, 0, 0}).entries == std::vector<std::size_t>{2, 3});
  CHECK(with({3, 14, 5, 7}).fault_class == FaultClass::index);
}

TEST_CASE("a wrong weight is seen in all pixels of its column") {
  const Unit unit;
  const auto with = [&](std::vector<std::int64_t> weight) {
    Unit other = unit;
    other.weight = std::move(weight);
    return unit.against(other.sums());
  };
  CHECK(with({2, 0, 1}).fault_class == FaultClass::stale_value);
  CHECK(with({2, 0, 1}).operand == WrongOperand::weight);
  CHECK_FALSE(with({2, 0, 1}).whole_row);
  CHECK(with({20, 21, 22}).fault_class == FaultClass::stale_value);  // of the fold before
  CHECK(with({40, 41, 42}).fault_class == FaultClass::index);        // of the next unit
  CHECK(with({40, 41, 42}).whole_row);
  CHECK(with({2, 3, 1}).fault_class == FaultClass::sign);
}

TEST_CASE("sums that no operand explains") {
  const Unit unit;
  Plane actual = unit.sums();
  actual.values[5] -= 16;
  CHECK(unit.against(actual).fault_class == FaultClass::lost_bit);
  actual = unit.sums();
  for (const std::size_t i : {std::size_t{2}, std::size_t{6}, std::size_t{10}}) {
    actual.values[i] -= unit.carried_value;
  }
  CHECK(unit.against(actual).fault_class == FaultClass::accumulation);
  actual = unit.sums();
  actual.values[7] = 1000;
  CHECK(unit.against(actual).fault_class == FaultClass::saturation);
  actual = unit.sums();
  std::swap(actual.values[0], actual.values[7]);
  CHECK(unit.against(actual).fault_class == FaultClass::ordering);
}

TEST_CASE("binary values are two's complement") {
  CHECK(binary(-3, 4) == "1101");
  CHECK(binary(5, 8) == "00000101");
  CHECK(binary(0, 1) == "0");
}

TEST_CASE("a finding fits the terminal") {
  Finding f;
  f.fault_class = FaultClass::index;
  f.reason = std::string(40, 'a') + " " + std::string(60, 'b') + " " + std::string(30, 'c');
  f.op = FoundOp{Queue::compute, 3, "000_stem", "compute compute layer=0 " + std::string(50, 'x')};
  f.element = FoundElement{"000_stem", 0, 1, 2, 3};
  f.expected = -3;
  f.actual = 5;
  f.bits = 24;
  for (const int columns : {80, 120}) {
    const std::string text = to_text(f, columns);
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      CHECK(end - begin <= static_cast<std::size_t>(columns));
      begin = end + 1;
    }
    CHECK(text.find("0b111111111111111111111101") != std::string::npos);
    CHECK(text.find("n,c,y,x = 0,1,2,3") != std::string::npos);
  }
}

namespace {

/// Two compute ops wait for one post op each; posts wait for the compute op before.
Program token_program() {
  Program p;
  p.layers.resize(1);
  p.layers[0].id = "000_layer";
  const auto add = [&](auto body, unsigned wait, unsigned push) {
    TileOp op;
    op.wait = static_cast<std::uint8_t>(wait);
    op.push = static_cast<std::uint8_t>(push);
    op.body = body;
    p.ops.push_back(op);
  };
  constexpr unsigned compute = 2, post = 4;
  add(ComputeOp{}, 0, post);
  add(PostOp{}, compute, compute);
  add(ComputeOp{}, post, post);
  add(PostOp{}, compute, compute);
  add(ComputeOp{}, post, post);
  add(PostOp{}, compute, 0);
  return p;
}

RetireRecord record(Queue queue, std::uint32_t seq, Cycle start, Cycle cycle) {
  RetireRecord r;
  r.queue = queue;
  r.seq = seq;
  r.start = start;
  r.cycle = cycle;
  return r;
}

}  // namespace

TEST_CASE("a lost token is found from the retire stream") {
  const Program p = token_program();
  const std::vector<RetireRecord> expected{
      record(Queue::compute, 0, 1, 10),  record(Queue::compute, 1, 21, 30),
      record(Queue::compute, 2, 41, 50), record(Queue::post, 0, 11, 20),
      record(Queue::post, 1, 31, 40),    record(Queue::post, 2, 51, 60)};
  // The first token from post is lost: compute op 1 never starts.
  const std::vector<RetireRecord> stuck{record(Queue::compute, 0, 1, 10),
                                        record(Queue::post, 0, 11, 20)};
  const auto lost = find_lost_token(p, expected, stuck);
  REQUIRE(lost);
  CHECK(lost->from == Queue::post);
  CHECK(lost->to == Queue::compute);
  CHECK(lost->first == 1);
  CHECK(lost->last == 1);
  CHECK(lost->pushed_by == 1);
  CHECK(lost->waited_by == 2);
  CHECK_FALSE(lost->start);
  CHECK(describe(*lost, p).find("never started") != std::string::npos);

  // Nothing is lost when an op is late because the one before it took longer.
  std::vector<RetireRecord> slow = expected;
  slow[3].cycle = 25;
  for (const std::size_t i : {1U, 2U, 4U, 5U}) {
    slow[i].start += 5;
    slow[i].cycle += 5;
  }
  CHECK_FALSE(find_lost_token(p, expected, slow));
  CHECK_FALSE(find_lost_token(p, expected, expected));
}

TEST_CASE("requantisation by steps ends where the convention says") {
  Layer layer;
  layer.id = "000_layer";
  layer.requant.convention = Convention::mul_shift;
  layer.requant.rounding = Rounding::half_even;
  layer.requant.mult = {3};
  layer.requant.add = {1};
  layer.requant.shift = {2};
  layer.requant.clamp_min = -8;
  layer.requant.clamp_max = 7;
  std::vector<Step> steps;
  CHECK(requantise_steps(layer, 0, 10, steps) == 7);  // (30 + 1) / 4 = 7.75, 8, clamped
  REQUIRE(steps.size() == 4);
  CHECK(steps[0].name == "product");
  CHECK(steps[0].value == 30);
  CHECK(steps[1].value == 31);
  CHECK(steps[2].name == "round_shift");
  CHECK(steps[2].value == 8);
  CHECK(steps[3].name == "clamp");
  Tweak floor;
  floor.rounding = static_cast<std::int64_t>(Rounding::floor);
  layer.requant.clamp_max = 100;
  CHECK(requantise_steps(layer, 0, 10, steps, floor) == 7);
}
