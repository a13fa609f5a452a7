// SPDX-License-Identifier: Apache-2.0
#include "fast/shape_events.hpp"

#include "dataflow/output_stationary.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

struct Counter {
  const ArchNumbers& arch;
  EventCounts& sum;

  void add(Event event, std::int64_t value) { sum[event] += static_cast<std::uint64_t>(value); }

  void operator()(const LoadOp& op) {
    const std::int64_t total = beats(op, arch);
    add(Event::mem_rd_req, op.planes * op.lines * ceil_div(line_beats(op, arch), arch.burst_beats));
    add(Event::mem_rd_beat, total);
    switch (static_cast<Dest>(op.dest)) {
      case Dest::ifmap:
        add(Event::ifmap_wr, total * (arch.rows >> op.log2_group));
        return;
      case Dest::weight:
        add(Event::weight_wr, total);
        return;
      case Dest::index:
        add(Event::index_wr, total);
        return;
      case Dest::param:
        add(Event::param_wr, total);
        return;
      case Dest::ofmap:
        add(Event::ofmap_wr, total * (arch.cols >> op.log2_group));
        return;
      case Dest::inst:
        add(Event::inst_wr, total);
        return;
    }
    throw InternalError("load op with unknown destination " + std::to_string(op.dest));
  }

  void operator()(const FillOp& op) {
    if (op.dest == static_cast<std::int64_t>(Dest::ifmap)) {
      add(Event::ifmap_wr, op.beats * arch.rows);
    } else {
      add(Event::ofmap_wr, op.beats * arch.cols);
    }
  }

  void operator()(const ComputeOp& op) {
    const std::int64_t m = pixels(op);
    const std::int64_t pes = arch.rows * arch.cols;
    const bool os = op.dataflow == output_stationary::code;
    const std::int64_t weight_reads = os ? op.folds * op.k_rows : op.k_rows;
    add(Event::weight_rd, weight_reads);
    if (os) {
      add(Event::pe_weight, op.folds * op.k_rows * pes);
      add(Event::pe_active, op.folds * op.k_rows * pes);
      add(Event::psum_wr, m * op.cols);
      add(Event::psum_rd, op.accumulate != 0 ? m * op.cols : 0);
    } else {
      add(Event::pe_weight, op.folds * pes);
      add(Event::pe_active, op.folds * m * pes);
      add(Event::psum_wr, op.folds * m * op.cols);
      add(Event::psum_rd, (op.folds - (op.accumulate != 0 ? 0 : 1)) * m * op.cols);
    }
    add(Event::ifmap_rd, m * op.k_rows);
    if (op.log2_m != 0) add(Event::index_rd, weight_reads);
  }

  void operator()(const PostOp& op) {
    const std::int64_t elements = op.channels * op.out_h * op.out_w;
    const std::int64_t records = op.transposed != 0
                                     ? ceil_div(op.channels, arch.post_lanes) * op.out_h * op.out_w
                                     : op.channels;
    std::int64_t param_reads =
        (has_channel_records(op) ? records : 0) + (has_add_record(op) ? 1 : 0);
    std::int64_t source_reads = mode_of(op) == PostMode::requant ? 0 : taps_of(op) * elements;
    if (mode_of(op) == PostMode::lut) param_reads = elements;
    if (mode_of(op) == PostMode::row) {
      const std::int64_t m = op.out_h * op.out_w;
      const bool inverse = static_cast<RowKind>(op.row_kind) == RowKind::softmax_tflite16;
      param_reads = 1 + (row_walks(op) - 1) * elements + (inverse ? m : 0);
      source_reads = row_walks(op) * elements;
    }
    add(Event::param_rd, param_reads);
    if (reads_psum(op)) add(Event::psum_rd, elements);
    add(Event::ofmap_rd, source_reads);
    add(Event::post_op, elements);
    if (op.dst == 0) {
      add(Event::ofmap_wr, elements);
    } else {
      add(Event::ifmap_wr, words(op) * op.out_h * op.out_w * (arch.rows >> op.dst_log2_group));
    }
  }

  void operator()(const StoreOp& op) {
    const std::int64_t total = beats(op, arch);
    add(Event::mem_wr_beat, total);
    add(Event::ofmap_rd, op.transposed != 0 ? total * (arch.beat_bytes >> op.log2_bytes)
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

void add_shape_events(const TileOp& op, const ArchNumbers& arch, EventCounts& sum) {
  std::visit(Counter{arch, sum}, op.body);
}

EventCounts shape_events(const TileOp& op, const ArchNumbers& arch) {
  EventCounts counts;
  add_shape_events(op, arch, counts);
  return counts;
}

}  // namespace tactus::fast
