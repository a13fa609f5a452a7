// SPDX-License-Identifier: Apache-2.0
// Packed operands of compute ops, kept for later ops that use the same bytes in the same way: the
// column tiles of a layer share activations, even when they are loaded anew for each of them; its
// pixel tiles share weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/activation_packer.hpp"
#include "fast/buffers.hpp"
#include "fast/kernels.hpp"
#include "fast/pack_layout.hpp"
#include "fast/packed_operands.hpp"
#include "fast/weight_packer.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// int16 elements from one panel, block or point to the next: an odd number of cache lines, because
/// equal places of neighbours would otherwise share a cache set and evict each other while packing.
[[nodiscard]] constexpr std::int64_t pack_stride(std::int64_t elements) {
  constexpr std::int64_t line = 32;
  return ((elements + line - 1) / line | 1) * line;
}

class PackCache {
 public:
  PackCache(const Kernels& kernels, const ArchConfig& config)
      : row_bytes_(config.hw_array_cols * config.word_bytes()),
        activation_packer_(kernels, config.hw_zero_gating),
        weight_packer_(kernels, row_bytes_, config.hw_zero_gating) {}

  /// References are valid until the next call of the same function. A merged shape gives nullptr
  /// when the banks that could hold a unit's plane differ.
  [[nodiscard]] const PackedActivations* activations(const ComputeOp& op,
                                                     const OperandLayout& layout,
                                                     const PackShape& shape, BankedHalf& ifmap);
  [[nodiscard]] PackedWeights& weights(const ComputeOp& op, const OperandLayout& layout,
                                       const PackShape& shape, BankedHalf& weights,
                                       const BankedHalf& indices);
  /// The activations of an op as `pack` makes them, `elements` int16 at packed.data, from the bytes
  /// of all its K units; `pack` depends on nothing but them and the op.
  using Pack = std::function<void(PackedActivations&)>;
  [[nodiscard]] const PackedActivations& windows(const ComputeOp& op, const OperandLayout& layout,
                                                 std::int64_t elements, BankedHalf& ifmap,
                                                 const Pack& pack);
  /// Whether the bytes are those that windows() has packed.
  [[nodiscard]] bool same_windows(const ComputeOp& op, const OperandLayout& layout,
                                  const PackedActivations& packed, BankedHalf& ifmap);
  /// Name of the weight rows of an op.
  [[nodiscard]] ContentName weight_name(const ComputeOp& op, const OperandLayout& layout,
                                        const BankedHalf& weights) const;
  /// The sum of |weight| of each column.
  const std::vector<std::int64_t>& magnitudes(PackedWeights& packed) const {
    weight_packer_.take_magnitudes(packed);
    return packed.magnitudes;
  }

 private:
  using Key = std::array<std::int64_t, 30>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  /// The bank bytes that an op's bundles lie in.
  struct Reads {
    std::int64_t banks = 0, first = 0, count = 0;
    std::vector<std::pair<std::int64_t, std::int64_t>> lines;  ///< from a byte to behind another
  };
  enum class Form : std::int64_t { units = 0, merged = 1, windows = 2 };
  static Key key_of(const ComputeOp& op, std::int64_t per_fold, Form form);
  const Reads& reads_of(const Key& key, const ComputeOp& op, const OperandLayout& layout);
  static PackSource source_of(const Reads& reads, const ComputeOp& op, const BankedHalf& ifmap);

  /// Activations of these bytes, or nullptr.
  const PackedActivations* find_activations(const Key& key, const PackSource& source,
                                            BankedHalf& ifmap);
  /// A new entry with room for `elements` and for the copies of the source, which are made.
  PackedActivations& add_activations(const Key& key, const PackSource& source,
                                     std::int64_t elements, const BankedHalf& ifmap);

  template <class Packed>
  struct Entry {
    Key key{};
    std::size_t hash = 0;
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
  /// A new entry with room for `elements`, in an arena of `preferred` elements or more.
  template <class Packed>
  static Packed& make(Pool<Packed>& pool, const Key& key, std::size_t elements,
                      std::size_t preferred);

  std::int64_t row_bytes_;  ///< of a row of the weight half
  std::unordered_map<Key, Reads, KeyHash> reads_;
  ActivationPacker activation_packer_;
  WeightPacker weight_packer_;
  Pool<PackedActivations> activations_;
  Pool<PackedWeights> weights_;
};

}  // namespace tactus::fast
