// SPDX-License-Identifier: Apache-2.0
// Packs the weights of a compute op.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fast/buffers.hpp"
#include "fast/kernels.hpp"
#include "fast/pack_layout.hpp"
#include "fast/packed_operands.hpp"

namespace tactus::fast {

class WeightPacker {
 public:
  /// `row_bytes` of a row of the weight and the index half. With `count_elements`, zeros and
  /// element_users are filled.
  WeightPacker(const Kernels& kernels, std::int64_t row_bytes, bool count_elements)
      : kernels_(kernels), row_bytes_(row_bytes), count_elements_(count_elements) {}

  /// Fills everything but the places and, where they follow from the packed operands, the
  /// magnitudes; `indices` is read by sparse ops.
  void pack(const ComputeOp& op, const OperandLayout& layout, const PackShape& shape,
            const BankedHalf& weights, const BankedHalf& indices, PackedWeights& packed);
  /// Fills the magnitudes if pack() left them out.
  void take_magnitudes(PackedWeights& packed) const;

 private:
  void pack_bytes(const ComputeOp& op, const PackShape& shape, const BankedHalf& weights,
                  PackedWeights& packed);
  /// Adds K unit k of the op to the element lines.
  void add_unit(const ComputeOp& op, const OperandLayout& layout, const BankedHalf& weights,
                const BankedHalf& indices, std::int64_t k, PackedWeights& packed);
  void add_magnitudes(const std::int16_t* low, const std::int16_t* high,
                      PackedWeights& packed) const;
  void count_lane(const ComputeOp& op, const std::int16_t* low, const std::int16_t* high,
                  std::int64_t element, PackedWeights& packed) const;
  /// Reads row `unit / per_row` of a half into words_.
  void read_row(const BankedHalf& half, std::int64_t unit, std::int64_t per_row);
  /// Pairs the element lines; a unit of one element makes a pair with the next one.
  void finish_unit(std::int64_t elements, PackedWeights& packed);
  void finish_fold(PackedWeights& packed);

  std::int16_t* element_line(std::int64_t part, std::int64_t element) {
    return elements_[static_cast<std::size_t>(part)].data() + element * line_cols_;
  }

  const Kernels& kernels_;
  std::int64_t row_bytes_;
  bool count_elements_;
  // Of the running op.
  OperandWidth width_;
  std::int64_t word_bytes_ = 1, line_cols_ = 0, first_element_ = 0;
  bool sums_magnitudes_ = false, has_even_ = false;
  std::int16_t* out_ = nullptr;                        ///< next pair
  std::vector<std::uint16_t> words_;                   ///< of a row
  std::vector<std::int16_t> chosen_;                   ///< indices of a lane
  std::array<std::vector<std::int16_t>, 2> lane_;      ///< weights of a lane, by part
  std::array<std::vector<std::int16_t>, 2> elements_;  ///< lines of a packed unit, by part
  std::array<std::vector<std::int16_t>, 2> even_;      ///< even element of the pair, by part
};

}  // namespace tactus::fast
