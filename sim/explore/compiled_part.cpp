// SPDX-License-Identifier: Apache-2.0
#include "explore/compiled_part.hpp"

#include <algorithm>

#include "dataflow/unit_order.hpp"
#include "fast/occupancy.hpp"
#include "fast/shape_events.hpp"
#include "report/stalls.hpp"

namespace tactus {

CompiledPart::CompiledPart(const PartOps& part, const ArchConfig& config) {
  const fast::ArchNumbers arch = fast::numbers_of(config);
  ops.reserve(part.ops.size());
  for (std::size_t i = 0; i < part.ops.size(); ++i) {
    const TileOp& op = part.ops[i];
    Op& made = ops.emplace_back();
    made.timing = fast::schedule_op(op, arch);
    made.timing.tag = static_cast<std::uint8_t>(cause_of(op));
    made.after = part.links[i].after;
    made.halves = part.links[i].halves;
    events += fast::shape_events(op, arch);
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
  return sizeof *this + ops.capacity() * sizeof(Op) + reads.capacity() * sizeof(Reads);
}

std::shared_ptr<const ProgramPart> CompiledPartMaker::make(const PartOps& ops,
                                                           const ArchConfig& config) {
  ++made_;
  return std::make_shared<CompiledPart>(ops, config);
}

}  // namespace tactus
