// SPDX-License-Identifier: Apache-2.0
#include "fast/schedule.hpp"

namespace tactus::fast {

Schedule::Schedule(std::vector<PlacedBlock> blocks, const SegmentSizes& segments,
                   const ArchNumbers& arch)
    : blocks_(std::move(blocks)),
      segments_(segments),
      shape_{static_cast<Cycle>(arch.rows), static_cast<Cycle>(arch.cols), arch.overlap},
      queue_depth_(static_cast<std::size_t>(arch.queue_depth)),
      beat_bytes_(arch.beat_bytes) {
  if (!blocks_.empty()) ops_ = blocks_.back().first + blocks_.back().block->ops().size();
}

std::size_t Schedule::bytes() const {
  std::size_t bytes = blocks_.capacity() * sizeof(PlacedBlock);
  for (const PlacedBlock& block : blocks_) {
    bytes += block.tokens.capacity() * sizeof(PlacedBlock::Token);
  }
  return bytes;
}

}  // namespace tactus::fast
