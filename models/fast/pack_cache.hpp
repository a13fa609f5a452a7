// SPDX-License-Identifier: Apache-2.0
// Packed operands of compute ops, kept for later ops that use the same bytes in the same way: the
// column tiles of a layer share activations, even when they are loaded anew for each of them; its
// pixel tiles share weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "fast/buffers.hpp"
#include "fast/kernels.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// Pairs of K elements of a compute op as packed: every fold starts a pair, so that a fold can be
/// multiplied alone.
struct FoldPairs {
  std::int64_t k_rows, rows_used;
  [[nodiscard]] std::int64_t per_fold() const { return (rows_used + 1) / 2; }
  [[nodiscard]] std::int64_t folds() const { return (k_rows + rows_used - 1) / rows_used; }
  [[nodiscard]] std::int64_t total() const {
    return (folds() - 1) * per_fold() + (k_rows - (folds() - 1) * rows_used + 1) / 2;
  }
  /// First pair of a fold; of fold folds(): total().
  [[nodiscard]] std::int64_t first(std::int64_t fold) const {
    return fold < folds() ? fold * per_fold() : total();
  }
};

/// The bytes behind packed activations: a range of the first `banks` banks.
struct PackSource {
  std::int64_t half = 0;
  std::uint64_t version = 0;  ///< of the half when the bytes were last known to be equal
  std::int64_t banks = 0, first = 0, count = 0;
  std::uint8_t* copy = nullptr;
};

struct PackedActivations {
  std::int16_t* data = nullptr;
  std::int64_t panels = 0, panel_stride = 0;
  std::int64_t zeros = 0;      ///< zero operands
  std::int64_t magnitude = 0;  ///< bound of |operand| by the format
  PackSource source;
};

struct PackedWeights {
  std::int16_t* data = nullptr;
  std::int64_t blocks = 0, block_stride = 0;
  std::vector<std::int32_t> magnitudes;  ///< sum of |weight| per column
};

class PackCache {
 public:
  explicit PackCache(const Kernels& kernels) : kernels_(kernels) {}

  /// References are valid until the next call of the same function.
  [[nodiscard]] const PackedActivations& activations(const ComputeOp& op, const BankedHalf& ifmap);
  [[nodiscard]] const PackedWeights& weights(const ComputeOp& op, const BankedHalf& half,
                                             std::int64_t cols);

 private:
  using Key = std::array<std::int64_t, 18>;
  template <class Packed>
  struct Entry {
    Key key{};
    std::size_t first = 0;  ///< place in the arena
    Packed packed;
  };
  /// Entries lie one behind the other in a ring of memory; new ones overwrite the oldest.
  template <class Packed>
  struct Pool {
    std::unique_ptr<std::int16_t[]> arena;
    std::size_t size = 0, next = 0;     ///< int16 elements
    std::deque<Entry<Packed>> entries;  ///< the oldest first
  };
  /// The entry of `key` that `matches`, or nullptr.
  template <class Packed, class Matches>
  static Packed* find(Pool<Packed>& pool, const Key& key, const Matches& matches);
  /// A new entry with room for `elements`.
  template <class Packed>
  static Packed& make(Pool<Packed>& pool, const Key& key, std::size_t elements);
  void pack(const ComputeOp& op, const BankedHalf& ifmap, PackedActivations& packed);
  void pack(const ComputeOp& op, const BankedHalf& half, std::int64_t cols,
            PackedWeights& packed) const;

  const Kernels& kernels_;
  Pool<PackedActivations> activations_;
  Pool<PackedWeights> weights_;
  std::vector<std::int16_t> even_line_, odd_line_;
};

}  // namespace tactus::fast
