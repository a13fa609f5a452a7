// SPDX-License-Identifier: Apache-2.0
// How many exact design points a second: times all points of a grid of architecture keys, in random
// order, and prints a line of JSON. Seconds are processor time of the one thread: the rate of a
// core that has nothing else to do, whatever else the machine does.
//   tactus_bench_points MODEL PRESET VALUES key=v1,v2,... [key=v1,v2,...]
// VALUES is values (act_zero, mac_gated and acc_overflow are counted) or no-values.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "energy/energy.hpp"
#include "explore/design_point.hpp"
#include "numerics/errors.hpp"
#include "run/workload.hpp"

namespace {

using tactus::BadInput;

struct Axis {
  std::string key;
  std::vector<std::string> values;
};

Axis axis_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw BadInput(text + " is no axis, write key=v1,v2,...");
  Axis axis{text.substr(0, equals), {}};
  for (std::size_t from = equals + 1; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    axis.values.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return axis;
}

/// All combinations, shuffled: caches get no help from the order.
std::vector<tactus::ArchConfig> grid(const tactus::ArchConfig& base,
                                     const std::vector<Axis>& axes) {
  std::vector<tactus::ArchConfig> points{base};
  for (const Axis& axis : axes) {
    std::vector<tactus::ArchConfig> more;
    for (const auto& point : points) {
      for (const auto& value : axis.values) {
        more.push_back(point);
        set(more.back(), axis.key, value);
      }
    }
    points = std::move(more);
  }
  std::uint64_t state = 1;
  for (std::size_t i = points.size(); i > 1; --i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    std::swap(points[i - 1], points[(state >> 33) % i]);
  }
  return points;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 4) throw BadInput("usage: tactus_bench_points MODEL PRESET VALUES key=v1,v2,...");
    const tactus::Workload work = tactus::load_workload(argv[1], "", 1);
    std::vector<Axis> axes;
    for (int i = 4; i < argc; ++i) axes.push_back(axis_of(argv[i]));
    const std::vector<tactus::ArchConfig> points = grid(tactus::preset(argv[2]), axes);
    const tactus::EnergyTable& table = tactus::default_energy_table();
    tactus::PointOptions options;
    options.value_events = std::string(argv[3]) == "values";

    const std::clock_t begin = std::clock();
    tactus::PointTimer timer(work, table, options);
    std::uint64_t invalid = 0, cycles = 0;
    std::int64_t ops = 0;
    for (const auto& point : points) {
      try {
        const tactus::DesignPoint& result = timer.time(point);
        cycles += result.cycles;
        ops = std::max(ops, result.tile_ops);
      } catch (const BadInput& error) {
        if (invalid++ == 0) std::fprintf(stderr, "first invalid point: %s\n", error.what());
      }
    }
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    const tactus::PointCounts& counts = timer.counts();
    std::printf(
        "{\"points\": %zu, \"invalid\": %llu, \"seconds\": %.6f, \"plans\": %llu, \"lowerings\": "
        "%llu, \"layers_lowered\": %llu, \"schedules\": %llu, \"value_runs\": %llu, \"most_ops\": "
        "%lld, \"cycles\": %llu}\n",
        points.size(), static_cast<unsigned long long>(invalid), seconds,
        static_cast<unsigned long long>(counts.plans),
        static_cast<unsigned long long>(counts.lowerings),
        static_cast<unsigned long long>(counts.layers_lowered),
        static_cast<unsigned long long>(counts.schedules),
        static_cast<unsigned long long>(counts.value_runs), static_cast<long long>(ops),
        static_cast<unsigned long long>(cycles));
    return 0;
  } catch (const BadInput& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
