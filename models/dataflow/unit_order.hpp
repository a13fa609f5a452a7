// SPDX-License-Identifier: Apache-2.0
// The order of the K units of a compute op, which both dataflows share, and where a unit's
// activations lie (models/README.md, "Operands" and "Behaviour").
#pragma once

#include <cstdint>

#include "program/operand_layout.hpp"
#include "program/program.hpp"

namespace tactus {

/// Position of one K unit inside the window of a layer.
struct KUnit {
  std::int64_t phase = 0;   ///< plane modulo G
  std::int64_t n = 0;       ///< which of the N units of its window
  std::int64_t window = 0;  ///< s: window of the bundle
  std::int64_t slot = 0;    ///< plane div G
  std::int64_t kx = 0, ky = 0;
};

/// Enumerates K units: phase first, then n, window, slot, kx, ky. With G = 2, N = 1, S = 1, one
/// slot and two kernel columns: (phase,kx,ky) = (0,0,0) (1,0,0) (0,1,0) (1,1,0) (0,0,1) ...
class UnitOrder {
 public:
  UnitOrder(const ComputeOp& op, const OperandLayout& layout)
      : group_(std::int64_t{1} << op.log2_group),
        kept_(layout.kept),
        windows_(layout.windows),
        slots_(op.slots),
        kernel_w_(op.kernel_w),
        at_{0, op.start_n, op.start_s, op.start_slot, op.start_kx, op.start_ky} {}

  [[nodiscard]] const KUnit& at() const { return at_; }
  void advance() {
    if (++at_.phase < group_) return;
    at_.phase = 0;
    if (++at_.n < kept_) return;
    next_window();
  }
  /// Units from this one to the last of its window and of the same windows of the other phases.
  [[nodiscard]] std::int64_t left_of_windows() const {
    return (kept_ - at_.n) * group_ - at_.phase;
  }
  /// Goes to phase 0 of the first unit behind those.
  void next_window() {
    at_.phase = 0;
    at_.n = 0;
    if (++at_.window < windows_) return;
    at_.window = 0;
    if (++at_.slot < slots_) return;
    at_.slot = 0;
    if (++at_.kx < kernel_w_) return;
    at_.kx = 0;
    ++at_.ky;
  }

 private:
  std::int64_t group_, kept_, windows_, slots_, kernel_w_;
  KUnit at_;
};

/// Bytes from the address of a pixel to the bundle of a K unit, inside the bank of its row.
[[nodiscard]] inline std::int64_t unit_offset(const ComputeOp& op, const KUnit& at) {
  return at.slot * op.slot_stride + at.ky * op.step_ky + at.kx * op.step_kx;
}

/// Output pixels of a compute op (M of the timing).
[[nodiscard]] inline std::int64_t pixels(const ComputeOp& op) { return op.out_h * op.out_w; }

}  // namespace tactus
