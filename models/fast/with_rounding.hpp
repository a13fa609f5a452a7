// SPDX-License-Identifier: Apache-2.0
// A rounding mode as a constant of a loop, so that it holds no choice.
#pragma once

#include <string>
#include <type_traits>

#include "numerics/errors.hpp"
#include "numerics/formats.hpp"

namespace tactus::fast {

template <Rounding R>
using RoundingConstant = std::integral_constant<Rounding, R>;

/// Calls body with a RoundingConstant.
template <class Body>
void with_rounding(Rounding rounding, const Body& body) {
  switch (rounding) {
    case Rounding::half_even:
      return body(RoundingConstant<Rounding::half_even>{});
    case Rounding::half_up:
      return body(RoundingConstant<Rounding::half_up>{});
    case Rounding::half_away:
      return body(RoundingConstant<Rounding::half_away>{});
    case Rounding::half_down:
      return body(RoundingConstant<Rounding::half_down>{});
    case Rounding::floor:
      return body(RoundingConstant<Rounding::floor>{});
    case Rounding::ceil:
      return body(RoundingConstant<Rounding::ceil>{});
    case Rounding::trunc:
      return body(RoundingConstant<Rounding::trunc>{});
  }
  throw InternalError("an op has the unknown rounding " +
                      std::to_string(static_cast<int>(rounding)));
}

}  // namespace tactus::fast
