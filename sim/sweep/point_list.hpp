// SPDX-License-Identifier: Apache-2.0
// The points of a spec in their order: the grid, or a seeded sample of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sweep/spec.hpp"

namespace tactus::sweep {

/// A part of a sweep: every count-th block of points from block `index` on.
struct Shard {
  std::uint64_t index = 0, count = 1;
  [[nodiscard]] std::string text() const;
};
/// Reads "I/N" with I < N; throws BadInput.
[[nodiscard]] Shard parse_shard(const std::string& text);

/// Seeded numbers, the same on every machine (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next();
  /// Below `bound` (from 1 on), every number equally likely.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);

 private:
  std::uint64_t state_;
};

class PointList {
 public:
  /// Keeps a reference to the spec. Throws BadInput when the constraints leave too few points for
  /// a random sample to find.
  explicit PointList(const Spec& spec);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Position in Spec::models.
  [[nodiscard]] std::size_t model(std::uint64_t point) const;
  /// Position on each axis.
  [[nodiscard]] std::vector<std::size_t> positions(std::uint64_t point) const;
  [[nodiscard]] ArchConfig config(std::uint64_t point) const;
  /// The first constraint that a point does not meet, nullptr when it meets all.
  [[nodiscard]] const Constraint* excluded_by(std::uint64_t point, const ArchConfig& config) const;

  /// Points of a block are evaluated together; the last block may be shorter. Depends on the number
  /// of shards alone, so that all shards cut alike.
  [[nodiscard]] std::uint64_t block_size(const Shard& shard) const;

 private:
  [[nodiscard]] std::uint64_t grid_index(std::uint64_t point) const;
  void draw();

  const Spec& spec_;
  std::uint64_t size_ = 0, inner_ = 1;  ///< inner_: points of a model in the grid
  std::vector<std::uint64_t> drawn_;    ///< grid index of each point of a random sample
};

}  // namespace tactus::sweep
