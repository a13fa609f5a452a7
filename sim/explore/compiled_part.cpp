// SPDX-License-Identifier: Apache-2.0
#include "explore/compiled_part.hpp"

#include <algorithm>
#include <utility>

#include "dataflow/unit_order.hpp"
#include "fast/occupancy.hpp"
#include "fast/shape_events.hpp"
#include "report/stalls.hpp"

namespace tactus {

namespace {

fast::ScheduleBlock block_of(const PartOps& part, const lower::PartOrder& order,
                             const fast::ArchNumbers& arch) {
  std::vector<fast::ScheduleOp> ops;
  ops.reserve(part.ops.size());
  for (std::size_t i = 0; i < part.ops.size(); ++i) {
    fast::ScheduleOp& op = ops.emplace_back(fast::schedule_op(part.ops[i], arch));
    op.tag = static_cast<std::uint8_t>(cause_of(part.ops[i]));
    for (std::size_t q = 0; q < queue_count; ++q) {
      const std::int32_t source = order.inner()[i][q];
      if (source >= 0)
        op.tokens[q] = static_cast<std::uint32_t>(i) - static_cast<std::uint32_t>(source);
    }
  }
  std::vector<std::uint32_t> seen = order.seen();
  seen.insert(seen.end(), part.completing.begin(), part.completing.end());
  return {std::move(ops), seen};
}

}  // namespace

CompiledPart::CompiledPart(const PartOps& part, const ArchConfig& config) : order(part.links) {
  const fast::ArchNumbers arch = fast::numbers_of(config);
  block = block_of(part, order, arch);
  order.forget_inner();
  for (const TileOp& op : part.ops) {
    fast::add_shape_events(op, arch, events);
    if (const auto* load = std::get_if<LoadOp>(&op.body)) {
      const std::int64_t beats = fast::line_beats(*load, arch);
      const auto it = std::find_if(reads.begin(), reads.end(),
                                   [&](const Reads& r) { return r.line_beats == beats; });
      if (it == reads.end()) {
        reads.push_back({beats, load->planes * load->lines});
      } else {
        it->lines += load->planes * load->lines;
      }
    } else if (const auto* compute = std::get_if<ComputeOp>(&op.body)) {
      const std::int64_t count = pixels(*compute) * compute->k_rows;
      windows += count;
      products += count * compute->cols;
    }
  }
  events[Event::mem_rd_req] = 0;
}

std::size_t CompiledPart::bytes() const {
  return sizeof *this + block.bytes() + order.bytes() + reads.capacity() * sizeof(Reads);
}

std::shared_ptr<const ProgramPart> CompiledPartMaker::make(const PartOps& ops,
                                                           const ArchConfig& config) {
  ++made_;
  auto part = std::make_unique<CompiledPart>(ops, config);
  *live_bytes_ += part->bytes();
  return {part.release(), [live = live_bytes_](const CompiledPart* made) {
            *live -= made->bytes();
            delete made;
          }};
}

}  // namespace tactus
