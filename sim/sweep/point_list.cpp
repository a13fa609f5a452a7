// SPDX-License-Identifier: Apache-2.0
#include "sweep/point_list.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "numerics/errors.hpp"

namespace tactus::sweep {

std::string Shard::text() const { return std::to_string(index) + "/" + std::to_string(count); }

Shard parse_shard(const std::string& text) {
  const auto slash = std::min(text.find('/'), text.size());
  const std::string behind = slash == text.size() ? "" : text.substr(slash + 1);
  const std::int64_t index = whole_number(text.substr(0, slash)).value_or(-1);
  const std::int64_t count = whole_number(behind).value_or(-1);
  if (index < 0 || index >= count || count > 1'000'000) {
    throw BadInput("--shard " + text + " is not I/N with I from 0 to N-1, e.g. 0/4");
  }
  return {static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(count)};
}

std::uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

std::uint64_t Random::below(std::uint64_t bound) {
  // Numbers behind the last whole multiple of the bound would prefer small results.
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t limit = most - most % bound;
  std::uint64_t number = next();
  while (number >= limit) number = next();
  return number % bound;
}

PointList::PointList(const Spec& spec) : spec_(spec) {
  for (const auto& axis : spec.axes) inner_ *= axis.values.size();
  size_ = spec.grid_size();
  if (spec.random) draw();
}

void PointList::draw() {
  const std::uint64_t grid = size_;
  const std::uint64_t most_draws = 100 * spec_.samples + 10'000;
  Random random(spec_.seed);
  // A shuffle that holds only the places where it differs from 0, 1, 2, ...
  std::unordered_map<std::uint64_t, std::uint64_t> moved;
  const auto at = [&](std::uint64_t i) {
    const auto it = moved.find(i);
    return it == moved.end() ? i : it->second;
  };
  std::uint64_t allowed = 0;
  for (std::uint64_t i = 0; i < grid && allowed < spec_.samples; ++i) {
    if (i == most_draws) {
      throw BadInput(spec_.file + ": [constraints] allow only " + std::to_string(allowed) + " of " +
                         std::to_string(i) + " points drawn, and [sweep] samples=" +
                         std::to_string(spec_.samples) + " are wanted",
                     spec_.file);
    }
    const std::uint64_t other = i + random.below(grid - i);
    const std::uint64_t index = at(other);
    moved[other] = at(i);
    drawn_.push_back(index);
    if (spec_.constraints.empty() || excluded_by(i, config(i)) == nullptr) ++allowed;
  }
  size_ = drawn_.size();
}

std::uint64_t PointList::grid_index(std::uint64_t point) const {
  return spec_.random ? drawn_[point] : point;
}

std::size_t PointList::model(std::uint64_t point) const { return grid_index(point) / inner_; }

std::vector<std::size_t> PointList::positions(std::uint64_t point) const {
  std::vector<std::size_t> out(spec_.axes.size());
  std::uint64_t rest = grid_index(point) % inner_;
  for (std::size_t a = spec_.axes.size(); a-- > 0;) {
    out[a] = rest % spec_.axes[a].values.size();
    rest /= spec_.axes[a].values.size();
  }
  return out;
}

ArchConfig PointList::config(std::uint64_t point) const {
  ArchConfig config = spec_.base;
  const std::vector<std::size_t> place = positions(point);
  for (std::size_t a = 0; a < place.size(); ++a) {
    const Axis& axis = spec_.axes[a];
    for (std::size_t k = 0; k < axis.keys.size(); ++k) {
      set(config, axis.keys[k], axis.values[place[a]][k]);
    }
  }
  return config;
}

const Constraint* PointList::excluded_by(std::uint64_t point, const ArchConfig& config) const {
  const std::string& label = spec_.models[model(point)].label;
  for (const auto& constraint : spec_.constraints) {
    const auto lookup = [&](const std::string& name) { return look_up(config, label, name); };
    if (!constraint.condition.holds(lookup)) return &constraint;
  }
  return nullptr;
}

std::uint64_t PointList::block_size(const Shard& shard) const {
  return std::clamp<std::uint64_t>(size_ / (shard.count * 16), 1, 64);
}

}  // namespace tactus::sweep
