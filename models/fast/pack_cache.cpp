// SPDX-License-Identifier: Apache-2.0
#include "fast/pack_cache.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "dataflow/output_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

/// int16 elements of a pool, at most: about what the tiles of one layer of ResNet-18 at 224 take. A
/// larger pool is slower, because all of it is touched for the first time in each run.
constexpr std::size_t activation_pool = 9U << 18, weight_pool = 11U << 18;
constexpr std::size_t pool_entries = 128;

std::size_t hash_of(const std::array<std::int64_t, 30>& key) {
  std::uint64_t hash = 0;
  for (const std::int64_t field : key) {
    hash = (hash ^ static_cast<std::uint64_t>(field)) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
  }
  return static_cast<std::size_t>(hash);
}

/// Whether the bytes are the same as when they were packed.
bool is_unchanged(const PackSource& source, const BankedHalf& ifmap) {
  if (source.copies == 0) return false;
  const auto count = static_cast<std::size_t>(source.count);
  for (std::int64_t bank = 0; bank < source.banks; ++bank) {
    const std::uint8_t* old = source.copy + bank % source.copies * source.count;
    if (std::memcmp(old, ifmap.bank(bank) + source.first, count) != 0) return false;
  }
  return true;
}

/// Whether each bank holds the same bytes as the one `group` banks before it.
bool repeats(const PackSource& source, const BankedHalf& ifmap, std::int64_t group) {
  const auto count = static_cast<std::size_t>(source.count);
  for (std::int64_t bank = group; bank < source.banks; ++bank) {
    if (std::memcmp(ifmap.bank(bank - group) + source.first, ifmap.bank(bank) + source.first,
                    count) != 0) {
      return false;
    }
  }
  return true;
}

void keep_copy(const PackSource& source, const BankedHalf& ifmap) {
  for (std::int64_t bank = 0; bank < source.copies; ++bank) {
    std::memcpy(source.copy + bank * source.count, ifmap.bank(bank) + source.first,
                static_cast<std::size_t>(source.count));
  }
}

}  // namespace

const PackCache::Reads& PackCache::reads_of(const Key& key, const ComputeOp& op,
                                            const OperandLayout& layout) {
  Reads& reads = reads_[key];
  if (!reads.lines.empty()) return reads;
  // From the first to behind the last byte of a line of pixels.
  const std::int64_t line = (op.out_w - 1) * op.step_x + layout.bundle_words * layout.word_bits / 8;
  std::vector<std::int64_t> starts;
  UnitOrder order(op, layout);
  for (std::int64_t k = 0; k < op.k_rows; order.next_window()) {
    const std::int64_t first = op.ifmap_base + unit_offset(op, order.at());
    for (std::int64_t y = 0; y < op.out_h; ++y) starts.push_back(first + y * op.step_y);
    k += order.left_of_windows();
  }
  std::sort(starts.begin(), starts.end());
  for (const std::int64_t start : starts) {
    if (!reads.lines.empty() && start < reads.lines.back().second) {
      reads.lines.back().second = start + line;  // another tap of the same line
    } else {
      reads.lines.emplace_back(start, start + line);
    }
  }
  reads.first = starts.front();
  reads.count = starts.back() + line - starts.front();
  reads.banks = op.dataflow == output_stationary::code ? std::min(op.rows_used, pixels(op))
                                                       : std::min(op.rows_used, op.k_rows);
  return reads;
}

PackSource PackCache::source_of(const Reads& reads, const ComputeOp& op, const BankedHalf& ifmap) {
  if (op.rows_used > ifmap.banks()) {
    throw InternalError("a compute op uses " + std::to_string(op.rows_used) + " of " +
                        std::to_string(ifmap.banks()) + " array rows");
  }
  ifmap.check(reads.first, reads.count);
  PackSource source;
  source.banks = reads.banks;
  source.copies = reads.banks;
  source.first = reads.first;
  source.count = reads.count;
  const std::int64_t end = reads.first + reads.count;
  source.name = ifmap.history.name(reads.first, end, [&](const BankWrite& write) {
    if (write.covers(reads.first, end)) return true;
    return std::all_of(reads.lines.begin(), reads.lines.end(),
                       [&](const auto& line) { return write.covers(line.first, line.second); });
  });
  return source;
}

