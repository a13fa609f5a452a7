// SPDX-License-Identifier: Apache-2.0
#include "fast/weight_packer.hpp"

#include <algorithm>
#include <cstdlib>

namespace tactus::fast {

void WeightPacker::pack(const ComputeOp& op, const OperandLayout& layout, const PackShape& shape,
                        const BankedHalf& weights, const BankedHalf& indices,
                        PackedWeights& packed) {
  width_ = weight_width(op, layout);
  word_bytes_ = layout.word_bits / 8;
  const auto check_rows = [&](const BankedHalf& half, std::int64_t base, std::int64_t per_row) {
    const std::int64_t first = base / per_row;
    half.check(first * row_bytes_,
               ((base + op.k_rows + per_row - 1) / per_row - first) * row_bytes_);
  };
  check_rows(weights, op.weight_base, layout.units_per_row);
  if (layout.sparse()) check_rows(indices, op.index_base, layout.units_per_index_row);
  line_cols_ = packed.blocks * block_cols;
  packed.magnitudes.clear();
  packed.pairs = shape.pairs();
  packed.zeros = 0;
  if (word_bytes_ == 1 && width_.bits == 8 && !layout.sparse() && !count_elements_) {
    return pack_bytes(op, shape, weights, packed);
  }

  const auto size = static_cast<std::size_t>(line_cols_);
  words_.resize(size);
  chosen_.assign(size, 0);
  for (std::size_t part = 0; part < 2; ++part) {
    lane_[part].resize(size);
    even_[part].resize(size);
    elements_[part].resize(size * static_cast<std::size_t>(shape.elements));
  }
  if (count_elements_) {
    packed.element_users.assign(static_cast<std::size_t>(shape.units * shape.elements), 0);
  }
  out_ = packed.data;
  has_even_ = false;
  first_element_ = 0;
  std::int64_t in_fold = 0;
  // The sums of a merged window are not those of its weights, nor are parts.
  sums_magnitudes_ = shape.merged || width_.parts() > 1;
  if (sums_magnitudes_) packed.magnitudes.assign(size, 0);
  for (const PackedUnit& unit : packed_units(op, layout, shape)) {
    if (layout.sparse()) {
      for (auto& lines : elements_) std::fill(lines.begin(), lines.end(), std::int16_t{0});
    }
    for (std::int64_t i = 0; i < unit.count; ++i) {
      add_unit(op, layout, weights, indices, unit.first + i * unit.step, packed);
    }
    finish_unit(shape.elements, packed);
    first_element_ += shape.elements;
    if (++in_fold == shape.per_fold) {
      finish_fold(packed);
      in_fold = 0;
    }
  }
  finish_fold(packed);
}

void WeightPacker::take_magnitudes(PackedWeights& packed) const {
  if (!packed.magnitudes.empty()) return;
  std::vector<std::int32_t> sums(static_cast<std::size_t>(packed.blocks * block_cols));
  kernels_.magnitudes(packed.data, packed.blocks, packed.block_stride, packed.pairs, sums.data());
  packed.magnitudes.assign(sums.begin(), sums.end());
}

void WeightPacker::pack_bytes(const ComputeOp& op, const PackShape& shape,
                              const BankedHalf& weights, PackedWeights& packed) {
  const OperandFormat format{width_.is_signed, static_cast<std::int16_t>(width_.zero_point)};
  const std::uint8_t* from = weights.bank(0) + op.weight_base * row_bytes_;
  const std::int64_t strips = line_cols_ / strip_cols;
  std::int16_t* out = packed.data;
  for (std::int64_t k = 0; k < op.k_rows; k += shape.per_fold) {
    const std::int64_t rows = std::min(shape.per_fold, op.k_rows - k);
    for (std::int64_t row = 0; row < rows; row += 2, out += block_step) {
      const std::uint8_t* even = from + (k + row) * row_bytes_;
      kernels_.pack_weights(even, row + 1 < rows ? even + row_bytes_ : nullptr, format, strips,
                            packed.block_stride, out);
    }
  }
}

void WeightPacker::read_row(const BankedHalf& half, std::int64_t unit, std::int64_t per_row) {
  kernels_.collect(half.bank(0) + unit / per_row * row_bytes_, {1, line_cols_, word_bytes_, 0},
                   word_bytes_, words_.data());
}

void WeightPacker::add_unit(const ComputeOp& op, const OperandLayout& layout,
                            const BankedHalf& weights, const BankedHalf& indices, std::int64_t k,
                            PackedWeights& packed) {
  const std::int64_t weight = op.weight_base + k, index = op.index_base + k;
  const std::int64_t first_bit = weight % layout.units_per_row * layout.lanes * width_.bits;
  for (std::int64_t l = 0; l < layout.lanes; ++l) {
    const std::int64_t first = l * layout.candidates;
    // A dense lane is a line of elements already.
    std::int16_t* low = layout.sparse() ? lane_[0].data() : element_line(0, first);
    std::int16_t* high = layout.sparse() ? lane_[1].data() : element_line(1, first);
    read_row(weights, weight, layout.units_per_row);
    if (width_.parts() == 1) {
      kernels_.extract(
          words_.data(), line_cols_,
          {static_cast<int>(first_bit + l * width_.bits), static_cast<int>(width_.bits),
           width_.is_signed, width_.is_bipolar, static_cast<std::int16_t>(width_.zero_point)},
          low);
    } else {
      split_parts(words_.data(), line_cols_, width_, low, high);
    }
    if (sums_magnitudes_) add_magnitudes(low, high, packed);
    if (layout.sparse()) {
      read_row(indices, index, layout.units_per_index_row);
      const std::int64_t bit =
          (index % layout.units_per_index_row * layout.lanes + l) * layout.index_bits;
      kernels_.extract(words_.data(), line_cols_,
                       {static_cast<int>(bit), static_cast<int>(op.log2_m), false, false, 0},
                       chosen_.data());
      for (std::int64_t i = 0; i < layout.candidates; ++i) {
        for (std::int64_t part = 0; part < width_.parts(); ++part) {
          kernels_.select(lane_[static_cast<std::size_t>(part)].data(), chosen_.data(),
                          static_cast<std::int16_t>(i), line_cols_, element_line(part, first + i));
        }
      }
    }
    if (count_elements_) count_lane(op, low, high, first_element_ + first, packed);
  }
}

void WeightPacker::add_magnitudes(const std::int16_t* low, const std::int16_t* high,
                                  PackedWeights& packed) const {
  if (width_.parts() == 1) {
    for (std::size_t c = 0; c < packed.magnitudes.size(); ++c) {
      packed.magnitudes[c] += std::abs(low[c]);
    }
    return;
  }
  for (std::size_t c = 0; c < packed.magnitudes.size(); ++c) {
    packed.magnitudes[c] += std::abs(low[c] + 256 * high[c]);
  }
}

void WeightPacker::count_lane(const ComputeOp& op, const std::int16_t* low,
                              const std::int16_t* high, std::int64_t element,
                              PackedWeights& packed) const {
  for (std::int64_t c = 0; c < op.cols; ++c) {
    const bool zero = low[c] == 0 && (width_.parts() == 1 || high[c] == 0);
    packed.zeros += zero ? 1 : 0;
    if (!zero) {
      ++packed.element_users[static_cast<std::size_t>(element +
                                                      chosen_[static_cast<std::size_t>(c)])];
    }
  }
}

void WeightPacker::finish_unit(std::int64_t elements, PackedWeights& packed) {
  const std::int64_t strips = line_cols_ / strip_cols;
  for (std::int64_t part = 0; part < width_.parts(); ++part) {
    std::int16_t* out = out_ + part * packed.part_stride;
    if (elements > 1) {
      for (std::int64_t e = 0; e < elements; e += 2, out += block_step) {
        kernels_.pair_weights(element_line(part, e), element_line(part, e + 1), strips,
                              packed.block_stride, out);
      }
      continue;
    }
    auto& even = even_[static_cast<std::size_t>(part)];
    const std::int16_t* line = element_line(part, 0);
    if (has_even_) {
      kernels_.pair_weights(even.data(), line, strips, packed.block_stride, out);
    } else {
      std::copy_n(line, line_cols_, even.begin());
    }
  }
  if (elements > 1) {
    out_ += elements / 2 * block_step;
  } else {
    if (has_even_) out_ += block_step;
    has_even_ = !has_even_;
  }
}

void WeightPacker::finish_fold(PackedWeights& packed) {
  if (!has_even_) return;
  for (std::int64_t part = 0; part < width_.parts(); ++part) {
    kernels_.pair_weights(even_[static_cast<std::size_t>(part)].data(), nullptr,
                          line_cols_ / strip_cols, packed.block_stride,
                          out_ + part * packed.part_stride);
  }
  out_ += block_step;
  has_even_ = false;
}

}  // namespace tactus::fast
