// SPDX-License-Identifier: Apache-2.0
// How the K elements of a weighted layer are grouped on the array: what decides which products are
// summed exactly before the overflow policy of the accumulator is applied. Plain data, for the
// lowering that chooses it and the reference that has to reproduce its effect.
#pragma once

#include <cstdint>

namespace tactus {

/// Unit of the K element (channel c of the column tile's channels, tap ky, kx) that is the n-th
/// kept weight of its group: with plane = c div bundle, phase = plane mod group, slot = plane div
/// group, s = (c mod bundle) div (lanes * candidates), c counted from the first channel of the
/// plane with the first channel that the tile's columns read:
///   unit = ((((ky * kernel_w + kx) * slots + slot) * windows + s) * kept + n) * group + phase.
/// Weight-stationary: units [f * rows, (f + 1) * rows) are one exact sum. Output-stationary: every
/// unit is one, and every `chunk` units are accumulated from 0 and then added to the psum.
/// A transposed convolution has the mapping of the convolution that makes its phases: output pixel
/// (y, x) has phase ((y + top) mod stride_h, (x + left) mod stride_w), its kernel taps ky = phase_y
/// + stride_h * t count as tap ceil(kernel_h / stride_h) - 1 - t (columns likewise), and channel c
/// of a group of n channels as channel phase * n + c of the group's; the stride is 1. With
/// `line_phases` J > 1 (depthwise) output line y has phase j = y mod J and its tap ky counts as ky'
/// = j * stride_h + ky.
struct KMapping {
  std::int64_t rows = 0;    ///< U; 0: the layer has no fold order (everything is one exact sum)
  std::int64_t group = 1;   ///< G: planes side by side on the rows
  std::int64_t slots = 0;   ///< planes of a kernel position div G
  std::int64_t bundle = 1;  ///< Q * P: channels of a plane
  std::int64_t lanes = 1;   ///< L
  std::int64_t candidates = 1, kept = 1;  ///< M and N of N:M; 1, 1 when run dense
  std::int64_t windows = 1;               ///< S = bundle / (lanes * candidates)
  std::int64_t line_phases = 1;
  std::int64_t column_channels = 0;  ///< output channels of a column tile
  std::int64_t chunk = 0;            ///< units of one op; 0: all
  bool output_stationary = false;
};

}  // namespace tactus
