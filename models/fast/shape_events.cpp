// SPDX-License-Identifier: Apache-2.0
#include "fast/shape_events.hpp"

#include "dataflow/output_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

struct Counter {
  const ArchNumbers& arch;
  EventCounts counts{};

  void set(Event event, std::int64_t value) { counts[event] = static_cast<std::uint64_t>(value); }

  void operator()(const LoadOp& op) {
    const std::int64_t total = beats(op, arch);
    set(Event::mem_rd_req, op.planes * op.lines * ceil_div(line_beats(op, arch), arch.burst_beats));
    set(Event::mem_rd_beat, total);
    switch (static_cast<Dest>(op.dest)) {
      case Dest::ifmap:
        set(Event::ifmap_wr, total * (arch.rows >> op.log2_group));
        return;
      case Dest::weight:
        set(Event::weight_wr, total);
        return;
      case Dest::index:
        set(Event::index_wr, total);
        return;
      case Dest::param:
        set(Event::param_wr, total);
        return;
      case Dest::ofmap:
        set(Event::ofmap_wr, total * (arch.cols >> op.log2_group));
        return;
      case Dest::inst:
        set(Event::inst_wr, total);
        return;
    }
    throw InternalError("load op with unknown destination " + std::to_string(op.dest));
  }

  void operator()(const FillOp& op) {
    if (op.dest == static_cast<std::int64_t>(Dest::ifmap)) {
      set(Event::ifmap_wr, op.beats * arch.rows);
    } else {
      set(Event::ofmap_wr, op.beats * arch.cols);
    }
  }

  void operator()(const ComputeOp& op) {
    const std::int64_t m = pixels(op);
    const std::int64_t pes = arch.rows * arch.cols;
    if (op.dataflow == output_stationary::code) {
      set(Event::weight_rd, op.folds * op.k_rows);
      set(Event::pe_weight, op.folds * op.k_rows * pes);
      set(Event::pe_active, op.folds * op.k_rows * pes);
      set(Event::psum_wr, m * op.cols);
      set(Event::psum_rd, op.accumulate != 0 ? m * op.cols : 0);
    } else {
      set(Event::weight_rd, op.k_rows);
      set(Event::pe_weight, op.folds * pes);
      set(Event::pe_active, op.folds * m * pes);
      set(Event::psum_wr, op.folds * m * op.cols);
      set(Event::psum_rd, (op.folds - (op.accumulate != 0 ? 0 : 1)) * m * op.cols);
    }
    set(Event::ifmap_rd, m * op.k_rows);
    if (op.log2_m != 0) counts[Event::index_rd] = counts[Event::weight_rd];
  }

  void operator()(const PostOp& op) {
    const std::int64_t elements = op.channels * op.out_h * op.out_w;
    const std::int64_t records = op.transposed != 0
                                     ? ceil_div(op.channels, arch.post_lanes) * op.out_h * op.out_w
                                     : op.channels;
    set(Event::param_rd, (has_channel_records(op) ? records : 0) + (has_add_record(op) ? 1 : 0));
    if (mode_of(op) == PostMode::lut) set(Event::param_rd, elements);
    if (reads_psum(op)) set(Event::psum_rd, elements);
    if (mode_of(op) != PostMode::requant) set(Event::ofmap_rd, taps_of(op) * elements);
    if (mode_of(op) == PostMode::row) {
      const std::int64_t m = op.out_h * op.out_w;
      const bool inverse = static_cast<RowKind>(op.row_kind) == RowKind::softmax_tflite16;
      set(Event::param_rd, 1 + (row_walks(op) - 1) * elements + (inverse ? m : 0));
      set(Event::ofmap_rd, row_walks(op) * elements);
    }
    set(Event::post_op, elements);
    if (op.dst == 0) {
      set(Event::ofmap_wr, elements);
    } else {
      set(Event::ifmap_wr, words(op) * op.out_h * op.out_w * (arch.rows >> op.dst_log2_group));
    }
  }

  void operator()(const StoreOp& op) {
    const std::int64_t total = beats(op, arch);
    set(Event::mem_wr_beat, total);
    set(Event::ofmap_rd, op.transposed != 0 ? total * (arch.beat_bytes >> op.log2_bytes)
                                            : total << (op.log2_pack + op.log2_bundle));
  }

 private:
  /// Planes that the passes of a post op to the ifmap write at each pixel.
  [[nodiscard]] std::int64_t words(const PostOp& op) const {
    const std::int64_t plane = std::int64_t{1} << (op.dst_log2_pack + op.dst_log2_bundle);
    const std::int64_t whole = op.channels / arch.post_lanes;
    const std::int64_t rest = op.channels % arch.post_lanes;
    return whole * ceil_div(arch.post_lanes, plane) + ceil_div(rest, plane);
  }
};

}  // namespace

EventCounts shape_events(const TileOp& op, const ArchNumbers& arch) {
  Counter counter{arch};
  std::visit(counter, op.body);
  return counter.counts;
}

}  // namespace tactus::fast
