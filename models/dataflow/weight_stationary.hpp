// SPDX-License-Identifier: Apache-2.0
// The weight-stationary dataflow: order of the K elements of a compute op, and the cycles that its
// folds occupy (models/README.md, "Behaviour" and "Durations").
#pragma once

#include <algorithm>
#include <cstdint>

#include "program/program.hpp"

namespace tactus::weight_stationary {

/// Position of one K element inside the window of a layer.
struct KPosition {
  std::int64_t phase = 0;  ///< channel modulo G
  std::int64_t slot = 0;   ///< channel div G
  std::int64_t kx = 0, ky = 0;
};

/// Enumerates K elements in the normative order: phase first, then slot, then kx, then ky.
/// KOrder(2, 1, 2, {}) gives (phase,kx,ky) = (0,0,0) (1,0,0) (0,1,0) (1,1,0) (0,0,1) ...
class KOrder {
 public:
  KOrder(std::int64_t group, std::int64_t slots, std::int64_t kernel_w, KPosition start)
      : group_(group), slots_(slots), kernel_w_(kernel_w), at_(start) {}

  [[nodiscard]] const KPosition& at() const { return at_; }
  void advance() {
    if (++at_.phase < group_) return;
    at_.phase = 0;
    if (++at_.slot < slots_) return;
    at_.slot = 0;
    if (++at_.kx < kernel_w_) return;
    at_.kx = 0;
    ++at_.ky;
  }

 private:
  std::int64_t group_, slots_, kernel_w_;
  KPosition at_;
};

/// The K order of a compute op from its first K element on.
[[nodiscard]] inline KOrder k_order(const ComputeOp& op) {
  return {std::int64_t{1} << op.log2_group,
          op.slots,
          op.kernel_w,
          {0, op.start_slot, op.start_kx, op.start_ky}};
}

/// Bytes from the address of a pixel to the operand of a K element, inside the bank of its row.
[[nodiscard]] inline std::int64_t row_offset(const ComputeOp& op, const KPosition& at) {
  return at.slot * op.slot_stride + at.ky * op.step_ky + at.kx * op.step_kx;
}

/// Output pixels of a compute op (M).
[[nodiscard]] inline std::int64_t pixels(const ComputeOp& op) { return op.out_h * op.out_w; }

/// What later folds need to know of the last fold that the array began.
struct ArrayState {
  bool used = false;
  Cycle weight_start = 0;  ///< wl: cycle in which weight row 0 is read
  Cycle pixel_start = 0;   ///< a: cycle in which the address of pixel 0 goes to row 0
  Cycle pixels = 0;        ///< M
};

struct Occupancy {
  Cycle start = 0, retire = 0;
};

/// Runs all folds of an op through the array. `ready` is the first cycle in which the start
/// condition holds. Closed form: from the second fold on, wl of a fold is a of the one before, so
/// folds follow each other every max(R, M) cycles (every 2R + C + M without overlap).
[[nodiscard]] inline Occupancy occupy(ArrayState& array, const ComputeOp& op, Cycle ready,
                                      Cycle rows, Cycle cols, bool overlap) {
  const auto m = static_cast<Cycle>(pixels(op));
  Cycle weight = ready;
  Cycle pixel = 0;
  if (overlap) {
    if (array.used) weight = std::max({weight, array.weight_start + rows, array.pixel_start});
    pixel = weight + rows;
    if (array.used) pixel = std::max(pixel, array.pixel_start + array.pixels);
  } else {
    if (array.used) weight = std::max(weight, array.pixel_start + array.pixels + rows + cols);
    pixel = weight + rows;
  }
  const Cycle start = weight;
  const auto more = static_cast<Cycle>(op.folds - 1);
  if (more > 0) {
    const Cycle period = overlap ? std::max(rows, m) : 2 * rows + cols + m;
    pixel += more * period;
    weight = overlap ? pixel - period : pixel - rows;
  }
  array = {true, weight, pixel, m};
  return {start, pixel + m - 1 + rows + cols};
}

}  // namespace tactus::weight_stationary
