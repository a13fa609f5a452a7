// SPDX-License-Identifier: Apache-2.0
#include "fast/dma_unit.hpp"

#include <algorithm>
#include <cstring>

#include "fast/digest.hpp"
#include "fast/occupancy.hpp"
#include "fast/packed_words.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

BankedHalf& load_target(Buffers& buffers, std::int64_t dest, std::int64_t half) {
  switch (static_cast<Dest>(dest)) {
    case Dest::ifmap:
      return half_of(buffers.ifmap, half);
    case Dest::weight:
      return half_of(buffers.weight, half);
    case Dest::param:
      return half_of(buffers.param, half);
    case Dest::ofmap:
      return half_of(buffers.ofmap, half);
    case Dest::index:
      return half_of(buffers.index, half);
    case Dest::inst:
      return half_of(buffers.inst, half);
  }
  throw InternalError("an op has the unknown destination " + std::to_string(dest));
}

struct Lines {
  std::int64_t count, bytes, from_stride, to_stride;
};

void copy_lines(const std::uint8_t* from, std::uint8_t* to, const Lines& lines) {
  if (lines.bytes == lines.from_stride && lines.bytes == lines.to_stride) {
    std::memcpy(to, from, static_cast<std::size_t>(lines.count * lines.bytes));
    return;
  }
  if (lines.bytes < 8 || lines.bytes > 64) {
    for (std::int64_t i = 0; i < lines.count; ++i) {
      std::memcpy(to + i * lines.to_stride, from + i * lines.from_stride,
                  static_cast<std::size_t>(lines.bytes));
    }
    return;
  }
  // Short lines by words, the last of which may overlap the one before.
  for (std::int64_t i = 0; i < lines.count; ++i) {
    std::int64_t at = 0;
    for (; at < lines.bytes - 8; at += 8) std::memcpy(to + at, from + at, 8);
    std::memcpy(to + lines.bytes - 8, from + lines.bytes - 8, 8);
    from += lines.from_stride;
    to += lines.to_stride;
  }
}

/// Bytes behind a line in a buffer that takes whole beats.
void clear_tails(std::uint8_t* tail, std::int64_t bytes, const Lines& lines) {
  for (std::int64_t i = 0; bytes > 0 && i < lines.count; ++i) {
    std::memset(tail + i * lines.to_stride, 0, static_cast<std::size_t>(bytes));
  }
}

}  // namespace

std::uint64_t DmaUnit::run(const LoadOp& op, const OffchipMemory& memory, Buffers& buffers) {
  BankedHalf& target = load_target(buffers, op.dest, op.half);
  ++target.version;
  const auto dest = static_cast<Dest>(op.dest);
  const bool masked = dest == Dest::ifmap || dest == Dest::ofmap;
  const std::int64_t group = masked ? std::int64_t{1} << op.log2_group : 1;
  const std::int64_t line_beats = ceil_div(op.line_bytes, beat_bytes_);
  const std::int64_t line_bytes = line_beats * beat_bytes_;
  BeatDigest digest(beat_bytes_);
  const bool packed = op.log2_pack != 0 || op.log2_bundle != 0;
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    const std::int64_t plane_beat = op.dst_base + plane / group * op.dst_slot_stride;
    const std::int64_t last_line = ceil_div(line_beats, std::int64_t{1} << op.log2_bundle);
    target.check(plane_beat * beat_bytes_,
                 ((op.lines - 1) * op.dst_line_stride + last_line) * beat_bytes_);
    const std::uint8_t* from =
        memory.view(static_cast<std::uint64_t>(op.mem_addr + plane * op.plane_stride),
                    static_cast<std::uint64_t>((op.lines - 1) * op.line_stride + line_bytes));
    if (op.line_stride == line_bytes) {
      digest.add(from, op.lines * line_beats);
    } else {
      for (std::int64_t line = 0; line < op.lines; ++line) {
        digest.add(from + line * op.line_stride, line_beats);
      }
    }
    if (packed) {
      unpack_plane(op, plane, from, target);
      continue;
    }
    const Lines lines{op.lines, op.line_bytes, op.line_stride, op.dst_line_stride * beat_bytes_};
    for (std::int64_t bank = plane % group; bank < target.banks(); bank += group) {
      std::uint8_t* to = target.bank(bank) + plane_beat * beat_bytes_;
      copy_lines(from, to, lines);
      if (!masked) clear_tails(to + op.line_bytes, line_bytes - op.line_bytes, lines);
    }
  }
  return digest.value();
}

void DmaUnit::unpack_plane(const LoadOp& op, std::int64_t plane, const std::uint8_t* from,
                           BankedHalf& target) {
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const std::int64_t bundle = std::int64_t{1} << op.log2_bundle;
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  const std::int64_t count = op.line_bytes / (bundle * word_bytes_);
  if (pack > 8 * word_bytes_ || pack * bundle * group > target.banks()) {
    throw InternalError("a load op unpacks more elements than a word or the banks have");
  }
  const std::int64_t first = (op.dst_base + plane / group * op.dst_slot_stride) * beat_bytes_;
  const auto bytes = static_cast<std::size_t>(count * word_bytes_);
  if (line_.size() < bytes) line_.resize(bytes);
  for (std::int64_t line = 0; line < op.lines; ++line, from += op.line_stride) {
    const std::int64_t address = first + line * op.dst_line_stride * beat_bytes_;
    for (std::int64_t j = 0; j < pack * bundle; ++j) {
      const std::int64_t bits = 8 * word_bytes_ / pack;
      unpack_field(from + j / pack * word_bytes_, count,
                   {word_bytes_, j % pack * bits, bits, bundle * word_bytes_, word_bytes_},
                   op.unpack_signed != 0, line_.data());
      const std::int64_t step = group * pack * bundle;
      for (std::int64_t bank = plane % group * pack * bundle + j; bank < target.banks();
           bank += step) {
        std::memcpy(target.bank(bank) + address, line_.data(), bytes);
      }
    }
  }
}

