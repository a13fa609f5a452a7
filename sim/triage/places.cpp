// SPDX-License-Identifier: Apache-2.0
#include "triage/places.hpp"

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus::triage {
namespace {

int narrow(std::int64_t v) { return static_cast<int>(v); }

bool reads_psums(const PostOp& op) { return post_traits(static_cast<PostMode>(op.mode)).psum; }

/// Bytes that a tensor takes from its address on.
std::uint64_t extent(const TensorPlace& t) {
  const auto plane = static_cast<std::uint64_t>(t.bundle * t.pack);
  const std::uint64_t planes = (static_cast<std::uint64_t>(t.c) + plane - 1) / plane;
  const std::uint64_t line =
      static_cast<std::uint64_t>(t.w) * static_cast<std::uint64_t>(t.bundle * t.element_bytes);
  return (planes - 1) * t.plane_stride + (static_cast<std::uint64_t>(t.h) - 1) * t.line_stride +
         line;
}

}  // namespace

std::size_t op_index(const Program& program, Queue queue, std::uint32_t seq) {
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    if (queue_of(program.ops[i]) == queue && seen++ == seq) return i;
  }
  throw InternalError(std::string("the program has no ") + name_of(queue) + " op " +
                      std::to_string(seq));
}

std::uint32_t seq_of(const Program& program, std::size_t op) {
  const Queue queue = queue_of(program.ops.at(op));
  return static_cast<std::uint32_t>(
      std::count_if(program.ops.begin(), program.ops.begin() + static_cast<std::ptrdiff_t>(op),
                    [&](const TileOp& other) { return queue_of(other) == queue; }));
}

std::optional<std::pair<std::size_t, Spot>> Places::post_of(std::size_t op,
                                                            const Spot& spot) const {
  const auto& compute = std::get<ComputeOp>(program_.ops.at(op).body);
  const std::int64_t entry = compute.psum_base + spot.entry;
  for (std::size_t i = op + 1; i < program_.ops.size(); ++i) {
    const auto* post = std::get_if<PostOp>(&program_.ops[i].body);
    if (post == nullptr || !reads_psums(*post) || post->psum_half != compute.psum_half) continue;
    const std::int64_t first = entry - post->psum_base;
    if (first < 0 || first >= post->out_h * post->out_w) continue;
    return std::make_pair(i, Spot{spot.column, first});
  }
  return std::nullopt;
}

std::string Places::output_of(std::size_t layer) const {
  const std::string& id = program_.layers.at(layer).id;
  for (const LayerInfo& info : program_.layers) {
    if (info.fused_into == id && info.op == name_of(LayerOp::add)) return info.id;
  }
  return id;
}

const TensorPlace* Places::tensor_at(std::uint64_t address) const {
  for (const TensorPlace& t : program_.tensors) {
    if (t.in_memory && address >= t.address && address < t.address + extent(t)) return &t;
  }
  return nullptr;
}

Coordinates Places::named(const TensorPlace& place, std::int64_t c, std::int64_t y,
                          std::int64_t x) const {
  if (!place.channels.empty() && c < static_cast<std::int64_t>(place.channels.size())) {
    c = place.channels[static_cast<std::size_t>(c)];
  }
  return {place.name, narrow(c), narrow(y), narrow(x)};
}

std::optional<Coordinates> Places::of_address(std::uint64_t address) const {
  const TensorPlace* t = tensor_at(address);
  if (t == nullptr) return std::nullopt;
  const std::uint64_t offset = address - t->address;
  const auto pixel = static_cast<std::uint64_t>(t->bundle * t->element_bytes);
  const std::uint64_t plane = t->plane_stride == 0 ? 0 : offset / t->plane_stride;
  const std::uint64_t in_plane = offset - plane * t->plane_stride;
  const std::uint64_t y = t->line_stride == 0 ? 0 : in_plane / t->line_stride;
  const std::uint64_t in_line = in_plane - y * t->line_stride;
  const std::uint64_t x = in_line / pixel;
  const std::uint64_t word = in_line % pixel / static_cast<std::uint64_t>(t->element_bytes);
  if (y >= static_cast<std::uint64_t>(t->h) || x >= static_cast<std::uint64_t>(t->w)) {
    return std::nullopt;
  }
  const auto c = static_cast<std::int64_t>(plane) * t->bundle * t->pack +
                 static_cast<std::int64_t>(word) * t->pack;
  if (c >= t->c) return std::nullopt;
  return named(*t, c, static_cast<std::int64_t>(y), static_cast<std::int64_t>(x));
}

