// SPDX-License-Identifier: Apache-2.0
#include "fast/post_lines.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "numerics/accumulate.hpp"
#include "numerics/errors.hpp"
#include "numerics/look_up.hpp"
#include "numerics/round_shift.hpp"

namespace tactus::fast {
namespace {

template <Rounding R>
using RoundingConstant = std::integral_constant<Rounding, R>;

/// Calls body with the rounding mode as a constant, so that its loop holds no choice.
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

/// Calls body with a zero of the element type.
template <class Body>
void with_element(const ElementGrid& grid, const Body& body) {
  switch (grid.log2_bytes * 2 + (grid.is_signed ? 1 : 0)) {
    case 0:
      return body(std::uint8_t{});
    case 1:
      return body(std::int8_t{});
    case 2:
      return body(std::uint16_t{});
    case 3:
      return body(std::int16_t{});
    case 4:
      return body(std::uint32_t{});
    case 5:
      return body(std::int32_t{});
    default:
      break;
  }
  throw InternalError("an op has elements of " + std::to_string(1 << grid.log2_bytes) + " bytes");
}

}  // namespace

void read_elements(const std::uint8_t* first, const ElementGrid& grid, std::int64_t* values) {
  with_element(grid, [&](auto element) {
    for (std::int64_t y = 0; y < grid.height; ++y, values += grid.width) {
      const std::uint8_t* from = first + y * grid.step_y;
      for (std::int64_t x = 0; x < grid.width; ++x) {
        std::memcpy(&element, from + x * grid.step_x, sizeof element);
        values[x] = element;
      }
    }
  });
}

void write_elements(std::uint8_t* first, const ElementGrid& grid, const std::int64_t* values) {
  with_element(grid, [&](auto element) {
    for (std::int64_t y = 0; y < grid.height; ++y, values += grid.width) {
      std::uint8_t* to = first + y * grid.step_y;
      for (std::int64_t x = 0; x < grid.width; ++x) {
        element = static_cast<decltype(element)>(values[x]);
        std::memcpy(to + x * grid.step_x, &element, sizeof element);
      }
    }
  });
}

std::uint64_t add_to_all(std::int64_t* values, std::int64_t count, std::int64_t addend,
                         int acc_bits, Overflow policy) {
  std::uint64_t overflows = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const Accumulated next = accumulate(values[i], addend, acc_bits, policy);
    values[i] = next.value;
    overflows += next.overflowed ? 1 : 0;
  }
  return overflows;
}

void requantise_all(std::int64_t* values, std::int64_t count, Convention convention,
                    const Requant& params, int acc_bits) {
  if (convention == Convention::mul_shift) {
    const auto shift = static_cast<unsigned>(params.shift);
    // |acc * mult| <= 2^62 and |add| <= 2^61 need no wider intermediate.
    constexpr std::int64_t mult_limit = std::int64_t{1} << 31, add_limit = std::int64_t{1} << 61;
    const bool narrow = acc_bits <= 32 && params.mult >= -mult_limit && params.mult <= mult_limit &&
                        params.add >= -add_limit && params.add <= add_limit;
    with_rounding(params.rounding, [&](auto rounding) {
      if (narrow) {
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t product = values[i] * params.mult + params.add;
          values[i] = std::clamp(round_shift(product, shift, rounding) + params.zp,
                                 params.clamp_min, params.clamp_max);
        }
      } else {
        for (std::int64_t i = 0; i < count; ++i) {
          values[i] = mul_shift(values[i], params.mult, params.add, shift, rounding, params.zp,
                                params.clamp_min, params.clamp_max);
        }
      }
    });
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) values[i] = requantise(convention, values[i], params);
  if (convention == Convention::none) {
    for (std::int64_t i = 0; i < count; ++i) values[i] = wrap_to(values[i], 32);
  }
}

void add_all(std::int64_t* values, const Format& format, const std::int64_t* others,
             const Format& other_format, std::int64_t count, const AddMulShift& params) {
  // Shift 0 would leave no room to add the zero point.
  const bool narrow = params.shift > 0 && add_mul_shift_fits(format, other_format, params);
  with_rounding(params.rounding, [&](auto rounding) {
    if (narrow) {
      const std::int64_t mult_a = params.a.mult * (std::int64_t{1} << params.a.left);
      const std::int64_t mult_b = params.b.mult * (std::int64_t{1} << params.b.left);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t sum =
            (values[i] - params.a.zp) * mult_a + (others[i] - params.b.zp) * mult_b + params.add;
        values[i] = std::clamp(round_shift(sum, params.shift, rounding) + params.zp,
                               params.clamp_min, params.clamp_max);
      }
      return;
    }
    AddMulShift constant = params;
    constant.rounding = rounding;
    for (std::int64_t i = 0; i < count; ++i) {
      values[i] = add_mul_shift(values[i], others[i], constant);
    }
  });
}

void look_up_all(std::int64_t* values, std::int64_t count, const std::vector<std::uint32_t>& table,
                 std::int64_t low, std::int64_t high, unsigned shift) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t offset = std::clamp(values[i], low, high) - low;
    values[i] = look_up(table[static_cast<std::size_t>(offset >> shift)], offset, shift);
  }
}

}  // namespace tactus::fast
