// SPDX-License-Identifier: Apache-2.0
#include "timeline/buffer_use.hpp"

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

Buffer buffer_of(std::int64_t dest) {
  switch (static_cast<Dest>(dest)) {
    case Dest::ifmap:
      return Buffer::ifmap;
    case Dest::weight:
      return Buffer::weight;
    case Dest::param:
      return Buffer::param;
    case Dest::ofmap:
      return Buffer::ofmap;
    case Dest::inst:
      return Buffer::inst;
    case Dest::index:
      return Buffer::index;
  }
  throw InternalError("an op has the unknown destination " + std::to_string(dest));
}

/// Bytes that an address of a half stands for, the same for all of its writers: ifmap and ofmap
/// addresses are bytes of each bank, psum addresses entries of each column.
std::uint64_t unit_of(Buffer buffer, const ArchConfig& config) {
  switch (buffer) {
    case Buffer::ifmap:
      return static_cast<std::uint64_t>(config.hw_array_rows);
    case Buffer::ofmap:
      return static_cast<std::uint64_t>(config.hw_array_cols);
    case Buffer::psum:
      return static_cast<std::uint64_t>(4 * config.hw_array_cols);
    default:
      return 1;
  }
}

BufferUse read_of(Buffer buffer, std::int64_t half) {
  BufferUse use;
  use.buffer = buffer;
  use.half = static_cast<std::uint8_t>(half);
  return use;
}

BufferUse write_of(Buffer buffer, std::int64_t half, const ArchConfig& config) {
  BufferUse use = read_of(buffer, half);
  use.writes = true;
  use.unit_bytes = unit_of(buffer, config);
  return use;
}

void add(std::vector<BufferUse>& out, const LoadOp& op, const ArchConfig& config) {
  const Buffer buffer = buffer_of(op.dest);
  BufferUse use = write_of(buffer, op.half, config);
  const bool banked = buffer == Buffer::ifmap || buffer == Buffer::ofmap;
  const std::int64_t slots =
      banked ? ceil_div(op.planes, std::int64_t{1} << op.log2_group) : op.planes;
  const std::int64_t beats =
      ceil_div(ceil_div(op.line_bytes, config.beat_bytes()), std::int64_t{1} << op.log2_bundle);
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    const std::int64_t from = op.dst_base + slot * op.dst_slot_stride;
    const std::int64_t to = from + (op.lines - 1) * op.dst_line_stride + beats;
    use.ranges.push_back({from * config.beat_bytes(), to * config.beat_bytes()});
  }
  out.push_back(std::move(use));
}

void add(std::vector<BufferUse>& out, const FillOp& op, const ArchConfig& config) {
  const Buffer buffer = buffer_of(op.dest);
  BufferUse use = write_of(buffer, op.half, config);
  const std::int64_t to = op.dst_base + op.beats;
  use.ranges.push_back({op.dst_base * config.beat_bytes(), to * config.beat_bytes()});
  out.push_back(std::move(use));
}

void add(std::vector<BufferUse>& out, const ComputeOp& op, const ArchConfig& config) {
  out.push_back(read_of(Buffer::ifmap, op.ifmap_half));
  out.push_back(read_of(Buffer::weight, op.weight_half));
  if (op.log2_m > 0) out.push_back(read_of(Buffer::index, op.weight_half));
  BufferUse use = write_of(Buffer::psum, op.psum_half, config);
  use.ranges.push_back({op.psum_base, op.psum_base + op.out_h * op.out_w});
  out.push_back(std::move(use));
}

