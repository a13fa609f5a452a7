// SPDX-License-Identifier: Apache-2.0
#include "naive_timing.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "numerics/errors.hpp"

namespace tactus::oplevel {

namespace {

std::int64_t up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

class Timing {
 public:
  explicit Timing(const ArchConfig& config) : config_(config) {}

  void run(const Program& program) {
    const std::int64_t boot_beats = up(std::int64_t{program.prog_ops} * 64, config_.beat_bytes());
    std::int64_t dispatched = config_.latency() + boot_beats * config_.beat_interval() + 1;
    std::size_t segment = 0;
    bool segment_begins = false;
    for (const TileOp& op : program.ops) {
      const auto q = static_cast<std::size_t>(queue_of(op));
      std::int64_t d = dispatched + (segment_begins ? 2 : 1);
      if (segment_begins) d = std::max(d, segment_loaded_.at(segment - 1) + 2);
      const auto depth = static_cast<std::size_t>(config_.hw_queue_depth);
      const std::size_t seq = starts[q].size();
      if (seq >= depth) d = std::max(d, starts[q][seq - depth] + 1);
      dispatched = d;

      std::int64_t ready = d + 1;
      for (std::size_t p = 0; p < queue_count; ++p) {
        if ((op.wait >> p & 1U) == 0) continue;
        const std::size_t n = taken_[p][q]++;
        if (n >= pushed_[p][q].size()) throw InternalError("a token comes from a later op");
        ready = std::max(ready, pushed_[p][q][n] + 1);
      }
      if (q != 1 && seq > 0) ready = std::max(ready, retires[q].back() + 1);
      std::int64_t start = ready;
      const std::int64_t retired =
          std::visit([&](const auto& body) { return retire(body, start); }, op.body);
      starts[q].push_back(start);
      retires[q].push_back(retired);
      for (std::size_t p = 0; p < queue_count; ++p) {
        if ((op.push >> p & 1U) != 0) pushed_[q][p].push_back(retired);
      }
      const auto* load = std::get_if<LoadOp>(&op.body);
      if (load != nullptr && load->dest == 4) segment_loaded_.push_back(retired);
      segment_begins = op.seg_end;
      if (op.seg_end) ++segment;
    }
  }

  std::array<std::vector<std::int64_t>, queue_count> starts, retires;

 private:
  template <class Op>
  [[nodiscard]] std::int64_t beats(const Op& op) const {
    return op.planes * op.lines * up(op.line_bytes, config_.beat_bytes());
  }
  [[nodiscard]] std::int64_t retire(const LoadOp& op, std::int64_t& s) const {
    return s + config_.latency() + beats(op) * config_.beat_interval();
  }
  [[nodiscard]] static std::int64_t retire(const FillOp& op, std::int64_t& s) {
    return s + op.beats;
  }
  [[nodiscard]] std::int64_t retire(const StoreOp& op, std::int64_t& s) const {
    return s + 1 + beats(op) * config_.beat_interval() + config_.latency();
  }
  [[nodiscard]] std::int64_t retire(const PostOp& op, std::int64_t& s) const {
    const std::int64_t pixels = op.out_h * op.out_w;
    std::int64_t taps = 1;
    if (op.mode == 2 || op.mode == 3) taps = op.win_h * op.win_w;
    if (op.mode == 4 || (op.mode >= 6 && op.mode <= 8)) taps = 2;
    const bool channel_records =
        (op.mode == 0 || op.mode == 1 || op.mode == 3) && op.transposed == 0;
    if (op.mode == 10) {
      const bool norm = op.row_kind >= 3;
      return s + 1 + pixels * ((norm ? 2 : 3) * (op.channels + 6) + (norm ? 80 : 40));
    }
    std::int64_t r = s + (op.mode == 1 || op.mode == 4 || op.mode == 6 ? 1 : 0);
    for (std::int64_t c = 0; c < op.channels; c += config_.hw_post_lanes) {
      const std::int64_t n = std::min(config_.hw_post_lanes, op.channels - c);
      r += (channel_records ? n : 0) + pixels * (op.mode == 9 ? n : taps) + 6;
    }
    return r;
  }
  /// Moves `s` to the cycle in which the array is free.
  [[nodiscard]] std::int64_t retire(const ComputeOp& op, std::int64_t& s) {
    const std::int64_t rows = config_.hw_array_rows, cols = config_.hw_array_cols;
    const std::int64_t pixels = op.out_h * op.out_w;
    const bool os = op.dataflow == 1;
    const bool overlap = config_.hw_fold_overlap;
    const std::int64_t folds = os ? up(pixels, rows) : up(op.k_rows, op.rows_used);
    const std::int64_t length = !os ? pixels : overlap ? std::max(op.k_rows, rows) : op.k_rows;
    if (!first_) {
      s = std::max(s, overlap ? std::max(wl_ + rows, a_) : end_);
      if (os != os_) s = std::max(s, retired_ + 1);
    }
    wl_ = s;
    for (std::int64_t f = 0; f < folds; ++f) {
      if (f > 0) wl_ = overlap ? std::max(wl_ + rows, a_) : end_;
      const std::int64_t loaded = wl_ + (os ? 2 : rows);
      a_ = first_ || !overlap ? loaded : std::max(loaded, a_ + length_);
      length_ = length;
      end_ = os ? a_ + length + 2 * rows + cols - 1 : a_ + pixels + rows + cols;
      first_ = false;
    }
    os_ = os;
    retired_ = os ? a_ + length + 2 * rows + cols - 2 : a_ + pixels - 1 + rows + cols;
    return retired_;
  }

  ArchConfig config_;
  std::array<std::array<std::vector<std::int64_t>, queue_count>, queue_count> pushed_;
  std::array<std::array<std::size_t, queue_count>, queue_count> taken_{};
  std::vector<std::int64_t> segment_loaded_;
  bool first_ = true, os_ = false;                                    ///< first_: no fold yet
  std::int64_t wl_ = 0, a_ = 0, end_ = 0, length_ = 0, retired_ = 0;  ///< of the last fold
};

}  // namespace

void set_naive_cycles(const Program& program, const ArchConfig& config, RunResult& run) {
  Timing timing(config);
  timing.run(program);
  for (RetireRecord& record : run.retired) {
    const auto q = static_cast<std::size_t>(record.queue);
    record.start = static_cast<Cycle>(timing.starts[q].at(record.seq));
    record.cycle = static_cast<Cycle>(timing.retires[q].at(record.seq));
    run.cycles = std::max(run.cycles, record.cycle + 1);
  }
}

}  // namespace tactus::oplevel
