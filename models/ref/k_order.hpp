// SPDX-License-Identifier: Apache-2.0
// Which products of an output value are summed exactly, and in which order the sums meet the
// accumulator: KMapping (models/numerics/k_mapping.hpp) read as a specification.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/k_mapping.hpp"
#include "ref/exact.hpp"

namespace tactus::ref {

/// A K element of one output channel whose weight operand is not 0.
struct KElement {
  std::int64_t unit = 0;            ///< K unit of the mapping
  int channel = 0, ky = 0, kx = 0;  ///< input channel of the layer, tap
  std::int32_t weight = 0;          ///< operand, zero point subtracted
};

/// An element before it has a unit: `column` is its channel among those of the column tile.
struct KPlace {
  int column = 0, channel = 0, ky = 0, kx = 0;
  std::int32_t weight = 0;
};

/// Elements with a weight other than 0, by unit. `places` stand in any order; `kernel_w` and
/// `stride_h` are the layer's; `phase` is the line phase of the output line. Throws InternalError
/// when a group has more weights than the mapping keeps, or a plane lies outside its slots.
[[nodiscard]] std::vector<KElement> k_order(const std::vector<KPlace>& places,
                                            const KMapping& mapping, int kernel_w, int stride_h,
                                            int phase);

/// The accumulator after all elements, before the bias. operand(element) is the activation.
template <typename Operand>
[[nodiscard]] std::int64_t accumulate_units(const std::vector<KElement>& elements,
                                            const KMapping& mapping, Accumulator& accumulator,
                                            const Operand& operand) {
  const std::int64_t units_per_sum =
      mapping.output_stationary ? 1 : (mapping.rows > 0 ? mapping.rows : INT64_MAX);
  const std::int64_t units_per_op =
      mapping.output_stationary && mapping.chunk > 0 ? mapping.chunk : INT64_MAX;
  std::int64_t psum = 0, acc = 0;
  for (std::size_t i = 0; i < elements.size();) {
    const std::int64_t number = elements[i].unit / units_per_sum;
    const std::int64_t op = elements[i].unit / units_per_op;
    std::int64_t sum = 0;
    for (; i < elements.size() && elements[i].unit / units_per_sum == number; ++i) {
      sum += std::int64_t{elements[i].weight} * operand(elements[i]);
    }
    acc = accumulator.settle(acc + sum);
    // The drain of an op; without output-stationary ops there is one, of which nothing is seen.
    if (i < elements.size() && elements[i].unit / units_per_op == op) continue;
    psum = accumulator.settle(psum + acc);
    acc = 0;
  }
  return psum;
}

}  // namespace tactus::ref
