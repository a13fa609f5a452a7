// SPDX-License-Identifier: Apache-2.0
#include "fast/winograd_unit.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <type_traits>

#include "dataflow/unit_order.hpp"
#include "dataflow/weight_stationary.hpp"
#include "fast/digest.hpp"

namespace tactus::fast {
namespace {

constexpr std::int64_t all_taps = 9;

std::int64_t channels_of(const ComputeOp& op) { return op.slots << op.log2_group; }

OperandFormat format_of(const OperandWidth& width) {
  return {width.is_signed, static_cast<std::int16_t>(width.zero_point)};
}

/// Whether a stored byte stands for the operand 0.
bool has_zero(const OperandWidth& width) { return width.low <= 0 && width.high >= 0; }

std::int64_t strips_of(const ComputeOp& op) { return (op.cols + strip_cols - 1) / strip_cols; }

/// int16 elements from one point to the next of transformed operands.
std::int64_t pixel_stride(std::int64_t pairs, std::int64_t tiles) {
  return pack_stride((pairs * tiles + winograd_slack) * 2);
}

}  // namespace

std::optional<WinogradUnit::Values> WinogradUnit::run(const ComputeOp& op,
                                                      const OperandLayout& layout,
                                                      Buffers& buffers) {
  if (kernels_ == nullptr) return std::nullopt;
  if (!sequence_ || !continues(op, layout, buffers)) {
    settle(buffers);
    if (!takes(op, layout, buffers)) return std::nullopt;
    sequence_.emplace(Sequence{});
    sequence_->op = op;
    sequence_->channels = channels_of(op);
    sequence_->op.k_rows = all_taps * sequence_->channels;
    BankedHalf& ifmap = half_of(buffers.ifmap, op.ifmap_half);
    const WinogradGrid grid{op.out_h, op.out_w};
    sequence_->pixels = &cache_.windows(
        sequence_->op, layout,
        winograd_points * pixel_stride(sequence_->channels / 2, grid.tiles()), ifmap,
        [&](PackedActivations& packed) { pack(sequence_->op, layout, ifmap, packed); });
  }
  Values values;
  values.act_zero = add_taps(op, layout, half_of(buffers.weight, op.weight_half));
  if (sequence_->taps == all_taps) values.digest = finish(layout, op.k_complete != 0, buffers);
  return values;
}

bool WinogradUnit::takes(const ComputeOp& op, const OperandLayout& layout,
                         const Buffers& buffers) const {
  if (op.dataflow != weight_stationary::code || op.accumulate != 0 || limits_.zero_gating ||
      word_bits_ != 8 || layout.act_bits != 8 || layout.wgt_bits != 8 || layout.sparse() ||
      layout.bundle_words != 1) {
    return false;
  }
  const bool starts = op.start_slot == 0 && op.start_kx == 0 && op.start_ky == 0 &&
                      op.start_n == 0 && op.start_s == 0;
  // Each array row has a phase of its own, so that all taps of a channel come from one bank.
  const bool in_order = op.log2_group > 0 && op.rows_used == std::int64_t{1} << op.log2_group;
  const bool dense_windows =
      op.kernel_w == 3 && op.step_x == 1 && op.step_kx == 1 && op.step_ky == op.step_y;
  const std::int64_t channels = channels_of(op);
  if (!starts || !in_order || !dense_windows || op.k_rows % channels != 0) return false;
  const OperandWidth act = activation_width(op, layout), wgt = weight_width(op, layout);
  const std::int64_t taps = op.k_rows / channels;
  if (taps > all_taps) return false;
  // Missing taps are zeros until they come.
  if (taps < all_taps && (!limits_.may_wait || op.k_complete != 0 || !has_zero(wgt))) return false;
  const std::int64_t most = all_taps * channels * act.magnitude() * wgt.magnitude();
  if (most > limits_.accumulator || most > std::numeric_limits<std::int32_t>::max() / 4) {
    return false;
  }
  // The bytes of taps that come later belong to the bank, too.
  const std::int64_t last =
      op.ifmap_base + (op.slots - 1) * op.slot_stride + (op.out_h + 1) * op.step_y + op.out_w + 1;
  if (last >= half_of(buffers.ifmap, op.ifmap_half).bank_bytes()) return false;
  return pays(op, channels);
}

bool WinogradUnit::pays(const ComputeOp& op, std::int64_t channels) const {
  const WinogradGrid grid{op.out_h, op.out_w};
  const std::int64_t panels = (pixels(op) + panel_pixels - 1) / panel_pixels;
  const std::int64_t blocks = (op.cols + block_cols - 1) / block_cols;
  const std::int64_t direct = all_taps * panels * panel_pixels * blocks * block_cols;
  const std::int64_t products = winograd_points * grid.tiles() * strips_of(op) * strip_cols;
  return channels >= kernels_->least_channels &&
         direct - products >= strips_of(op) * kernels_->transform_cost;
}

bool WinogradUnit::continues(const ComputeOp& op, const OperandLayout& layout,
                             Buffers& buffers) const {
  const ComputeOp& first = sequence_->op;
  const std::int64_t taps = op.k_rows / sequence_->channels;
  if (op.k_rows % sequence_->channels != 0 || sequence_->taps + taps > all_taps) return false;
  if (op.k_complete != 0 && sequence_->taps + taps < all_taps) return false;
  // Everything but weights and K range is that of the first op.
  ComputeOp expected = first;
  expected.weight_half = op.weight_half;
  expected.weight_base = op.weight_base;
  expected.index_base = op.index_base;
  expected.start_kx = sequence_->taps % 3;
  expected.start_ky = sequence_->taps / 3;
  expected.k_rows = op.k_rows;
  expected.folds = op.folds;
  expected.accumulate = 1;
  expected.k_complete = op.k_complete;
  // Fields are plain integers.
  static_assert(std::has_unique_object_representations_v<ComputeOp>);
  return std::memcmp(&expected, &op, sizeof op) == 0 &&
         cache_.same_windows(first, layout, *sequence_->pixels,
                             half_of(buffers.ifmap, first.ifmap_half));
}

std::uint64_t WinogradUnit::add_taps(const ComputeOp& op, const OperandLayout& layout,
                                     BankedHalf& weights) {
  Sequence& sequence = *sequence_;
  const Part part{cache_.weight_name(op, layout, weights), op.weight_base, op.k_rows};
  const auto place = static_cast<std::size_t>(sequence.parts);
  // Whole strips are read.
  const std::int64_t size = all_taps * sequence.channels * row_bytes_ + strip_cols;
  if (rows_.size() < static_cast<std::size_t>(size)) rows_.resize(static_cast<std::size_t>(size));
  if (staged_.size() <= place || !(staged_[place] == part)) {
    staged_.resize(place);
    staged_.push_back(part);
    weights.settle();
    weights.check(op.weight_base * row_bytes_, op.k_rows * row_bytes_);
    std::memcpy(rows_.data() + sequence.taps * sequence.channels * row_bytes_,
                weights.bank(0) + op.weight_base * row_bytes_,
                static_cast<std::size_t>(op.k_rows * row_bytes_));
  }
  ++sequence.parts;
  const std::int64_t taps = op.k_rows / sequence.channels;
  std::int64_t zeros = 0;
  for (std::int64_t i = 0; i < taps; ++i, ++sequence.taps) {
    zeros += sequence.pixels->tap_zeros[static_cast<std::size_t>(sequence.taps)];
  }
  return static_cast<std::uint64_t>(zeros);
}

void WinogradUnit::settle(Buffers& buffers) {
  if (sequence_) finish(operand_layout(sequence_->op, word_bits_), false, buffers);
}

void WinogradUnit::pack(const ComputeOp& op, const OperandLayout& layout, const BankedHalf& ifmap,
                        PackedActivations& packed) {
  const WinogradGrid grid{op.out_h, op.out_w};
  const OperandFormat format = format_of(activation_width(op, layout));
  const std::int64_t pairs = channels_of(op) / 2, tiles = grid.tiles();
  packed.panel_stride = pixel_stride(pairs, tiles);
  std::int16_t* out = packed.data;
  for (std::int64_t slot = 0; slot < op.slots; ++slot) {
    const std::int64_t from = op.ifmap_base + slot * op.slot_stride;
    for (std::int64_t phase = 0; phase < op.rows_used; phase += 2, out += 2 * tiles) {
      kernels_->transform_pixels(ifmap.bank(phase) + from, ifmap.bank(phase + 1) + from, op.step_y,
                                 grid, format, packed.panel_stride, out);
    }
  }
  count_zeros(op, layout, ifmap, packed);
}

void WinogradUnit::count_zeros(const ComputeOp& op, const OperandLayout& layout,
                               const BankedHalf& ifmap, PackedActivations& packed) {
  packed.tap_zeros.fill(0);
  const OperandWidth width = activation_width(op, layout);
  if (!has_zero(width)) return;
  const auto zero = static_cast<std::uint8_t>(width.zero_point);
  const std::int64_t lines = op.out_h + 2, line = op.out_w + 2;
  constexpr std::int64_t countable = 255;  // channels until a place's count is full
  const auto add_counts = [&] {
    for (std::int64_t tap = 0; tap < all_taps; ++tap) {
      for (std::int64_t y = 0; y < op.out_h; ++y) {
        const std::uint8_t* from = counts_.data() + (y + tap / 3) * line + tap % 3;
        std::int64_t sum = 0;
        for (std::int64_t x = 0; x < op.out_w; ++x) sum += from[x];
        packed.tap_zeros[static_cast<std::size_t>(tap)] += sum;
      }
    }
  };
  counts_.assign(static_cast<std::size_t>(lines * line), 0);
  std::int64_t counted = 0;
  for (std::int64_t slot = 0; slot < op.slots; ++slot) {
    for (std::int64_t phase = 0; phase < op.rows_used; ++phase) {
      const std::uint8_t* from = ifmap.bank(phase) + op.ifmap_base + slot * op.slot_stride;
      for (std::int64_t y = 0; y < lines; ++y) {
        std::uint8_t* count = counts_.data() + y * line;
        const std::uint8_t* bytes = from + y * op.step_y;
        for (std::int64_t x = 0; x < line; ++x) {
          count[x] = static_cast<std::uint8_t>(count[x] + (bytes[x] == zero ? 1 : 0));
        }
      }
      if (++counted < countable) continue;
      add_counts();
      std::fill(counts_.begin(), counts_.end(), std::uint8_t{0});
      counted = 0;
    }
  }
  add_counts();
}

void WinogradUnit::transform_weights(const OperandLayout& layout) {
  const Sequence& sequence = *sequence_;
  const ComputeOp& op = sequence.op;
  const WeightForm form{sequence.channels, op.cols, op.wgt_signed, op.wgt_zp, sequence.taps};
  staged_.resize(static_cast<std::size_t>(sequence.parts));
  if (form == form_ && transformed_parts_ == staged_) return;
  const std::int64_t tap_bytes = sequence.channels * row_bytes_;
  const OperandFormat format = format_of(weight_width(op, layout));
  // Taps that did not come are zeros.
  std::memset(rows_.data() + sequence.taps * tap_bytes, static_cast<std::uint8_t>(op.wgt_zp),
              static_cast<std::size_t>((all_taps - sequence.taps) * tap_bytes));
  const std::int64_t pairs = sequence.channels / 2;
  weight_stride_ = pack_stride(pairs * 2 * strip_cols);
  const std::int64_t strip = winograd_points * weight_stride_;
  const auto size = static_cast<std::size_t>(strips_of(op) * strip);
  if (weights_.size() < size) weights_.resize(size);
  for (std::int64_t s = 0; s < strips_of(op); ++s) {
    const std::uint8_t* from = rows_.data() + s * strip_cols;
    std::int16_t* out = weights_.data() + s * strip;
    for (std::int64_t pair = 0; pair < pairs; ++pair, from += 2 * row_bytes_) {
      kernels_->transform_weights(from, from + row_bytes_, tap_bytes, format, weight_stride_, out);
      out += 2 * strip_cols;
    }
  }
  form_ = form;
  transformed_parts_ = staged_;
}

std::uint64_t WinogradUnit::finish(const OperandLayout& layout, bool with_digest,
                                   Buffers& buffers) {
  transform_weights(layout);
  const ComputeOp& op = sequence_->op;
  const WinogradGrid grid{op.out_h, op.out_w};
  const std::int64_t tiles = grid.tiles(), pairs = sequence_->channels / 2, count = pixels(op);
  products_.resize(static_cast<std::size_t>(winograd_points * tiles * strip_cols));
  // Whole eights of pixels are read.
  sums_.resize(static_cast<std::size_t>((count + panel_pixels) * strip_cols));
  // Below so many products the threads take longer to meet than to multiply.
  constexpr std::int64_t worth_sharing = 1 << 18;
  const bool shared = winograd_points * tiles * sequence_->channels * op.cols >= worth_sharing;
  PsumHalf& psum = half_of(buffers.psum, op.psum_half);
  std::atomic<std::uint64_t> digest{0};
  for (std::int64_t s = 0; s < strips_of(op); ++s) {
    const std::int64_t column = s * strip_cols, cols = std::min(strip_cols, op.cols - column);
    const std::int16_t* weights = weights_.data() + s * winograd_points * weight_stride_;
    share(shared, winograd_points, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t p = first; p < last; ++p) {
        kernels_->multiply(sequence_->pixels->data + p * sequence_->pixels->panel_stride,
                           weights + p * weight_stride_, pairs, tiles,
                           products_.data() + p * tiles * strip_cols);
      }
    });
    share(shared, tiles, [&](std::int64_t first, std::int64_t last) {
      kernels_->finish(products_.data(), grid, first, last, sums_.data());
    });
    share(shared, count, [&](std::int64_t first, std::int64_t last) {
      std::int64_t* psums = psum.column(column) + op.psum_base + first;
      kernels_->store(sums_.data() + first * strip_cols, last - first, cols, psums, psum.entries());
      if (!with_digest) return;
      MixSum mixed;
      digest_psums(mixed, psums, psum.entries(), first, last - first, column, cols, psum.columns());
      digest += mixed.value();
    });
  }
  sequence_.reset();
  return digest;
}

void WinogradUnit::share(bool shared, std::int64_t count,
                         const std::function<void(std::int64_t, std::int64_t)>& work) {
  const std::int64_t parts = pool_.size();
  if (!shared || parts == 1) return work(0, count);
  pool_.run([&](int part) { work(count * part / parts, count * (part + 1) / parts); });
}

}  // namespace tactus::fast
