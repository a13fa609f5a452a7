// SPDX-License-Identifier: Apache-2.0
// Values of mul, maximum, minimum and lut.
#pragma once

#include <cstdint>

#include "network/network.hpp"

namespace tactus::ref {

/// Product, maximum or minimum of a and b, whose zero points only the product takes away.
[[nodiscard]] std::int32_t combine(const Layer& layer, std::int64_t a, std::int64_t zp_a,
                                   std::int64_t b, std::int64_t zp_b);

/// The table of a lut layer at the value v of its input's format.
[[nodiscard]] std::int32_t table_value(const Layer& layer, const Format& in, std::int64_t v);

}  // namespace tactus::ref
