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

/// Bytes of off-chip memory from the first to behind the last of a load or store.
template <class Op>
std::int64_t span_of(const Op& op, std::int64_t line_bytes) {
  return (op.planes - 1) * op.plane_stride + (op.lines - 1) * op.line_stride + line_bytes;
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
  const bool packed = op.log2_pack != 0 || op.log2_bundle != 0;
  const std::int64_t last_line = ceil_div(line_beats, std::int64_t{1} << op.log2_bundle);
  for (const std::int64_t slot : {std::int64_t{0}, (op.planes - 1) / group}) {
    target.check((op.dst_base + slot * op.dst_slot_stride) * beat_bytes_,
                 ((op.lines - 1) * op.dst_line_stride + last_line) * beat_bytes_);
  }
  const std::int64_t span = span_of(op, line_bytes);
  const std::uint8_t* from =
      memory.view(static_cast<std::uint64_t>(op.mem_addr), static_cast<std::uint64_t>(span));
  const Known& known = know(op, from, span);
  if (packed) {
    target.touch();
    for (std::int64_t plane = 0; plane < op.planes; ++plane) {
      unpack_plane(op, plane, from + plane * op.plane_stride, target);
    }
    return known.digest;
  }
  const std::int64_t slots = ceil_div(op.planes, group);
  BankWrite write;
  write.content = known.content;
  write.first = op.dst_base * beat_bytes_;
  write.end = (op.dst_base + (slots - 1) * op.dst_slot_stride +
               (op.lines - 1) * op.dst_line_stride + line_beats) *
              beat_bytes_;
  write.whole = !masked && op.planes == 1 && (op.lines == 1 || op.dst_line_stride == line_beats);
  write.from = from;
  write.from_end = from + span;
  write.planes = op.planes;
  write.group = group;
  write.plane_step = op.plane_stride;
  write.slot_step = op.dst_slot_stride * beat_bytes_;
  write.lines = op.lines;
  write.line_bytes = op.line_bytes;
  write.line_step = op.line_stride;
  write.dst_line_step = op.dst_line_stride * beat_bytes_;
  write.tail_bytes = masked ? 0 : line_bytes - op.line_bytes;
  put(write, dest, target);
  return known.digest;
}

void DmaUnit::put(const BankWrite& write, Dest dest, BankedHalf& target) const {
  if (lazy_ && (dest == Dest::ifmap || dest == Dest::weight)) {
    return target.history.add(write, target.place());
  }
  target.touch();
  write_banks(write, target.place());
}

const DmaUnit::Known& DmaUnit::know(const LoadOp& op, const std::uint8_t* from, std::int64_t span) {
  std::uint64_t age = 0;
  const std::int64_t last = (op.mem_addr + span - 1) / page_bytes;
  for (std::int64_t page = op.mem_addr / page_bytes; page <= last; ++page) {
    if (page < static_cast<std::int64_t>(ages_.size())) {
      age = std::max(age, ages_[static_cast<std::size_t>(page)]);
    }
  }
  const Key key{op.dest,       op.mem_addr,        op.planes,         op.plane_stride,
                op.lines,      op.line_bytes,      op.line_stride,    op.dst_base,
                op.log2_group, op.dst_slot_stride, op.dst_line_stride};
  Known& known = known_[key];
  if (known.content != 0 && known.age == age) return known;
  known.age = age;
  known.content = new_content();
  BeatDigest digest(beat_bytes_);
  const std::int64_t line_beats = ceil_div(op.line_bytes, beat_bytes_);
  if (op.lines == 1 || op.line_stride == line_beats * beat_bytes_) {
    digest.add(from, op.lines * line_beats, op.planes, op.plane_stride);
  } else {
    for (std::int64_t plane = 0; plane < op.planes; ++plane, from += op.plane_stride) {
      digest.add(from, line_beats, op.lines, op.line_stride);
    }
  }
  known.digest = digest.value();
  return known;
}