std::uint64_t DmaUnit::run(const FillOp& op, Buffers& buffers) const {
  BankedHalf& target = load_target(buffers, op.dest, op.half);
  ++target.version;
  target.check(op.dst_base * beat_bytes_, op.beats * beat_bytes_);
  const auto value = static_cast<std::uint32_t>(op.value);
  const std::int64_t words = op.beats * beat_bytes_ / 4;
  for (std::int64_t bank = 0; bank < target.banks(); ++bank) {
    std::uint8_t* to = target.bank(bank) + op.dst_base * beat_bytes_;
    if (value == 0x01010101U * (value & 0xFFU)) {
      std::memset(to, static_cast<int>(value & 0xFFU), static_cast<std::size_t>(4 * words));
    } else {
      for (std::int64_t i = 0; i < words; ++i) std::memcpy(to + 4 * i, &value, 4);
    }
  }
  return mix_scaled(static_cast<std::uint64_t>(op.beats) * digest_address, value);
}

std::uint64_t DmaUnit::run(const StoreOp& op, const Buffers& buffers, OffchipMemory& memory) {
  const BankedHalf& source = half_of(buffers.ofmap, op.half);
  const std::int64_t line_beats = ceil_div(op.line_bytes, beat_bytes_);
  const std::int64_t line_bytes = line_beats * beat_bytes_;
  const bool packed = op.log2_pack != 0 || op.log2_bundle != 0;
  // Bytes behind line_bytes stay 0: the digest sees masked bytes as 0.
  line_.assign(std::max(line_.size(), static_cast<std::size_t>(line_bytes)), 0);
  BeatDigest digest(beat_bytes_);
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line) {
      if (op.transposed != 0) {
        pack_pixels(op, plane, source);
      } else if (packed) {
        pack_line(op, plane, line, source);
      } else {
        const std::int64_t channel = op.bank0 + plane;
        const std::int64_t beat =
            op.src_base + channel / source.banks() * op.src_slot_stride + line * op.src_line_stride;
        source.check(beat * beat_bytes_, line_bytes);
        std::memcpy(line_.data(), source.bank(channel % source.banks()) + beat * beat_bytes_,
                    static_cast<std::size_t>(op.line_bytes));
      }
      digest.add(line_.data(), line_beats);
      memory.write(
          static_cast<std::uint64_t>(op.mem_addr + plane * op.plane_stride + line * op.line_stride),
          line_.data(), static_cast<std::uint64_t>(op.line_bytes));
    }
  }
  return digest.value();
}

void DmaUnit::pack_line(const StoreOp& op, std::int64_t plane, std::int64_t line,
                        const BankedHalf& source) {
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const std::int64_t bundle = std::int64_t{1} << op.log2_bundle;
  const std::int64_t count = op.line_bytes / (bundle * word_bytes_);
  const std::int64_t bits = 8 * word_bytes_ / pack;
  if (bits < 1) throw InternalError("a store op packs more elements than a word has bits");
  std::memset(line_.data(), 0, static_cast<std::size_t>(op.line_bytes));
  for (std::int64_t j = 0; j < pack * bundle; ++j) {
    const std::int64_t channel = plane * pack * bundle + j;
    if (channel >= op.channels) break;
    const std::int64_t place = op.bank0 + channel;
    const std::int64_t address =
        (op.src_base + place / source.banks() * op.src_slot_stride + line * op.src_line_stride) *
        beat_bytes_;
    source.check(address, count * word_bytes_);
    pack_field(source.bank(place % source.banks()) + address, count,
               {word_bytes_, j % pack * bits, bits, bundle * word_bytes_, word_bytes_},
               line_.data() + j / pack * word_bytes_);
  }
}

void DmaUnit::pack_pixels(const StoreOp& op, std::int64_t plane, const BankedHalf& source) {
  const std::int64_t pack = std::int64_t{1} << op.log2_pack;
  const std::int64_t bytes = std::int64_t{1} << op.log2_bytes;
  const std::int64_t count = op.line_bytes / bytes;
  const std::int64_t bits = 8 * bytes / pack;
  if (bits < 1 || op.bank0 + count > source.banks()) {
    throw InternalError("a transposed store op has more elements than a word or the banks have");
  }
  std::memset(line_.data(), 0, static_cast<std::size_t>(op.line_bytes));
  for (std::int64_t s = 0; s < pack; ++s) {
    const std::int64_t channel = plane * pack + s;
    if (channel >= op.channels) break;
    const std::int64_t address = op.src_base * beat_bytes_ + channel * bytes;
    source.check(address, bytes);
    // The same address in each bank: a step of a bank from pixel to pixel.
    pack_field(source.bank(op.bank0) + address, count,
               {bytes, s * bits, bits, bytes, source.bank_step()}, line_.data());
  }
}

}  // namespace tactus::fast
