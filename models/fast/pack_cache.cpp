// SPDX-License-Identifier: Apache-2.0
#include "fast/pack_cache.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "dataflow/weight_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

namespace ws = weight_stationary;

constexpr std::size_t pool_elements = 4U << 20;  // 8 MiB of int16 in each pool
constexpr std::size_t pool_entries = 128;

/// int16 elements from one panel or block to the next: an odd number of cache lines, because equal
/// places of neighbours would otherwise share a cache set and evict each other while packing.
std::int64_t stride_of(std::int64_t elements) {
  constexpr std::int64_t line = 32;
  return ((elements + line - 1) / line | 1) * line;
}

/// The largest |operand| of a byte of this format; throws when an operand does not fit the 9-bit
/// lanes of the array.
std::int64_t check_operands(bool is_signed, std::int64_t zero_point, const char* what) {
  const std::int64_t low = (is_signed ? -128 : 0) - zero_point;
  const std::int64_t high = (is_signed ? 127 : 255) - zero_point;
  if (low < -256 || high > 255) {
    throw InternalError(std::string("a compute op has the zero point ") +
                        std::to_string(zero_point) + " for its " + what +
                        ", which does not fit the operand width");
  }
  return std::max(-low, high);
}

/// The range of bank bytes that the pixels of all K elements lie in.
PackSource source_of(const ComputeOp& op, const BankedHalf& ifmap) {
  if (op.rows_used > ifmap.banks()) {
    throw InternalError("a compute op uses " + std::to_string(op.rows_used) + " of " +
                        std::to_string(ifmap.banks()) + " array rows");
  }
  ws::KOrder order = ws::k_order(op);
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  std::int64_t low = ws::row_offset(op, order.at()), high = low;
  for (std::int64_t k = 0; k < op.k_rows; ++k, order.advance()) {
    if (group > 1 && order.at().phase != 0) continue;
    const std::int64_t offset = ws::row_offset(op, order.at());
    low = std::min(low, offset);
    high = std::max(high, offset);
  }
  PackSource source;
  source.half = op.ifmap_half;
  source.version = ifmap.version;
  source.banks = std::min(op.rows_used, op.k_rows);
  source.first = op.ifmap_base + low;
  source.count = high - low + (op.out_h - 1) * op.step_y + (op.out_w - 1) * op.step_x + 1;
  ifmap.check(source.first, source.count);
  return source;
}

/// Whether the bytes are the same as when they were packed.
bool is_unchanged(const PackSource& source, const BankedHalf& ifmap) {
  const auto count = static_cast<std::size_t>(source.count);
  const std::uint8_t* old = source.copy;
  for (std::int64_t bank = 0; bank < source.banks; ++bank, old += count) {
    if (std::memcmp(old, ifmap.bank(bank) + source.first, count) != 0) return false;
  }
  return true;
}

void keep_copy(const PackSource& source, const BankedHalf& ifmap) {
  for (std::int64_t bank = 0; bank < source.banks; ++bank) {
    std::memcpy(source.copy + bank * source.count, ifmap.bank(bank) + source.first,
                static_cast<std::size_t>(source.count));
  }
}

}  // namespace

template <class Packed, class Matches>
Packed* PackCache::find(Pool<Packed>& pool, const Key& key, const Matches& matches) {
  for (auto& entry : pool.entries) {
    if (entry.key == key && matches(entry.packed)) return &entry.packed;
  }
  return nullptr;
}

template <class Packed>
Packed& PackCache::make(Pool<Packed>& pool, const Key& key, std::size_t elements) {
  auto& entries = pool.entries;
  if (elements > pool.size) {
    entries.clear();
    pool.size = std::max(elements, pool_elements);
    pool.next = 0;
    pool.arena.reset(new std::int16_t[pool.size]);
  }
  if (entries.size() == pool_entries) entries.pop_front();
  if (pool.next + elements > pool.size) {
    while (!entries.empty() && entries.front().first >= pool.next) entries.pop_front();
    pool.next = 0;
  }
  const std::size_t end = pool.next + elements;
  while (!entries.empty() && entries.front().first >= pool.next && entries.front().first < end) {
    entries.pop_front();
  }
  entries.emplace_back();
  auto& entry = entries.back();
  entry.key = key;
  entry.first = pool.next;
  entry.packed.data = pool.arena.get() + pool.next;
  pool.next = end;
  return entry.packed;
}

