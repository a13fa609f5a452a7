// SPDX-License-Identifier: Apache-2.0
#include "durations.hpp"

#include <algorithm>

namespace tactus::oplevel {

namespace {

std::int64_t up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

class Formulas {
 public:
  explicit Formulas(const ArchConfig& config) : config_(config) {}

  /// Retire cycle of an op that starts in cycle s.
  std::int64_t retire(const LoadOp& op, std::int64_t s) {
    return s + config_.latency() + beats(op) * config_.beat_interval();
  }
  std::int64_t retire(const FillOp& op, std::int64_t s) { return s + op.beats; }
  std::int64_t retire(const StoreOp& op, std::int64_t s) {
    return s + 1 + beats(op) * config_.beat_interval() + config_.latency();
  }
  std::int64_t retire(const PostOp& op, std::int64_t s) {
    const std::int64_t pixels = op.out_h * op.out_w;
    std::int64_t taps = 1;
    if (op.mode == 2 || op.mode == 3) taps = op.win_h * op.win_w;
    if (op.mode == 4) taps = 2;
    const bool channel_records =
        (op.mode == 0 || op.mode == 1 || op.mode == 3) && op.transposed == 0;
    std::int64_t r = s + (op.mode == 1 || op.mode == 4 ? 1 : 0);
    for (std::int64_t c = 0; c < op.channels; c += config_.hw_post_lanes) {
      const std::int64_t n = std::min(config_.hw_post_lanes, op.channels - c);
      r += (channel_records ? n : 0) + pixels * taps + 6;
    }
    return r;
  }
  std::int64_t retire(const ComputeOp& op, std::int64_t s) {
    const std::int64_t rows = config_.hw_array_rows, cols = config_.hw_array_cols;
    const std::int64_t pixels = op.out_h * op.out_w;
    const bool os = op.dataflow == 1;
    const bool overlap = config_.hw_fold_overlap;
    const std::int64_t folds = os ? up(pixels, rows) : up(op.k_rows, op.rows_used);
    const std::int64_t length = !os ? pixels : overlap ? std::max(op.k_rows, rows) : op.k_rows;
    earliest_ = first_ ? 0 : overlap ? std::max(wl_ + rows, a_) : end_;
    if (!first_ && os != os_) earliest_ = std::max(earliest_, retired_ + 1);
    wl_ = s;
    for (std::int64_t f = 0; f < folds; ++f) {
      if (f > 0) wl_ = overlap ? std::max(wl_ + rows, a_) : end_;
      a_ = first_ || !overlap ? wl_ + (os ? 2 : rows)
                              : std::max(wl_ + (os ? 2 : rows), a_ + length_);
      length_ = length;
      end_ = os ? a_ + length + 2 * rows + cols - 2 : a_ + pixels + rows + cols;
      first_ = false;
    }
    os_ = os;
    retired_ = os ? a_ + length + 2 * rows + cols - 2 : a_ + pixels - 1 + rows + cols;
    return retired_;
  }
  [[nodiscard]] std::int64_t earliest() const { return earliest_; }

 private:
  template <class Op>
  [[nodiscard]] std::int64_t beats(const Op& op) const {
    return op.planes * op.lines * up(op.line_bytes, config_.beat_bytes());
  }

  ArchConfig config_;
  bool first_ = true, os_ = false;
  std::int64_t wl_ = 0, a_ = 0, end_ = 0, length_ = 0, retired_ = 0, earliest_ = 0;
};

}  // namespace

std::string check_durations(const Program& program, const ArchConfig& config,
                            const RunResult& run) {
  Formulas formulas(config);
  for (unsigned q = 0; q < queue_count; ++q) {
    std::size_t next = 0;
    while (next < run.retired.size() && static_cast<unsigned>(run.retired[next].queue) != q) ++next;
    for (const TileOp& op : program.ops) {
      if (static_cast<unsigned>(queue_of(op)) != q) continue;
      if (next >= run.retired.size()) return "records are missing";
      const RetireRecord& record = run.retired[next++];
      const auto start = static_cast<std::int64_t>(record.start);
      const std::int64_t r =
          std::visit([&](const auto& body) { return formulas.retire(body, start); }, op.body);
      if (static_cast<std::int64_t>(record.cycle) != r) {
        return "retire cycle, contract " + std::to_string(r) + ", run " +
               std::to_string(record.cycle) + " (start " + std::to_string(start) + ", " +
               disassemble(op) + ")";
      }
      if (static_cast<Queue>(q) == Queue::compute && start < formulas.earliest()) {
        return "start cycle " + std::to_string(start) + " is before the contract's earliest " +
               std::to_string(formulas.earliest()) + " (" + disassemble(op) + ")";
      }
    }
  }
  return {};
}

}  // namespace tactus::oplevel
