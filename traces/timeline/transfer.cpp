// SPDX-License-Identifier: Apache-2.0
#include "timeline/transfer.hpp"

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

template <class Op>
std::uint64_t beats_of(const Op& op, std::int64_t beat_bytes) {
  return static_cast<std::uint64_t>(op.planes * op.lines *
                                    ((op.line_bytes + beat_bytes - 1) / beat_bytes));
}

template <class Op>
void walk(const Op& op, std::int64_t beat_bytes,
          const std::function<void(std::uint64_t, std::uint32_t)>& visit) {
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    for (std::int64_t line = 0; line < op.lines; ++line) {
      const std::int64_t address = op.mem_addr + plane * op.plane_stride + line * op.line_stride;
      for (std::int64_t at = 0; at < op.line_bytes; at += beat_bytes) {
        visit(static_cast<std::uint64_t>(address + at),
              static_cast<std::uint32_t>(std::min(beat_bytes, op.line_bytes - at)));
      }
    }
  }
}

}  // namespace

std::optional<Transfer> transfer_of(const TileOp& op, const RetireRecord& record,
                                    const ArchConfig& config) {
  Transfer out;
  const auto latency = static_cast<Cycle>(config.latency());
  if (const auto* load = std::get_if<LoadOp>(&op.body)) {
    out.beats = beats_of(*load, config.beat_bytes());
    out.from = record.start + latency + 1;
    out.to = record.cycle + 1;
  } else if (const auto* store = std::get_if<StoreOp>(&op.body)) {
    out.beats = beats_of(*store, config.beat_bytes());
    out.from = record.start + 2;
    out.to = record.cycle + 1 - std::min(latency, record.cycle + 1);
  } else {
    return std::nullopt;
  }
  if (out.to < out.from + out.beats) {
    throw InternalError("the retire record of " + std::string(name_of(record.queue)) + " op " +
                        std::to_string(record.seq) + " leaves no room for its beats");
  }
  out.bytes = out.beats * static_cast<std::uint64_t>(config.beat_bytes());
  return out;
}

void for_each_beat(const TileOp& op, const ArchConfig& config,
                   const std::function<void(std::uint64_t, std::uint32_t)>& visit) {
  if (const auto* load = std::get_if<LoadOp>(&op.body)) walk(*load, config.beat_bytes(), visit);
  if (const auto* store = std::get_if<StoreOp>(&op.body)) walk(*store, config.beat_bytes(), visit);
}

}  // namespace tactus
