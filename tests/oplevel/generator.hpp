// SPDX-License-Identifier: Apache-2.0
// Random tile ops with legal fields; most of them far from what the frontend emits.
#pragma once

#include <cstdint>

#include "draft.hpp"
#include "rng.hpp"

namespace tactus::oplevel {

[[nodiscard]] std::int64_t log2_of(std::int64_t power);

class Generator {
 public:
  Generator(const ArchConfig& config, std::uint64_t seed, const Kinds& kinds);
  [[nodiscard]] Draft run();

 private:
  static constexpr std::int64_t data_bytes = 16384, index_bytes = 8192;

  [[nodiscard]] bool has(const char* kind) const { return kinds_.count(kind) != 0; }
  void random_data();
  /// Zeroed off-chip memory of the draft, 64-byte aligned.
  std::int64_t reserve(std::int64_t bytes);
  std::int64_t random_address(std::int64_t extent);

  void fill(std::int64_t dest, std::int64_t half);
  void load_linear(Dest dest, std::int64_t half, std::int64_t first_beat, std::int64_t bytes,
                   std::int64_t address);
  /// About `bytes` random bytes from the start of each bank on.
  void load_ifmap(std::int64_t half, std::int64_t bytes);
  /// Random records for a convention in memory, and their load.
  void records(std::int64_t half, std::int64_t first, std::int64_t convention,
               std::int64_t channels, bool add);

  /// A compute op behind loads of its operands.
  void compute();
  void operands(ComputeOp& op);
  void geometry(ComputeOp& op);
  void load_weights(const ComputeOp& op);
  /// Bytes of a bank that the op may read.
  [[nodiscard]] static std::int64_t reach(const ComputeOp& op, std::int64_t bundle_bytes);

  /// Psums of the last compute op to ofmap or ifmap, perhaps with a store.
  void post_psums();
  /// Something from memory through ofmap: load, post, store; each part may be missing.
  void move();
  void load_ofmap(std::int64_t half);
  void ofmap_post(std::int64_t source);
  /// Records of what a mode with two operands or a table needs.
  void product_record(const PostOp& op);
  void table_records(PostOp& op);
  /// A row op on the half `source` of the ofmap buffer.
  void row_post(std::int64_t source);
  /// Bytes of the draft's memory, and a load of them into the parameter buffer.
  void load_bytes(std::int64_t half, std::int64_t record, const std::vector<std::uint8_t>& bytes);
  void destination(PostOp& op);
  void store(std::int64_t half);
  void transposed_store(std::int64_t half);
  void packing(std::int64_t& log2_pack, std::int64_t& log2_bundle);

  ArchConfig config_;
  Kinds kinds_;
  Rng rng_;
  std::int64_t word_, beat_;
  Draft draft_;
  ComputeOp last_;
};

}  // namespace tactus::oplevel
