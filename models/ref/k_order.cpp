// SPDX-License-Identifier: Apache-2.0
#include "ref/k_order.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "numerics/errors.hpp"

namespace tactus::ref {

std::vector<KElement> k_order(const std::vector<KPlace>& places, const KMapping& mapping,
                              int kernel_w, int stride_h, int phase) {
  // Channels of a group, in order: rank n of a kept weight is the number of weights before it.
  std::vector<KPlace> kept;
  for (const KPlace& place : places) {
    if (place.weight != 0) kept.push_back(place);
  }
  std::sort(kept.begin(), kept.end(), [](const KPlace& a, const KPlace& b) {
    return std::tie(a.ky, a.kx, a.column) < std::tie(b.ky, b.kx, b.column);
  });
  std::vector<KElement> elements;
  elements.reserve(kept.size());
  std::map<std::tuple<int, int, std::int64_t>, std::int64_t> weights_of_group;
  for (const KPlace& place : kept) {
    const std::int64_t plane = place.column / mapping.bundle;
    const std::int64_t slot = plane / mapping.group;
    const std::int64_t s = place.column % mapping.bundle / (mapping.lanes * mapping.candidates);
    std::int64_t n = 0;
    if (mapping.candidates > 1) {
      n = weights_of_group[{place.ky, place.kx, place.column / mapping.candidates}]++;
    }
    if (n >= mapping.kept || slot >= mapping.slots || s >= mapping.windows) {
      throw InternalError("A K element of the reference lies outside the layer's K mapping.");
    }
    const std::int64_t ky = std::int64_t{phase} * stride_h + place.ky;
    const std::int64_t position = ky * kernel_w + place.kx;
    const std::int64_t unit =
        (((position * mapping.slots + slot) * mapping.windows + s) * mapping.kept + n) *
            mapping.group +
        plane % mapping.group;
    elements.push_back({unit, place.channel, place.ky, place.kx, place.weight});
  }
  std::stable_sort(elements.begin(), elements.end(),
                   [](const KElement& a, const KElement& b) { return a.unit < b.unit; });
  return elements;
}

}  // namespace tactus::ref
