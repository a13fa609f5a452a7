// SPDX-License-Identifier: Apache-2.0
// Duration of load, fill, post and store ops in cycles (models/README.md, "Durations").
#pragma once

#include <cstdint>

#include "arch/arch_config.hpp"
#include "numerics/formats.hpp"
#include "program/program.hpp"

namespace tactus::fast {

/// The numbers of an ArchConfig that cycles and events depend on.
struct ArchNumbers {
  std::int64_t rows, cols, beat_bytes, latency, interval, burst_beats, post_lanes, queue_depth;
  bool overlap;
};

[[nodiscard]] inline ArchNumbers numbers_of(const ArchConfig& config) {
  return {config.hw_array_rows, config.hw_array_cols,   config.beat_bytes(),
          config.latency(),     config.beat_interval(), config.mem_burst_beats,
          config.hw_post_lanes, config.hw_queue_depth,  config.hw_fold_overlap};
}

[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Beats of one line of a load or store: ceil_div(9, 8) = 2.
template <class Op>
[[nodiscard]] std::int64_t line_beats(const Op& op, const ArchNumbers& arch) {
  return ceil_div(op.line_bytes, arch.beat_bytes);
}

/// Beats of a load or store (T).
template <class Op>
[[nodiscard]] std::int64_t beats(const Op& op, const ArchNumbers& arch) {
  return op.planes * op.lines * line_beats(op, arch);
}

[[nodiscard]] constexpr PostMode mode_of(const PostOp& op) {
  return static_cast<PostMode>(op.mode);
}
[[nodiscard]] constexpr bool reads_psum(const PostOp& op) {
  return mode_of(op) == PostMode::requant || mode_of(op) == PostMode::requant_add;
}
[[nodiscard]] constexpr bool has_channel_records(const PostOp& op) {
  return reads_psum(op) || mode_of(op) == PostMode::sum_window;
}
[[nodiscard]] constexpr bool has_add_record(const PostOp& op) {
  return mode_of(op) == PostMode::requant_add || mode_of(op) == PostMode::add ||
         mode_of(op) == PostMode::multiply;
}
/// Source elements that a post op reads for one result: window taps, or two operands.
[[nodiscard]] constexpr std::int64_t taps_of(const PostOp& op) {
  switch (mode_of(op)) {
    case PostMode::max_window:
    case PostMode::sum_window:
      return op.win_h * op.win_w;
    case PostMode::add:
    case PostMode::multiply:
    case PostMode::maximum:
    case PostMode::minimum:
      return 2;
    case PostMode::requant:
    case PostMode::requant_add:
    case PostMode::clamp:
    case PostMode::lut:
    case PostMode::row:
      return 1;
  }
  return 0;
}

/// Times that a row op reads each element of a row, and cycles of its calculations in between.
[[nodiscard]] constexpr bool is_norm(const PostOp& op) {
  return static_cast<RowKind>(op.row_kind) >= RowKind::layernorm_isqrt;
}
[[nodiscard]] constexpr std::int64_t row_walks(const PostOp& op) { return is_norm(op) ? 2 : 3; }
[[nodiscard]] constexpr std::int64_t row_scalars(const PostOp& op) { return is_norm(op) ? 80 : 40; }

/// Retire cycle minus start cycle.
[[nodiscard]] inline Cycle duration(const LoadOp& op, const ArchNumbers& arch) {
  return static_cast<Cycle>(arch.latency + beats(op, arch) * arch.interval);
}
[[nodiscard]] inline Cycle duration(const FillOp& op, const ArchNumbers&) {
  return static_cast<Cycle>(op.beats);
}
[[nodiscard]] inline Cycle duration(const StoreOp& op, const ArchNumbers& arch) {
  return static_cast<Cycle>(1 + beats(op, arch) * arch.interval + arch.latency);
}
[[nodiscard]] inline Cycle duration(const PostOp& op, const ArchNumbers& arch) {
  constexpr std::int64_t drain = 6;  // from a pass's last tap to its last written element
  const std::int64_t passes = ceil_div(op.channels, arch.post_lanes);
  if (mode_of(op) == PostMode::row) {
    const std::int64_t row = row_walks(op) * (op.channels + drain) + row_scalars(op);
    return static_cast<Cycle>(1 + op.out_h * op.out_w * row);
  }
  if (mode_of(op) == PostMode::lut) {
    // The lanes read the table one after the other.
    return static_cast<Cycle>(op.channels * op.out_h * op.out_w + passes * drain);
  }
  return static_cast<Cycle>((has_add_record(op) ? 1 : 0) +
                            (has_channel_records(op) && op.transposed == 0 ? op.channels : 0) +
                            passes * (op.out_h * op.out_w * taps_of(op) + drain));
}

}  // namespace tactus::fast