std::vector<std::size_t> Places::stores_of(std::size_t op) const {
  const auto& post = std::get<PostOp>(program_.ops.at(op).body);
  std::vector<std::size_t> found;
  if (post.dst != 0) return found;
  for (std::size_t i = op + 1; i < program_.ops.size(); ++i) {
    if (const auto* store = std::get_if<StoreOp>(&program_.ops[i].body)) {
      if (store->half == post.dst_half) found.push_back(i);
    } else if (const auto* other = std::get_if<PostOp>(&program_.ops[i].body)) {
      if (!found.empty() && other->dst == 0 && other->dst_half == post.dst_half) break;
    } else if (const auto* load = std::get_if<LoadOp>(&program_.ops[i].body)) {
      const bool same =
          load->dest == static_cast<std::int64_t>(Dest::ofmap) && load->half == post.dst_half;
      if (!found.empty() && same) break;
    }
  }
  return found;
}

std::optional<Coordinates> Places::of_store(const StoreOp& store, const PostOp& post,
                                            const Spot& spot) const {
  const auto address = static_cast<std::uint64_t>(store.mem_addr);
  const TensorPlace* t = tensor_at(address);
  if (t == nullptr) return std::nullopt;
  const auto offset = static_cast<std::int64_t>(address - t->address);
  const auto plane_stride = static_cast<std::int64_t>(t->plane_stride);
  const auto line_stride = static_cast<std::int64_t>(t->line_stride);
  const std::int64_t plane = plane_stride == 0 ? 0 : offset / plane_stride;
  const std::int64_t in_plane = offset - plane * plane_stride;
  const std::int64_t y0 = line_stride == 0 ? 0 : in_plane / line_stride;
  const std::int64_t x0 = (in_plane - y0 * line_stride) / (t->bundle * t->element_bytes);
  const std::int64_t c0 = plane * t->bundle * t->pack;
  if (store.transposed != 0) {
    // Lanes are pixels, psum entries are channels.
    const std::int64_t first = post.dst_base >> post.dst_log2_bytes;
    return named(*t, c0 + first + spot.entry, y0, x0 + spot.column - store.bank0);
  }
  const std::int64_t count =
      store.channels > 0 ? store.channels : store.planes << (store.log2_pack + store.log2_bundle);
  const std::int64_t channel = spot.column - store.bank0;
  const std::int64_t line = spot.entry / post.out_w;
  if (channel < 0 || channel >= count || line >= store.lines) return std::nullopt;
  const std::int64_t step =
      store.lines > 1 && line_stride > 0 ? store.line_stride / line_stride : 1;
  // The op may write a part of the stored lines: its first pixel's place among them. Beats of the
  // buffer are counted by what both ops say of a line or of a slot.
  std::int64_t beat = 0;
  if (store.src_line_stride > 0 && post.dst_step_y > 0) {
    beat = post.dst_step_y / store.src_line_stride;
  } else if (store.src_slot_stride > 0) {
    beat = post.dst_slot_stride / store.src_slot_stride;
  }
  const std::int64_t ahead = beat > 0 ? post.dst_base - store.src_base * beat : 0;
  std::int64_t down = 0, right = 0;
  if (ahead > 0 && post.dst_step_y > 0) {
    down = ahead / post.dst_step_y;
    right = ahead % post.dst_step_y >> post.dst_log2_bytes;
  }
  if (line + down >= store.lines) return std::nullopt;
  return named(*t, c0 + channel, y0 + (line + down) * step, x0 + right + spot.entry % post.out_w);
}

std::optional<Coordinates> Places::of_post(std::size_t op, const Spot& spot) const {
  const auto& post = std::get<PostOp>(program_.ops.at(op).body);
  if (post.dst != 0) {
    const TensorPlace* t = program_.find_tensor(output_of(program_.ops[op].layer));
    if (t == nullptr) return std::nullopt;
    return named(*t, post.dst_ch0 + spot.column, spot.entry / post.out_w, spot.entry % post.out_w);
  }
  for (const std::size_t i : stores_of(op)) {
    const auto place = of_store(std::get<StoreOp>(program_.ops[i].body), post, spot);
    if (place) return place;
  }
  return std::nullopt;
}

std::optional<Coordinates> Places::of_psum(std::size_t op, const Spot& spot) const {
  const auto post = post_of(op, spot);
  if (!post) return std::nullopt;
  return of_post(post->first, post->second);
}

std::optional<Spot> Places::find_in_post(std::size_t op, const Coordinates& element) const {
  const auto& post = std::get<PostOp>(program_.ops.at(op).body);
  for (std::int64_t column = 0; column < post.channels; ++column) {
    // Channels of a column differ in nothing but c, or (transposed) in nothing but x.
    for (std::int64_t entry = 0; entry < post.out_h * post.out_w; ++entry) {
      const auto place = of_post(op, {column, entry});
      if (!place || place->tensor != element.tensor) break;
      if (*place == element) return Spot{column, entry};
      if (post.transposed == 0 && place->c != element.c) break;
    }
  }
  return std::nullopt;
}

}  // namespace tactus::triage
