// SPDX-License-Identifier: Apache-2.0
// Tables of cuts that configurations share, against tables made for each of them alone.
#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "../support/lower_network.hpp"
#include "lower/cut_keys.hpp"
#include "lower/layer_weights.hpp"
#include "lower/plan_table.hpp"

namespace tactus::lower {
namespace {

using testing::one_conv;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }
  template <typename T>
  T any(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(below(static_cast<int>(list.size())))];
  }

 private:
  std::mt19937 engine_;
};

Network random_layer(Random& random) {
  const int kernel = random.any<int>({1, 1, 3, 5});
  const int size = kernel + random.any<int>({0, 3, 12, 27});
  int groups = 1, in_c = random.any<int>({3, 16, 40, 96}), out_c = random.any<int>({8, 33, 64});
  const int kind = random.below(4);
  if (kind == 0) groups = in_c = out_c = random.any<int>({16, 48, 50});  // depthwise
  if (kind == 1) groups = 4, in_c = 24, out_c = 48;
  const int m = random.any<int>({0, 0, 4, 8}), n = m == 0 ? 0 : 1 + random.below(m);
  const bool sparse = m == 0 && random.below(2) == 0;
  return one_conv(
      in_c, size, size, out_c, kernel, 8, random.any<int>({2, 4, 8}),
      [&](std::int64_t o, std::int64_t c, std::int64_t, std::int64_t) -> int {
        if (m > 0) return (c + o) % m < n ? 1 : 0;
        // Whole folds without weights.
        return sparse && (c / 16 + o / 16) % 3 == 0 ? 0 : 1;
      },
      groups, random.any<int>({1, 2}));
}

ConvShape shape_of(const Network& net, const ArchConfig& config) {
  const Layer& layer = net.layers[0];
  const Shape in = net.inputs[0].shape;
  ConvShape s;
  s.in_c = in.c;
  s.in_h = in.h;
  s.in_w = in.w;
  s.out_c = layer.out_shape.c;
  s.out_h = layer.out_shape.h;
  s.out_w = layer.out_shape.w;
  s.groups = layer.groups;
  s.window = {layer.kernel_h,   layer.kernel_w,  layer.stride_h, layer.stride_w, 1, 1,
              layer.padding[0], layer.padding[1]};
  s.in = possible_layouts(net.inputs[0].format, config).back();
  s.out = smallest_layout(layer.out_format, config);
  return s;
}

/// Sets keys to one of their values each, with one chance in `of`.
struct Changer {
  ArchConfig& config;
  Random& random;
  void operator()(const char* key, const std::vector<std::string>& values, int of) const {
    if (random.below(of) == 0) set(config, key, random.any(values));
  }
};

/// A preset with other values of keys that all cuts depend on.
ArchConfig random_config(Random& random) {
  ArchConfig c = preset(random.any<std::string>({"edge_16", "flex_16", "edge_8"}));
  const Changer change{c, random};
  change("hw.fold_overlap", {"false"}, 6);
  change("hw.post_lanes", {"1", "4"}, 6);
  change("mem.data_bits", {"32", "128"}, 6);
  change("map.sparsity", {"dense"}, 6);
  change("map.skip_zero", {"false"}, 4);
  change("map.order", {"weights", "pixels"}, 6);
  change("map.objective", {"compute"}, 8);
  change("map.tile_rows", {"1", "3"}, 8);
  change("map.dataflow", {"ws", "is"}, 8);
  return c;
}

/// Other sizes of buffers, and other values of keys that no cut depends on.
ArchConfig with_buffers(ArchConfig c, Random& random) {
  const Changer change{c, random};
  change("buf.ifmap_kib", {"4", "9", "16", "40", "41", "96", "128"}, 2);
  change("buf.weight_kib", {"2", "3", "4", "8", "24", "64"}, 2);
  change("buf.index_kib", {"1", "2", "16"}, 3);
  change("buf.param_kib", {"2", "4", "8"}, 2);
  change("buf.psum_kib", {"2", "5", "16", "64"}, 2);
  change("buf.ofmap_kib", {"4", "16", "17", "128"}, 2);
  change("hw.acc_bits", {"20", "40"}, 3);
  change("hw.queue_depth", {"2", "16"}, 3);
  change("hw.segment_ops", {"8", "256"}, 3);
  change("mem.latency_cycles", {"1", "300"}, 3);
  change("map.residency", {"false"}, 3);
  return c;
}