const PackedActivations& PackCache::activations(const ComputeOp& op, const BankedHalf& ifmap) {
  const Key key{op.ifmap_base, op.out_h,      op.out_w,      op.step_x,      op.step_y,
                op.rows_used,  op.log2_group, op.slots,      op.slot_stride, op.kernel_w,
                op.step_kx,    op.step_ky,    op.start_slot, op.start_kx,    op.start_ky,
                op.k_rows,     op.act_signed, op.act_zp};
  const auto is_current = [&](const PackedActivations& packed) {
    return packed.source.half == op.ifmap_half && packed.source.version == ifmap.version;
  };
  if (const PackedActivations* packed = find(activations_, key, is_current)) return *packed;
  const auto is_equal = [&](const PackedActivations& packed) {
    return is_unchanged(packed.source, ifmap);
  };
  if (PackedActivations* packed = find(activations_, key, is_equal)) {
    packed->source.half = op.ifmap_half;
    packed->source.version = ifmap.version;
    return *packed;
  }
  const std::int64_t panels = (ws::pixels(op) + panel_pixels - 1) / panel_pixels;
  const std::int64_t stride = stride_of(FoldPairs{op.k_rows, op.rows_used}.total() * panel_step);
  const PackSource source = source_of(op, ifmap);
  const std::int64_t copied = (source.banks * source.count + 1) / 2;
  PackedActivations& packed =
      make(activations_, key, static_cast<std::size_t>(panels * stride + copied));
  packed.panels = panels;
  packed.panel_stride = stride;
  packed.source = source;
  packed.source.copy = reinterpret_cast<std::uint8_t*>(packed.data + panels * stride);
  keep_copy(packed.source, ifmap);
  pack(op, ifmap, packed);
  return packed;
}

void PackCache::pack(const ComputeOp& op, const BankedHalf& ifmap, PackedActivations& packed) {
  packed.magnitude = check_operands(op.act_signed != 0, op.act_zp, "activations");
  PixelGrid grid{op.out_h, op.out_w, op.step_x, op.step_y};
  if (grid.step_y == grid.step_x * grid.width) {
    grid.width *= grid.height;
    grid.height = 1;
  }
  const OperandFormat format{op.act_signed != 0, static_cast<std::int16_t>(op.act_zp)};
  const std::int64_t m = ws::pixels(op);
  const auto line_size = static_cast<std::size_t>(packed.panels * panel_pixels + line_slack);
  if (even_line_.size() < line_size) even_line_.resize(line_size);
  if (odd_line_.size() < line_size) odd_line_.resize(line_size);

  packed.zeros = 0;
  ws::KOrder order = ws::k_order(op);
  const auto gather_row = [&](std::int64_t row, std::int16_t* line) {
    const std::int64_t address = op.ifmap_base + ws::row_offset(op, order.at());
    kernels_.gather(ifmap.bank(row) + address, grid, format, line);
    // Pixels that only fill the last panel must not count as zeros.
    std::fill(line + m, line + packed.panels * panel_pixels, std::int16_t{1});
    order.advance();
  };
  std::int16_t* out = packed.data;
  for (std::int64_t k = 0; k < op.k_rows; k += op.rows_used) {
    const std::int64_t rows = std::min(op.rows_used, op.k_rows - k);
    for (std::int64_t row = 0; row < rows; row += 2, out += panel_step) {
      gather_row(row, even_line_.data());
      if (row + 1 < rows) {
        gather_row(row + 1, odd_line_.data());
      } else {
        // No K element: its packed weight is 0.
        std::fill(odd_line_.begin(), odd_line_.end(), std::int16_t{1});
      }
      packed.zeros += kernels_.interleave(even_line_.data(), odd_line_.data(), packed.panels,
                                          packed.panel_stride, out);
    }
  }
}

const PackedWeights& PackCache::weights(const ComputeOp& op, const BankedHalf& half,
                                        std::int64_t cols) {
  const Key key{op.weight_half, static_cast<std::int64_t>(half.version),
                op.weight_base, op.rows_used,
                op.k_rows,      op.cols,
                op.wgt_signed,  op.wgt_zp};
  if (const PackedWeights* packed =
          find(weights_, key, [](const PackedWeights&) { return true; })) {
    return *packed;
  }
  const std::int64_t blocks = (op.cols + strip_cols - 1) / strip_cols * (strip_cols / block_cols);
  const std::int64_t stride = stride_of(FoldPairs{op.k_rows, op.rows_used}.total() * block_step);
  PackedWeights& packed = make(weights_, key, static_cast<std::size_t>(blocks * stride));
  packed.blocks = blocks;
  packed.block_stride = stride;
  pack(op, half, cols, packed);
  return packed;
}

void PackCache::pack(const ComputeOp& op, const BankedHalf& half, std::int64_t cols,
                     PackedWeights& packed) const {
  check_operands(op.wgt_signed != 0, op.wgt_zp, "weights");
  half.check(op.weight_base * cols, op.k_rows * cols);
  const OperandFormat format{op.wgt_signed != 0, static_cast<std::int16_t>(op.wgt_zp)};
  const std::uint8_t* from = half.bank(0) + op.weight_base * cols;
  const std::int64_t strips = packed.blocks * block_cols / strip_cols;
  std::int16_t* out = packed.data;
  for (std::int64_t k = 0; k < op.k_rows; k += op.rows_used) {
    const std::int64_t rows = std::min(op.rows_used, op.k_rows - k);
    for (std::int64_t row = 0; row < rows; row += 2, out += block_step) {
      const std::uint8_t* even = from + (k + row) * cols;
      kernels_.pack_weights(even, row + 1 < rows ? even + cols : nullptr, format, strips,
                            packed.block_stride, out);
    }
  }
  packed.magnitudes.resize(static_cast<std::size_t>(packed.blocks * block_cols));
  kernels_.magnitudes(packed.data, packed.blocks, packed.block_stride,
                      FoldPairs{op.k_rows, op.rows_used}.total(), packed.magnitudes.data());
}

}  // namespace tactus::fast
