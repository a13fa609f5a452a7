// SPDX-License-Identifier: Apache-2.0
// Tiles of layers that only the post-processor works on: source and result in one ofmap half.
#pragma once

#include <functional>
#include <vector>

#include "lower/context.hpp"

namespace tactus::lower {

/// Bytes of a tensor's elements in the ofmap buffer.
[[nodiscard]] std::int64_t elem_of(const Context& ctx, const Format& format);

/// A tile of channels x lines x pixels and what it takes in one ofmap bank.
struct PostTiles {
  std::int64_t channels = 0, h = 0, w = 0;
};

/// Largest tile (full width first, then lines, then channels) whose source and result regions fit
/// one ofmap half; at most `max_channels` (no limit for 0) channels. `bank_bytes(channels, tile)`
/// gives the bytes per bank.
using BankBytes = std::function<std::int64_t(std::int64_t, const PixelTile&)>;
[[nodiscard]] PostTiles choose_tiles(const Context& ctx, const Layer& layer, const Shape& out,
                                     std::int64_t elems_per_beat, std::int64_t max_channels,
                                     const BankBytes& bank_bytes);

/// Work of one tile: its channels [c0, c0 + channels) and pixels.
using TileWork = std::function<void(std::int64_t c0, std::int64_t channels, const PixelTile&)>;
void for_each_tile(const Shape& out, const PostTiles& tiles, const TileWork& work);

/// Fields that every post op on an ofmap source shares.
[[nodiscard]] PostOp source_op(const TileLayout& layout, const Format& format, std::int64_t elem,
                               std::int64_t stride_w, int half);

/// The result of a tile from byte `out_base` of the half on: the op's destination, and the store.
void set_destination(const Context& ctx, int index, std::int64_t channels, const PixelTile& tile,
                     std::int64_t out_base, int half, PostOp& op);
void store_result(Context& ctx, int index, std::int64_t c0, std::int64_t channels,
                  const PixelTile& tile, std::int64_t out_base, int half);

/// Completes the post op's destination in the same half, emits it and the store.
void emit_with_store(Context& ctx, int index, PostOp op, std::int64_t c0, std::int64_t channels,
                     const PixelTile& tile, std::int64_t out_base, int half,
                     std::vector<Half> touches);

[[nodiscard]] std::int64_t out_bank_bytes(const Context& ctx, const Format& format,
                                          std::int64_t slots, const PixelTile& tile);

/// Ops of the row unit on rows of `length` channels; `whole` holds what all of them share.
void lower_rows(Context& ctx, int index, std::int64_t length, const PostOp& whole,
                const std::vector<Half>& touches);

/// Entries of 32 bits as records of the parameter buffer.
[[nodiscard]] std::vector<EncodedRecord> table_records(const std::vector<std::uint32_t>& entries);

/// The line that `tactus inspect` shows.
void note(Context& ctx, int index, const PostTiles& tiles);

}  // namespace tactus::lower
