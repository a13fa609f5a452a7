// SPDX-License-Identifier: Apache-2.0
// Specs of sweeps: expressions, axes, the order of points, and what errors say.
#include <doctest/doctest.h>

#include <set>

#include "numerics/errors.hpp"
#include "sweep/point_list.hpp"
#include "sweep/spec.hpp"

using namespace tactus;
using namespace tactus::sweep;

namespace {

bool holds(const std::string& text) {
  return Expression(text).holds([](const std::string& name) -> Expression::Found {
    if (name == "a") return {true, std::int64_t{7}};
    if (name == "b.c") return {true, std::int64_t{-2}};
    if (name == "kind") return {true, std::string("multi")};
    if (name == "half") return {true, 0.5};
    if (name == "none") return {true, std::nullopt};
    return {};
  });
}

std::string complaint(const std::string& text) {
  try {
    static_cast<void>(parse_spec(text, "x.ini", ""));
  } catch (const BadInput& e) {
    return e.what();
  }
  return "accepted";
}

bool says(const std::string& text, const std::vector<std::string>& words) {
  const std::string message = complaint(text);
  INFO(message);
  for (const auto& word : words) {
    if (message.find(word) == std::string::npos) return false;
  }
  return true;
}

std::vector<std::string> values(const std::string& key, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& position : parse_axis(key, text).values) out.push_back(position.at(0));
  return out;
}

using Texts = std::vector<std::string>;
const std::string models = "[models]\nm=m.h5\n";

}  // namespace

TEST_CASE("expressions have the usual strengths and whole numbers") {
  CHECK(holds("1 + 2 * 3 == 7"));
  CHECK(holds("(1 + 2) * 3 == 9"));
  CHECK(holds("10 - 3 - 2 == 5"));
  CHECK(holds("a / 2 == 3 && a % 2 == 1"));
  CHECK(holds("b.c * -3 == 6"));
  CHECK(holds("!(a < 7) && a <= 7"));
  CHECK(holds("0 || a"));
  CHECK_FALSE(holds("a > 7 || b.c > 0"));
  CHECK(holds("kind == multi"));
  CHECK(holds("kind != fixed"));
  CHECK(holds("half * 2 == 1"));
  CHECK(holds("half < 0.75"));
}

TEST_CASE("a division by 0 and a missing value make an expression false") {
  CHECK_FALSE(holds("a / (b.c + 2) >= 0"));
  CHECK_FALSE(holds("!(1 % 0)"));
  CHECK_FALSE(holds("none < 5"));
  CHECK_FALSE(holds("none >= 5"));
  CHECK(holds("1 || none"));
}

TEST_CASE("bad expressions are refused") {
  for (const char* text : {"", "1 +", "(1", "1 2", "a == == 1", "1x", "&& 1", "a ? 1", "1)"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Expression{text}, BadInput);
  }
  CHECK_THROWS_AS(holds("word + 1 > 0"), BadInput);
  CHECK_THROWS_AS(holds("kind == 1"), BadInput);
  CHECK_THROWS_AS(holds("9223372036854775807 + a > 0"), BadInput);
  CHECK_THROWS_AS(holds("4611686018427387904 * 2 > 0"), BadInput);
  CHECK_THROWS_AS(Expression(std::string(1000, '(')), BadInput);
}

TEST_CASE("ranges of an axis") {
  CHECK(values("buf.weight_kib", "16..256*2") == Texts{"16", "32", "64", "128", "256"});
  CHECK(values("buf.weight_kib", "3..30*3") == Texts{"3", "9", "27"});
  CHECK(values("mem.latency_cycles", "10..100+30") == Texts{"10", "40", "70", "100"});
  CHECK(values("mem.latency_cycles", "1..3, 9") == Texts{"1", "2", "3", "9"});
  CHECK(values("mem.latency_cycles", "5..5") == Texts{"5"});
  CHECK(values("hw.precision", "fixed, multi") == Texts{"fixed", "multi"});
  CHECK(values("hw.fold_overlap", "1, 0") == Texts{"true", "false"});
  CHECK(values("map.dataflow", "ws") == Texts{"ws"});
  CHECK(values("map.conv*.dataflow", "ws,os") == Texts{"ws", "os"});
}

TEST_CASE("coupled axes split at x even where x is part of a value") {
  const Axis axis = parse_axis("hw.array_rows, hw.precision,hw.array_cols", "8xfixedx16,4xmultix4");
  CHECK(axis.keys == Texts{"hw.array_rows", "hw.precision", "hw.array_cols"});
  CHECK(axis.values == std::vector<Texts>{{"8", "fixed", "16"}, {"4", "multi", "4"}});
  CHECK(parse_axis("mem.beats_per_cycle", "1/4,1").keys == Texts{"mem.cycles_per_beat"});
  CHECK(values("mem.beats_per_cycle", "1/4,1") == Texts{"4", "1"});
}

