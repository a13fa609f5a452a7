// SPDX-License-Identifier: Apache-2.0
// What the writers of the streams share.
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.hpp"
#include "program/op_fields.hpp"
#include "program/program.hpp"

namespace tactus::golden {

inline constexpr int channel_bits = record_bits<ChannelRecord>;
/// Constants of a block above the channels' records: convention, rounding, clamps, zero point.
inline constexpr int convention_width = 4, rounding_width = 3, clamp_width = 32, zero_width = 17;
inline constexpr int requant_width =
    convention_width + rounding_width + 2 * clamp_width + zero_width;
/// Above them in an elem block: operation, window, the two operands, look-up shift; the table.
inline constexpr int operation_width = 4, window_width = 8, factor_width = 32, left_width = 5,
                     shift_width = 8, lut_width = 4, entry_width = 32;
inline constexpr int elem_width = operation_width + 2 * window_width +
                                  2 * (zero_width + factor_width + left_width + shift_width) +
                                  lut_width;
inline constexpr int value_width = 32;  ///< of a result, and of an operand of the elem stream
inline constexpr std::size_t block_width = 176;

inline std::size_t bits_of(std::int64_t n) { return static_cast<std::size_t>(n); }

template <class T>
T at_channel(const std::vector<T>& values, std::int64_t channel, T absent) {
  if (values.empty()) return absent;
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(channel)];
}

/// Calls put(width, value) for each field of a channel's record, lowest bits first.
template <class Put>
void put_record(const Layer& layer, std::int64_t channel, std::int64_t bias, Put& put) {
  ChannelRecord record;
  record.bias = bias;
  record.mult = at_channel(layer.requant.mult, channel, std::int64_t{1});
  record.shift = at_channel(layer.requant.shift, channel, 0);
  record.add = at_channel(layer.requant.add, channel, std::int64_t{0});
  for_each_record_field(
      record, [&](const FieldInfo& field, std::int64_t value) { put(field.bits, value); });
}

/// The fields of requant_width; put(width, value) as above.
template <class Put>
void put_requant(const Layer& layer, Put& put) {
  const Requant& r = layer.requant;
  put(convention_width, static_cast<std::int64_t>(r.convention));
  put(rounding_width, static_cast<std::int64_t>(r.rounding));
  put(clamp_width, r.clamp_min);
  put(clamp_width, r.clamp_max);
  put(zero_width, layer.out_format.zero_point);
}

/// A layer of products as one matrix product per group: linear is a kernel as large as its input,
/// the heads of a matmul are groups whose weights are the second operand.
struct Product {
  explicit Product(const Layer& layer);
  [[nodiscard]] std::int64_t steps() const { return std::int64_t{kernel_h} * kernel_w * inner; }
  /// Step k in the order (ky, kx, channel).
  [[nodiscard]] std::int64_t operand(const QTensor& x, int group, std::int64_t pixel,
                                     std::int64_t k) const;
  /// `other` is the second operand of a matmul.
  [[nodiscard]] std::int64_t weight(const QTensor* other, std::int64_t channel,
                                    std::int64_t k) const;

  int kernel_h = 1, kernel_w = 1, inner = 1, groups = 1, group_channels = 1;
  std::int64_t pixels = 1;

 private:
  const Layer& layer_;
  Shape in_;
};

/// The window of an elem layer's output pixel: taps inside the image, as a rectangle.
struct ElemWindow {
  int y = 0, x = 0, h = 1, w = 1;
};
[[nodiscard]] ElemWindow elem_window(const Layer& layer, std::int64_t pixel);
/// Operands that a pixel of an elem layer takes at most.
[[nodiscard]] std::int64_t elem_taps(const Layer& layer);

}  // namespace tactus::golden