/// All that a table answers, as text: plans for several memories, or why there is none.
std::string answers(const Network& net, const LayerWeights& weights, const ArchConfig& config,
                    CutMemory* memory) {
  std::string text;
  try {
    const ConvShape shape = shape_of(net, config);
    const Layer& layer = net.layers[0];
    PlanTable table = memory != nullptr
                          ? PlanTable(layer, weights, shape, config, *memory, mapping_key(config))
                          : PlanTable(layer, weights, shape, config);
    for (const MemoryTiming timing : {MemoryTiming{1, 1}, {40, 1}, {300, 4}, {7, 50}}) {
      const PlanTable::Choice choice = table.best(timing);
      const ConvPlan plan = table.plan(choice);
      text += plan.text() + ";";
      for (const std::int64_t v :
           {std::int64_t{choice.cut}, choice.cycles, plan.estimated_cycles, plan.macs_executed,
            plan.weight_chunk, plan.most_stored, std::int64_t{plan.params_whole},
            std::int64_t{plan.weights_whole}, plan.line_phases, plan.column_channels}) {
        text += " " + std::to_string(v);
      }
      for (const PixelTile& t : plan.pixels) {
        for (const std::int64_t v : {t.y0, t.x0, t.h, t.w}) text += "," + std::to_string(v);
      }
      for (const ColumnTile& t : plan.columns) {
        for (const UnitRun& r : t.runs) {
          text += " " + std::to_string(r.first) + "+" + std::to_string(r.count);
        }
      }
      text += "\n";
    }
  } catch (const BadInput& e) {
    text += e.what();
  }
  return text;
}

TEST_CASE("cuts: a shared table answers like one of its own") {
  Random random(11);
  std::uint64_t asked = 0, made = 0;
  for (int i = 0; i < 30; ++i) {
    const Network net = random_layer(random);
    CutMemory memory;
    std::vector<std::pair<std::string, std::shared_ptr<const LayerWeights>>> weights;
    const std::vector<ArchConfig> bases = {random_config(random), random_config(random)};
    for (int j = 0; j < 60; ++j) {
      const ArchConfig config = with_buffers(random.any(bases), random);
      CAPTURE(i);
      CAPTURE(j);
      const std::string seen =
          std::to_string(config.hw_array_cols) + " " + std::to_string(config.hw_edge_words);
      std::shared_ptr<const LayerWeights> own;
      for (const auto& [key, known] : weights) {
        if (key == seen) own = known;
      }
      if (!own) {
        own = std::make_shared<LayerWeights>(net.layers[0], shape_of(net, config), config);
        weights.emplace_back(seen, own);
      }
      CHECK(answers(net, *own, config, &memory) == answers(net, *own, config, nullptr));
      ++asked;
    }
    made += memory.made();
  }
  CHECK(made < asked * 3 / 4);
}

TEST_CASE("cuts: each size of a buffer by itself") {
  Random random(5);
  for (int i = 0; i < 12; ++i) {
    const Network net = random_layer(random);
    ArchConfig config = preset(i % 2 == 0 ? "edge_16" : "flex_16");
    const LayerWeights weights(net.layers[0], shape_of(net, config), config);
    CutMemory memory;
    std::uint64_t asked = 0;
    for (const char* key : {"buf.ifmap_kib", "buf.weight_kib", "buf.index_kib", "buf.param_kib",
                            "buf.psum_kib", "buf.ofmap_kib"}) {
      for (int kib = 1; kib <= 24; ++kib) {
        ArchConfig other = config;
        set(other, key, std::to_string(kib));
        CAPTURE(i);
        CAPTURE(key);
        CAPTURE(kib);
        CHECK(answers(net, weights, other, &memory) == answers(net, weights, other, nullptr));
        ++asked;
      }
    }
    CHECK(memory.made() < asked);
  }
}

TEST_CASE("cuts: limits remember which sizes give the same answers") {
  Limit limit("weight", "buf.weight_kib", 1, 100);
  CHECK(limit.serves(1));
  CHECK(limit.holds(40));
  CHECK_FALSE(limit.serves(39));
  CHECK(limit.serves(40));
  CHECK_FALSE(limit.holds(130));
  CHECK(limit.serves(129));
  CHECK_FALSE(limit.serves(130));
  // 100 * 2 / 16 = 12: from 96 to 103.
  CHECK(limit.multiple(2, 16) == 12);
  CHECK(limit.serves(96));
  CHECK(limit.serves(103));
  CHECK_FALSE(limit.serves(95));
  CHECK_FALSE(limit.serves(104));
}

TEST_CASE("cuts: layers whose weights look alike have the same weights object") {
  const ArchConfig config = preset("edge_16");
  const Network a = one_conv(32, 9, 9, 32, 3, 8, 8, testing::random_weights(8));
  const Network b = one_conv(32, 9, 9, 32, 3, 8, 8, testing::random_weights(4));
  Network c = a;
  for (std::size_t o = 0; o < 16; ++o) c.layers[0].weight[(o * 32 + 3) * 9 + 4] = 0;
  const LayerWeights first(a.layers[0], shape_of(a, config), config);
  CHECK(first.same(LayerWeights(b.layers[0], shape_of(b, config), config)));
  CHECK_FALSE(first.same(LayerWeights(c.layers[0], shape_of(c, config), config)));
}

}  // namespace
}  // namespace tactus::lower