void DmaUnit::before_store(const StoreOp& op, std::int64_t span, const OffchipMemory& memory,
                           Buffers& buffers) {
  // A store that leaves the memory is reported when it writes.
  if (op.mem_addr > static_cast<std::int64_t>(memory.size()) - span) return;
  const std::uint8_t* from =
      memory.view(static_cast<std::uint64_t>(op.mem_addr), static_cast<std::uint64_t>(span));
  for (auto* halves : {&buffers.ifmap, &buffers.weight}) {
    for (BankedHalf& half : *halves) {
      if (half.history.reads(from, from + span)) half.settle();
    }
  }
  ++stores_;
  const auto last = static_cast<std::size_t>((op.mem_addr + span - 1) / page_bytes);
  if (ages_.size() <= last) ages_.resize(last + 1, 0);
  for (auto page = static_cast<std::size_t>(op.mem_addr / page_bytes); page <= last; ++page) {
    ages_[page] = stores_;
  }
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

std::uint64_t DmaUnit::run(const FillOp& op, Buffers& buffers) {
  BankedHalf& target = load_target(buffers, op.dest, op.half);
  ++target.version;
  target.check(op.dst_base * beat_bytes_, op.beats * beat_bytes_);
  BankWrite write;
  write.first = op.dst_base * beat_bytes_;
  write.end = write.first + op.beats * beat_bytes_;
  write.whole = true;
  write.value = static_cast<std::uint32_t>(op.value);
  Known& known = known_[{-1 - op.dest, op.dst_base, op.beats, write.value}];
  if (known.content == 0) known.content = new_content();
  write.content = known.content;
  put(write, static_cast<Dest>(op.dest), target);
  return mix_scaled(static_cast<std::uint64_t>(op.beats) * digest_address, write.value);
}

std::uint64_t DmaUnit::run(const StoreOp& op, Buffers& buffers, OffchipMemory& memory) {
  const BankedHalf& source = half_of(buffers.ofmap, op.half);
  const std::int64_t line_beats = ceil_div(op.line_bytes, beat_bytes_);
  const std::int64_t line_bytes = line_beats * beat_bytes_;
  const bool packed = op.log2_pack != 0 || op.log2_bundle != 0;
  before_store(op, span_of(op, op.line_bytes), memory, buffers);
  BeatDigest digest(beat_bytes_);
  const auto write = [&](std::int64_t plane, std::int64_t line, const std::uint8_t* from,
                         std::int64_t bytes) {
    memory.write(
        static_cast<std::uint64_t>(op.mem_addr + plane * op.plane_stride + line * op.line_stride),
        from, static_cast<std::uint64_t>(bytes));
  };
  const bool copied = !packed && op.transposed == 0;
  // Lines that follow each other without gaps on both sides are one.
  const bool joined = copied && op.line_bytes == line_bytes && op.src_line_stride == line_beats &&
                      op.line_stride == line_bytes;
  const auto place_of = [&](std::int64_t plane, std::int64_t line, std::int64_t bytes) {
    const std::int64_t channel = op.bank0 + plane;
    const std::int64_t beat =
        op.src_base + channel / source.banks() * op.src_slot_stride + line * op.src_line_stride;
    source.check(beat * beat_bytes_, bytes);
    return source.bank(channel % source.banks()) + beat * beat_bytes_;
  };
  for (std::int64_t plane = 0; joined && plane < op.planes;) {
    // The planes of a slot lie at the same place of neighbouring banks.
    const std::int64_t bank = (op.bank0 + plane) % source.banks();
    const std::int64_t count = std::min(op.planes - plane, source.banks() - bank);
    const std::uint8_t* from = place_of(plane, 0, op.lines * line_bytes);
    digest.add(from, op.lines * line_beats, count, source.bank_step());
    for (std::int64_t i = 0; i < count; ++i, ++plane, from += source.bank_step()) {
      write(plane, 0, from, op.lines * line_bytes);
    }
  }
  if (joined) return digest.value();

  if (line_.size() < static_cast<std::size_t>(line_bytes)) {
    line_.resize(static_cast<std::size_t>(line_bytes));
  }
  // Bytes behind line_bytes stay 0: the digest sees masked bytes as 0.
  std::memset(line_.data() + op.line_bytes, 0,
              static_cast<std::size_t>(line_bytes - op.line_bytes));
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line) {
      if (op.transposed != 0) {
        pack_pixels(op, plane, source);
      } else if (packed) {
        pack_line(op, plane, line, source);
      } else {
        std::memcpy(line_.data(), place_of(plane, line, line_bytes),
                    static_cast<std::size_t>(op.line_bytes));
      }
      digest.add(line_.data(), line_beats);
      write(plane, line, line_.data(), op.line_bytes);
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