TEST_CASE("errors of a spec name file, line, key and value") {
  CHECK(says(models + "[axes]\nhw.arary_rows=8\n", {"x.ini:4", "hw.arary_rows=8", "not an arch"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=16,99\n", {"x.ini:4", "99", "12 to 48"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=16,16\n", {"x.ini:4", "value 16 twice"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=16,\n", {"x.ini:4", "empty value"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=32..16\n", {"downwards"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=16..32*1\n", {"16..32*1", "never"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=16..x\n", {"16..x"}));
  CHECK(says(models + "[axes]\nhw.array_rows,hw.array_cols=8x8,16\n", {"value 16", "2 values"}));
  CHECK(says(models + "[axes]\nhw.acc_bits=16\nhw.acc_bits,hw.clock_mhz=24x100\n",
             {"x.ini:5", "two axes"}));
  CHECK(says(models + "[set]\nhw.acc_bits=16\n[axes]\nhw.acc_bits=24\n", {"hw.acc_bits", "[set]"}));
  CHECK(says(models + "[constraints]\nc=hw.rows>1\n", {"x.ini:4", "hw.rows"}));
  CHECK(says(models + "[constraints]\nc=hw.acc_bits>\n", {"x.ini:4", "hw.acc_bits>"}));
  CHECK(says(models + "[constraints]\nc=array_rows>1\n", {"array_rows"}));
  CHECK(says(models + "[sweep]\nsampler=latin\n", {"x.ini:4", "latin"}));
  CHECK(says(models + "[sweep]\nsampler=random\n", {"samples"}));
  CHECK(says(models + "[sweep]\nsamples=5\n", {"samples=5", "random"}));
  CHECK(says(models + "[sweep]\nobjectives=cycles,speed\n", {"x.ini:4", "speed", "energy"}));
  CHECK(says(models + "[sweep]\npreset=edge_17\n", {"x.ini:4", "edge_17"}));
  CHECK(says(models + "[sweep]\ntarget=1\n", {"target=1"}));
  CHECK(says(models + "[sweep]\naccuracy=-1\n", {"accuracy=-1"}));
  CHECK(says(models + "[other]\nk=1\n", {"[other] k=1"}));
  CHECK(says("[axes]\nhw.acc_bits=16\n", {"[models]"}));
  CHECK(says("[models]\na b=m.h5\n", {"a b=m.h5", "label"}));
  CHECK(says(models + "[axes]\nmem.latency_cycles=1..100000\nmem.cycles_per_beat=1..1024\n",
             {"102400000 points", "random"}));
}

TEST_CASE("the grid has models first and the last axis fastest") {
  const Spec spec = parse_spec(
      "[sweep]\npreset=edge_8\n[models]\np=p.h5\nq=q.h5\n[axes]\nhw.acc_bits=16,24\n"
      "mem.latency_cycles=1..3\n[constraints]\nc=model==p || hw.acc_bits*mem.latency_cycles<50\n",
      "x.ini", "dir");
  CHECK(spec.models[0].file == "dir/p.h5");
  const PointList list(spec);
  REQUIRE(list.size() == 12);
  CHECK(list.model(5) == 0);
  CHECK(list.model(6) == 1);
  CHECK(list.positions(4) == std::vector<std::size_t>{1, 1});
  const ArchConfig config = list.config(10);
  CHECK(config.hw_acc_bits == 24);
  CHECK(config.mem_latency_cycles == 2);
  CHECK(config.hw_array_rows == 8);
  std::set<std::uint64_t> excluded;
  for (std::uint64_t p = 0; p < list.size(); ++p) {
    if (list.excluded_by(p, list.config(p)) != nullptr) excluded.insert(p);
  }
  CHECK(excluded == std::set<std::uint64_t>{11});  // q, 24 bits, latency 3
}

TEST_CASE("random samples are seeded, different, and allowed") {
  const auto text = [](const std::string& seed, const std::string& samples) {
    return "[sweep]\nsampler=random\nsamples=" + samples + "\nseed=" + seed + "\n" + models +
           "[axes]\nmem.latency_cycles=1..100000\nmem.cycles_per_beat=1..1024\n"
           "[constraints]\neven=mem.cycles_per_beat%2==0\n";
  };
  const auto draw = [&](const std::string& seed, const std::string& samples) {
    const Spec spec = parse_spec(text(seed, samples), "x.ini", "");
    const PointList list(spec);
    std::vector<std::vector<std::size_t>> out;
    std::uint64_t allowed = 0;
    for (std::uint64_t p = 0; p < list.size(); ++p) {
      out.push_back(list.positions(p));
      allowed += list.excluded_by(p, list.config(p)) == nullptr ? 1 : 0;
    }
    CHECK(allowed == std::stoull(samples));
    return out;
  };
  const auto first = draw("1", "300");
  CHECK(first == draw("1", "300"));
  CHECK(first != draw("2", "300"));
  CHECK(std::set<std::vector<std::size_t>>(first.begin(), first.end()).size() == first.size());
  // More samples continue the same sequence.
  const auto more = draw("1", "400");
  CHECK(std::vector<std::vector<std::size_t>>(more.begin(), more.begin() + 300) ==
        std::vector<std::vector<std::size_t>>(first.begin(), first.begin() + 300));
}

TEST_CASE("a sample as large as the grid is the grid in another order") {
  const Spec spec = parse_spec(
      "[sweep]\nsampler=random\nsamples=50\n" + models + "[axes]\nmem.latency_cycles=1..20\n",
      "x.ini", "");
  const PointList list(spec);
  REQUIRE(list.size() == 20);
  std::set<std::size_t> seen;
  for (std::uint64_t p = 0; p < 20; ++p) seen.insert(list.positions(p).at(0));
  CHECK(seen.size() == 20);
}

TEST_CASE("constraints that allow next to nothing end a random sample with a sentence") {
  const Spec spec = parse_spec("[sweep]\nsampler=random\nsamples=5\n" + models +
                                   "[axes]\nmem.latency_cycles=1..100000\n[constraints]\n"
                                   "c=mem.latency_cycles<1\n",
                               "x.ini", "");
  CHECK_THROWS_AS(PointList{spec}, BadInput);
}

TEST_CASE("shards") {
  CHECK(parse_shard("3/8").index == 3);
  CHECK(parse_shard("0/1").count == 1);
  for (const char* text : {"8/8", "1", "-1/4", "1/0", "a/b", "1/2/3", ""}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_shard(text)), BadInput);
  }
}
