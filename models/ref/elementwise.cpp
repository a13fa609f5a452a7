// SPDX-License-Identifier: Apache-2.0
#include "ref/elementwise.hpp"

#include <algorithm>

#include "ref/exact.hpp"

namespace tactus::ref {

std::int32_t combine(const Layer& layer, std::int64_t a, std::int64_t zp_a, std::int64_t b,
                     std::int64_t zp_b) {
  if (layer.op == LayerOp::mul) {
    return requantise(layer.requant, layer.out_format, 0, (a - zp_a) * (b - zp_b));
  }
  const std::int64_t v = layer.op == LayerOp::maximum ? std::max(a, b) : std::min(a, b);
  return static_cast<std::int32_t>(
      std::min(std::max(v, layer.requant.clamp_min), layer.requant.clamp_max));
}

std::int32_t table_value(const Layer& layer, const Format& in, std::int64_t v) {
  const std::int64_t step = std::int64_t{1} << layer.interpolate_bits;
  const std::int64_t position = v - in.min();
  const auto index = static_cast<std::size_t>(position / step);
  const std::int64_t low = layer.table.at(index);
  if (step == 1) return static_cast<std::int32_t>(low);
  const Wide rise = Wide{layer.table.at(index + 1) - low} * Wide{position % step};
  return static_cast<std::int32_t>(low + static_cast<std::int64_t>(round_quotient(
                                             rise, layer.interpolate_bits, Rounding::half_up)));
}

}  // namespace tactus::ref
