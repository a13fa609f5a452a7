// SPDX-License-Identifier: Apache-2.0
// Compute ops whose K units are whole 3 x 3 windows, multiplied by winograd_kernels.hpp: the same
// psums, digests and events with 16 instead of 36 products per 2 x 2 pixels and channel.
//
// It takes weight-stationary dense ops of stride and dilation 1 with operands of 8 bits in words of
// 8 bits that start their psums at 0, where no accumulator can overflow whatever the operands are,
// so that the order of the sums is free, and 4 times the largest sum fits int32. Where a layer's
// weights come in several ops, each of them some of the nine taps, the sums wait for the last one
// (contracts of psum readers: settle()).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "fast/buffers.hpp"
#include "fast/pack_cache.hpp"
#include "fast/pack_layout.hpp"
#include "fast/thread_pool.hpp"
#include "fast/winograd_kernels.hpp"
#include "program/program.hpp"

namespace tactus::fast {

class WinogradUnit {
 public:
  struct Values {
    std::uint64_t digest = 0, act_zero = 0;
  };
  struct Limits {
    std::int64_t accumulator = 0;  ///< the largest value
    bool zero_gating = false;      ///< its event needs the zeros of each element
    bool may_wait = false;         ///< sums may be late: nobody looks into the psum buffer
  };

  /// No `kernels`: takes no op.
  WinogradUnit(const WinogradKernels* kernels, const Limits& limits, std::int64_t word_bits,
               std::int64_t row_bytes, PackCache& cache, ThreadPool& pool)
      : kernels_(kernels),
        limits_(limits),
        word_bits_(word_bits),
        row_bytes_(row_bytes),
        cache_(cache),
        pool_(pool) {}

  /// Executes the op, or brings the psums up to date and returns nothing.
  [[nodiscard]] std::optional<Values> run(const ComputeOp& op, const OperandLayout& layout,
                                          Buffers& buffers);
  /// To be called before somebody reads psums: writes those that wait for further taps.
  void settle(Buffers& buffers);

 private:
  /// The weight rows of one op.
  struct Part {
    ContentName name;
    std::int64_t first = 0, rows = 0;  ///< rows of the weight half
    [[nodiscard]] bool operator==(const Part& other) const {
      return name == other.name && first == other.first && rows == other.rows;
    }
  };
  /// What decides how staged weights are transformed.
  struct WeightForm {
    std::int64_t channels = 0, cols = 0, is_signed = 0, zero_point = 0, taps = 0;
    [[nodiscard]] bool operator==(const WeightForm& other) const {
      return channels == other.channels && cols == other.cols && is_signed == other.is_signed &&
             zero_point == other.zero_point && taps == other.taps;
    }
  };
  /// Ops that add up one set of psums, tap after tap.
  struct Sequence {
    ComputeOp op{};  ///< the first one, as if it had all nine taps
    std::int64_t channels = 0, taps = 0, parts = 0;
    const PackedActivations* pixels = nullptr;
  };

  [[nodiscard]] bool takes(const ComputeOp& op, const OperandLayout& layout,
                           const Buffers& buffers) const;
  [[nodiscard]] bool pays(const ComputeOp& op, std::int64_t channels) const;
  [[nodiscard]] bool continues(const ComputeOp& op, const OperandLayout& layout,
                               Buffers& buffers) const;
  /// Adds an op's taps to the sequence; returns its act_zero.
  std::uint64_t add_taps(const ComputeOp& op, const OperandLayout& layout, BankedHalf& weights);
  void pack(const ComputeOp& op, const OperandLayout& layout, const BankedHalf& ifmap,
            PackedActivations& packed);
  void count_zeros(const ComputeOp& op, const OperandLayout& layout, const BankedHalf& ifmap,
                   PackedActivations& packed);
  void transform_weights(const OperandLayout& layout);
  /// Writes the psums of the sequence and ends it; returns their digest if asked for.
  std::uint64_t finish(const OperandLayout& layout, bool with_digest, Buffers& buffers);
  /// work(first, last) for parts of [0, count), side by side where `shared`.
  void share(bool shared, std::int64_t count,
             const std::function<void(std::int64_t, std::int64_t)>& work);

  const WinogradKernels* kernels_;
  Limits limits_;
  std::int64_t word_bits_, row_bytes_;
  PackCache& cache_;
  ThreadPool& pool_;
  std::optional<Sequence> sequence_;
  // The last weights: rows as stored, tap by tap, and transformed, strip by strip.
  std::vector<Part> staged_, transformed_parts_;
  WeightForm form_;
  std::int64_t weight_stride_ = 0;  ///< int16 elements from point to point
  std::vector<std::uint8_t> rows_;
  std::vector<std::int16_t> weights_;
  std::vector<std::int32_t> products_, sums_;
  std::vector<std::uint8_t> counts_;
};

}  // namespace tactus::fast
