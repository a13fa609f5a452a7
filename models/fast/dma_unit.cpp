// SPDX-License-Identifier: Apache-2.0
#include "fast/dma_unit.hpp"

#include <algorithm>
#include <cstring>

#include "fast/digest.hpp"
#include "fast/occupancy.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

BankedHalf& load_target(Buffers& buffers, std::int64_t dest, std::int64_t half) {
  switch (static_cast<Dest>(dest)) {
    case Dest::ifmap: return half_of(buffers.ifmap, half);
    case Dest::weight: return half_of(buffers.weight, half);
    case Dest::param: return half_of(buffers.param, half);
    case Dest::ofmap: return half_of(buffers.ofmap, half);
    case Dest::inst: return half_of(buffers.inst, half);
  }
  throw InternalError("an op has the unknown destination " + std::to_string(dest));
}

}  // namespace

std::uint64_t DmaUnit::run(const LoadOp& op, const OffchipMemory& memory,
                           Buffers& buffers) const {
  BankedHalf& target = load_target(buffers, op.dest, op.half);
  ++target.version;
  const auto dest = static_cast<Dest>(op.dest);
  const bool masked = dest == Dest::ifmap || dest == Dest::ofmap;
  const std::int64_t group = masked ? std::int64_t{1} << op.log2_group : 1;
  const std::int64_t line_beats = ceil_div(op.line_bytes, beat_bytes_);
  const std::int64_t line_bytes = line_beats * beat_bytes_;
  // Behind line_bytes, whole-beat buffers get zeros and the others keep what they have.
  const auto tail = static_cast<std::size_t>(line_bytes - op.line_bytes);
  BeatDigest digest(beat_bytes_);
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    const std::int64_t plane_beat = op.dst_base + plane / group * op.dst_slot_stride;
    target.check(plane_beat * beat_bytes_,
                 (op.lines - 1) * op.dst_line_stride * beat_bytes_ + line_bytes);
    const std::uint8_t* from = memory.view(
        static_cast<std::uint64_t>(op.mem_addr + plane * op.plane_stride),
        static_cast<std::uint64_t>((op.lines - 1) * op.line_stride + line_bytes));
    for (std::int64_t line = 0; line < op.lines; ++line, from += op.line_stride) {
      digest.add(from, line_beats);
      const std::int64_t to = (plane_beat + line * op.dst_line_stride) * beat_bytes_;
      for (std::int64_t bank = plane % group; bank < target.banks(); bank += group) {
        std::memcpy(target.bank(bank) + to, from, static_cast<std::size_t>(op.line_bytes));
        if (!masked) std::memset(target.bank(bank) + to + op.line_bytes, 0, tail);
      }
    }
  }
  return digest.value();
}

std::uint64_t DmaUnit::run(const FillOp& op, Buffers& buffers) const {
  BankedHalf& target = load_target(buffers, op.dest, op.half);
  ++target.version;
  target.check(op.dst_base * beat_bytes_, op.beats * beat_bytes_);
  const auto value = static_cast<std::uint32_t>(op.value);
  for (std::int64_t bank = 0; bank < target.banks(); ++bank) {
    std::uint8_t* to = target.bank(bank) + op.dst_base * beat_bytes_;
    for (std::int64_t i = 0; i < op.beats * beat_bytes_; i += 4) std::memcpy(to + i, &value, 4);
  }
  return mix_scaled(static_cast<std::uint64_t>(op.beats) * digest_address, value);
}

std::uint64_t DmaUnit::run(const StoreOp& op, const Buffers& buffers, OffchipMemory& memory) {
  const BankedHalf& source = half_of(buffers.ofmap, op.half);
  const std::int64_t line_beats = ceil_div(op.line_bytes, beat_bytes_);
  const std::int64_t line_bytes = line_beats * beat_bytes_;
  line_.assign(std::max(line_.size(), static_cast<std::size_t>(line_bytes)), 0);
  BeatDigest digest(beat_bytes_);
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line) {
      const std::int64_t beat = op.src_base + plane / source.banks() * op.src_slot_stride +
                                line * op.src_line_stride;
      source.check(beat * beat_bytes_, line_bytes);
      // Bytes behind line_bytes stay 0: the digest sees masked bytes as 0.
      std::memcpy(line_.data(), source.bank(plane % source.banks()) + beat * beat_bytes_,
                  static_cast<std::size_t>(op.line_bytes));
      digest.add(line_.data(), line_beats);
      memory.write(static_cast<std::uint64_t>(op.mem_addr + plane * op.plane_stride +
                                              line * op.line_stride),
                   line_.data(), static_cast<std::uint64_t>(op.line_bytes));
    }
  }
  return digest.value();
}

}  // namespace tactus::fast