std::size_t PackCache::KeyHash::operator()(const Key& key) const { return hash_of(key); }

template <class Packed, class Matches>
Packed* PackCache::find(Pool<Packed>& pool, const Key& key, const Matches& matches) {
  const std::size_t hash = hash_of(key);
  for (auto& entry : pool.entries) {
    if (entry.hash == hash && entry.key == key && matches(entry.packed)) return &entry.packed;
  }
  return nullptr;
}

template <class Packed>
Packed& PackCache::make(Pool<Packed>& pool, const Key& key, std::size_t elements,
                        std::size_t preferred) {
  auto& entries = pool.entries;
  if (elements > pool.size) {
    entries.clear();
    pool.size = std::max(elements, preferred);
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
  entry.hash = hash_of(key);
  entry.first = pool.next;
  entry.packed.data = pool.arena.get() + pool.next;
  pool.next = end;
  return entry.packed;
}

PackCache::Key PackCache::key_of(const ComputeOp& op, std::int64_t per_fold, Form form) {
  return {op.ifmap_base,
          op.out_h,
          op.out_w,
          op.step_x,
          op.step_y,
          op.rows_used,
          op.log2_group,
          op.slots,
          op.slot_stride,
          op.kernel_w,
          op.step_kx,
          op.step_ky,
          op.start_slot,
          op.start_kx,
          op.start_ky,
          op.start_n,
          op.start_s,
          op.k_rows,
          op.act_signed,
          op.act_zp,
          op.act_bipolar,
          op.act_pack,
          op.wgt_pack,
          op.log2_bundle,
          op.log2_m,
          op.nm_last,
          op.dataflow,
          per_fold,
          static_cast<std::int64_t>(form)};
}

const PackedActivations* PackCache::find_activations(const Key& key, const PackSource& source,
                                                     BankedHalf& ifmap) {
  const auto is_current = [&](const PackedActivations& packed) {
    return packed.source.name == source.name;
  };
  if (const PackedActivations* packed = find(activations_, key, is_current)) return packed;
  ifmap.settle();
  const auto is_equal = [&](const PackedActivations& packed) {
    return is_unchanged(packed.source, ifmap);
  };
  PackedActivations* packed = find(activations_, key, is_equal);
  if (packed != nullptr) packed->source.name = source.name;
  return packed;
}

PackedActivations& PackCache::add_activations(const Key& key, const PackSource& source,
                                              std::int64_t elements, const BankedHalf& ifmap) {
  // Bytes that come back come back under a lasting name.
  const std::int64_t copies = source.name.lasting ? 0 : source.copies;
  const std::int64_t copied = (copies * source.count + 1) / 2;
  PackedActivations& packed =
      make(activations_, key, static_cast<std::size_t>(elements + copied), activation_pool);
  packed.source = source;
  packed.source.copies = copies;
  packed.source.copy = reinterpret_cast<std::uint8_t*>(packed.data + elements);
  keep_copy(packed.source, ifmap);
  return packed;
}

const PackedActivations* PackCache::activations(const ComputeOp& op, const OperandLayout& layout,
                                                const PackShape& shape, BankedHalf& ifmap) {
  const Key key = key_of(op, shape.per_fold, shape.merged ? Form::merged : Form::units);
  PackSource source = source_of(reads_of(key, op, layout), op, ifmap);
  if (const PackedActivations* packed = find_activations(key, source, ifmap)) return packed;
  bool uniform = false;
  if (shape.merged || op.dataflow == output_stationary::code) {
    const std::int64_t group = std::int64_t{1} << op.log2_group;
    uniform = repeats(source, ifmap, group);
    if (uniform) source.copies = std::min(group, source.banks);
    if (shape.merged && !uniform) return nullptr;
  }
  const std::int64_t panels = (pixels(op) + panel_pixels - 1) / panel_pixels;
  const std::int64_t stride = pack_stride(shape.pairs() * panel_step);
  const std::int64_t parts = activation_width(op, layout).parts();
  PackedActivations& packed = add_activations(key, source, parts * panels * stride, ifmap);
  packed.panels = panels;
  packed.panel_stride = stride;
  packed.part_stride = panels * stride;
  activation_packer_.pack(op, layout, shape, ifmap, uniform, packed);
  return &packed;
}

const PackedActivations& PackCache::windows(const ComputeOp& op, const OperandLayout& layout,
                                            std::int64_t elements, BankedHalf& ifmap,
                                            const Pack& pack) {
  const Key key = key_of(op, 0, Form::windows);
  const PackSource source = source_of(reads_of(key, op, layout), op, ifmap);
  if (const PackedActivations* packed = find_activations(key, source, ifmap)) return *packed;
  PackedActivations& packed = add_activations(key, source, elements, ifmap);
  pack(packed);
  return packed;
}

bool PackCache::same_windows(const ComputeOp& op, const OperandLayout& layout,
                             const PackedActivations& packed, BankedHalf& ifmap) {
  const Reads& reads = reads_of(key_of(op, 0, Form::windows), op, layout);
  if (source_of(reads, op, ifmap).name == packed.source.name) return true;
  ifmap.settle();
  return is_unchanged(packed.source, ifmap);
}

ContentName PackCache::weight_name(const ComputeOp& op, const OperandLayout& layout,
                                   const BankedHalf& weights) const {
  const std::int64_t first = op.weight_base / layout.units_per_row * row_bytes_;
  const std::int64_t end =
      (op.weight_base + op.k_rows + layout.units_per_row - 1) / layout.units_per_row * row_bytes_;
  return weights.history.name(first, end,
                              [&](const BankWrite& write) { return write.covers(first, end); });
}

PackedWeights& PackCache::weights(const ComputeOp& op, const OperandLayout& layout,
                                  const PackShape& shape, BankedHalf& weights,
                                  const BankedHalf& indices) {
  const bool sparse = layout.sparse();
  const ContentName name = weight_name(op, layout, weights);
  const auto part = [&](std::size_t i) { return static_cast<std::int64_t>(name.writes[i]); };
  const Key key{part(0), part(1), part(2), part(3), sparse ? op.weight_half : 0, op.weight_base,
                sparse ? static_cast<std::int64_t>(indices.version) : 0, op.index_base, op.k_rows,
                op.cols, op.wgt_signed, op.wgt_zp, op.wgt_bipolar, op.act_pack, op.wgt_pack,
                op.log2_m, op.nm_last, shape.per_fold, shape.merged ? 1 : 0,
                // They decide which units a merged window has.
                shape.merged ? op.start_n : 0, shape.merged ? op.log2_group : 0};
  if (PackedWeights* packed = find(weights_, key, [](const PackedWeights&) { return true; })) {
    return *packed;
  }
  weights.settle();
  const std::int64_t blocks = (op.cols + strip_cols - 1) / strip_cols * (strip_cols / block_cols);
  const std::int64_t stride = pack_stride(shape.pairs() * block_step);
  const std::int64_t parts = weight_width(op, layout).parts();
  PackedWeights& packed =
      make(weights_, key, static_cast<std::size_t>(parts * blocks * stride), weight_pool);
  packed.blocks = blocks;
  packed.block_stride = stride;
  packed.part_stride = blocks * stride;
  weight_packer_.pack(op, layout, shape, weights, indices, packed);
  return packed;
}

}  // namespace tactus::fast