void add(std::vector<BufferUse>& out, const PostOp& op, const ArchConfig& config) {
  const PostTraits traits = post_traits(static_cast<PostMode>(op.mode));
  if (traits.psum) out.push_back(read_of(Buffer::psum, op.psum_half));
  if (traits.source) out.push_back(read_of(Buffer::ofmap, op.src_half));
  if (traits.channel_records || traits.add_record || traits.table) {
    out.push_back(read_of(Buffer::param, op.param_half));
  }
  const bool to_ifmap = op.dst == 1;
  BufferUse use = write_of(to_ifmap ? Buffer::ifmap : Buffer::ofmap, op.dst_half, config);
  std::int64_t first = 0, slots = ceil_div(op.channels, config.hw_array_cols);
  std::int64_t pixel = std::int64_t{1} << op.dst_log2_bytes;
  if (to_ifmap) {
    const std::int64_t plane = std::int64_t{1} << (op.dst_log2_pack + op.dst_log2_bundle);
    const std::int64_t group = std::int64_t{1} << op.dst_log2_group;
    first = op.dst_ch0 / plane / group;
    slots = ceil_div(ceil_div(op.dst_ch0 + op.channels, plane), group);
    pixel = config.word_bytes() << op.dst_log2_bundle;
  }
  for (std::int64_t slot = first; slot < slots; ++slot) {
    const std::int64_t from = op.dst_base + slot * op.dst_slot_stride;
    use.ranges.push_back({from, from + (op.out_h - 1) * op.dst_step_y + op.out_w * pixel});
  }
  out.push_back(std::move(use));
}

void add(std::vector<BufferUse>& out, const StoreOp& op, const ArchConfig&) {
  out.push_back(read_of(Buffer::ofmap, op.half));
}

}  // namespace

const char* name_of(Buffer buffer) {
  constexpr std::array<const char*, buffer_count> names{"ifmap", "weight", "index",      "param",
                                                        "psum",  "ofmap",  "instruction"};
  return names.at(static_cast<std::size_t>(buffer));
}

std::uint64_t half_bytes(Buffer buffer, const ArchConfig& config) {
  switch (buffer) {
    case Buffer::ifmap:
      return static_cast<std::uint64_t>(config.buf_ifmap_kib) * 512;
    case Buffer::weight:
      return static_cast<std::uint64_t>(config.buf_weight_kib) * 512;
    case Buffer::index:
      return static_cast<std::uint64_t>(config.buf_index_kib) * 512;
    case Buffer::param:
      return static_cast<std::uint64_t>(config.buf_param_kib) * 512;
    case Buffer::psum:
      return static_cast<std::uint64_t>(config.buf_psum_kib) * 512;
    case Buffer::ofmap:
      return static_cast<std::uint64_t>(config.buf_ofmap_kib) * 512;
    case Buffer::inst:
      return static_cast<std::uint64_t>(config.hw_segment_ops * op_bytes);
  }
  return 0;
}

std::vector<BufferUse> uses_of(const TileOp& op, const ArchConfig& config) {
  std::vector<BufferUse> out;
  std::visit([&](const auto& body) { add(out, body, config); }, op.body);
  return out;
}

void HalfFill::empty() {
  if (last_read_ == 0) return;
  steps_.push_back({last_read_, 0});
  written_.clear();
  last_read_ = 0;
}

void HalfFill::use(const BufferUse& use, Cycle end) {
  if (!use.writes) {
    last_read_ = std::max(last_read_, end);
    return;
  }
  empty();
  for (WrittenRange range : use.ranges) {
    if (range.to <= range.from) continue;
    // Joins the range with those that it touches.
    auto it = written_.upper_bound(range.from);
    if (it != written_.begin() && std::prev(it)->second >= range.from) --it;
    while (it != written_.end() && it->first <= range.to) {
      range.from = std::min(range.from, it->first);
      range.to = std::max(range.to, it->second);
      it = written_.erase(it);
    }
    written_[range.from] = range.to;
  }
  std::uint64_t units = 0;
  for (const auto& [from, to] : written_) units += static_cast<std::uint64_t>(to - from);
  steps_.push_back({end, units * use.unit_bytes});
}

std::vector<HalfFill::Step> HalfFill::take() { return std::exchange(steps_, {}); }

void HalfFill::finish() { empty(); }

}  // namespace tactus
