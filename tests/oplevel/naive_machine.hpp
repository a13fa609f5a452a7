// SPDX-License-Identifier: Apache-2.0
// The contract of models/README.md, op by op in program order, written as plainly as possible: no
// timing, no concurrency, and no code of the back ends or of models/numerics.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus::oplevel {

__extension__ typedef __int128 Wide;

/// Memory, digests and events of a program; start and retire cycles stay 0.
[[nodiscard]] RunResult run_naive(const Program& program, const ArchConfig& config);

class NaiveMachine {
 public:
  NaiveMachine(const ArchConfig& config, std::vector<std::uint8_t> memory);
  /// Digest and events of one op.
  RetireRecord execute(const TileOp& op);
  [[nodiscard]] std::vector<std::uint8_t> take_memory() { return std::move(memory_); }

 private:
  using Bytes = std::vector<std::uint8_t>;
  using Banks = std::vector<Bytes>;

  void run(const LoadOp& op);
  void run(const FillOp& op);
  void run(const StoreOp& op);
  void run(const ComputeOp& op);
  void run(const PostOp& op);

  void load_beat(const LoadOp& op, std::int64_t plane, std::int64_t line, std::int64_t beat,
                 std::int64_t valid, const std::uint8_t* data);
  void unpack_beat(const LoadOp& op, std::int64_t plane, std::int64_t line, std::int64_t beat,
                   std::int64_t valid, const std::uint8_t* data);
  [[nodiscard]] std::uint8_t stored_byte(const StoreOp& op, std::int64_t plane, std::int64_t line,
                                         std::int64_t byte) const;

  [[nodiscard]] std::uint8_t transposed_byte(const StoreOp& op, std::int64_t plane,
                                             std::int64_t byte) const;

  struct Unit {
    std::int64_t n, s, slot, kx, ky;
  };
  [[nodiscard]] static std::vector<Unit> units_of(const ComputeOp& op, std::int64_t windows);
  /// Operand: `carrier` bits of `raw`, extended, minus the zero point; or -1 / +1.
  [[nodiscard]] static std::int64_t operand(std::uint64_t raw, std::int64_t carrier, bool is_signed,
                                            bool bipolar, std::int64_t zero_point);
  void weight_stationary(const ComputeOp& op);
  void output_stationary(const ComputeOp& op);
  /// Sum over the lanes of unit k for pixel (y, x) of `bank` in one column; counts gated products.
  std::int64_t lane_sum(const ComputeOp& op, const Unit& unit, std::int64_t k, std::int64_t bank,
                        std::int64_t pixel, std::int64_t column);
  void count_zeros(const ComputeOp& op, const Unit& unit, std::int64_t bank, std::int64_t pixel);
  [[nodiscard]] std::int64_t activation(const ComputeOp& op, const Unit& unit, std::int64_t bank,
                                        std::int64_t pixel, std::int64_t element) const;

  [[nodiscard]] std::int64_t source(const PostOp& op, std::int64_t channel, std::int64_t offset,
                                    std::int64_t log2_bytes, bool is_signed) const;
  std::int64_t post_value(const PostOp& op, std::int64_t channel, std::int64_t y, std::int64_t x);
  /// `record` counts from param_base.
  static std::int64_t scaled(const PostOp& op, std::int64_t t, std::int64_t mult, std::int64_t add,
                             std::int64_t shift);
  [[nodiscard]] std::int64_t from_table(const PostOp& op, std::int64_t x) const;
  std::int64_t requantised(const PostOp& op, std::int64_t record, std::int64_t sum);
  [[nodiscard]] std::int64_t added(const PostOp& op, std::int64_t record, std::int64_t a,
                                   std::int64_t b) const;
  void run_rows(const PostOp& op);
  /// The results of one row in place of its elements.
  void row_softmax(const PostOp& op, std::vector<std::int64_t>& row) const;
  void row_norm(const PostOp& op, std::vector<std::int64_t>& row) const;
  /// Entry of the table behind the row record.
  [[nodiscard]] std::int64_t row_entry(const PostOp& op, std::int64_t index) const;
  void write_post(const PostOp& op, std::int64_t channel, std::int64_t y, std::int64_t x,
                  std::int64_t value);

  /// The overflow policy; counts.
  std::int64_t policy(Wide value);
  void term(std::int64_t a, std::uint64_t v);
  std::uint64_t& event(Event e) { return record_.events[e]; }

  ArchConfig config_;
  Bytes memory_;
  std::array<Banks, 2> ifmap_, ofmap_;
  std::array<Bytes, 2> weight_, index_, param_, inst_;
  std::array<std::vector<std::int64_t>, 2> psum_;  ///< entry * C + column
  RetireRecord record_;
};

}  // namespace tactus::oplevel
