// SPDX-License-Identifier: Apache-2.0
// Which elements of which tensor a tile op works on, read off the program: a compute op's psums go
// to a post op, a post op's results to stores, and a store's address names the tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arch/arch_config.hpp"
#include "network/network.hpp"
#include "program/program.hpp"

namespace tactus::triage {

struct Coordinates {
  std::string tensor;  ///< layer id
  int c = 0, y = 0, x = 0;
};
[[nodiscard]] inline bool operator==(const Coordinates& a, const Coordinates& b) {
  return a.tensor == b.tensor && a.c == b.c && a.y == b.y && a.x == b.x;
}

/// A value inside an op: column (channel) and psum entry (pixel).
struct Spot {
  std::int64_t column = 0, entry = 0;
};

class Places {
 public:
  /// Keeps references.
  Places(const Program& program, const Network& network) : program_(program), network_(network) {}

  /// Post op that takes the psum `spot` of compute op `op`, and the spot in it.
  [[nodiscard]] std::optional<std::pair<std::size_t, Spot>> post_of(std::size_t op,
                                                                    const Spot& spot) const;
  /// Element of result `spot` of post op `op`; nothing when the program does not say.
  [[nodiscard]] std::optional<Coordinates> of_post(std::size_t op, const Spot& spot) const;
  [[nodiscard]] std::optional<Coordinates> of_psum(std::size_t op, const Spot& spot) const;
  /// Store ops that take results of post op `op`.
  [[nodiscard]] std::vector<std::size_t> stores_of(std::size_t op) const;
  /// The spot of an element in post op `op`, nothing when the op does not make it.
  [[nodiscard]] std::optional<Spot> find_in_post(std::size_t op, const Coordinates& element) const;
  /// The element that covers an off-chip byte.
  [[nodiscard]] std::optional<Coordinates> of_address(std::uint64_t address) const;
  /// The tensor that the results of a layer's post ops are: the layer's, or that of an add folded
  /// into it.
  [[nodiscard]] std::string output_of(std::size_t layer) const;

 private:
  [[nodiscard]] std::optional<Coordinates> of_store(const StoreOp& store, const PostOp& post,
                                                    const Spot& spot) const;
  [[nodiscard]] const TensorPlace* tensor_at(std::uint64_t address) const;
  [[nodiscard]] Coordinates named(const TensorPlace& place, std::int64_t c, std::int64_t y,
                                  std::int64_t x) const;

  const Program& program_;
  const Network& network_;
};

/// Program index of the op that is number `seq` of its queue.
[[nodiscard]] std::size_t op_index(const Program& program, Queue queue, std::uint32_t seq);
/// Position of op `op` among the ops of its queue.
[[nodiscard]] std::uint32_t seq_of(const Program& program, std::size_t op);

}  // namespace tactus::triage
