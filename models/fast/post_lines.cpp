// SPDX-License-Identifier: Apache-2.0
#include "fast/post_lines.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "fast/post_kernels.hpp"
#include "fast/with_rounding.hpp"
#include "numerics/accumulate.hpp"
#include "numerics/errors.hpp"
#include "numerics/look_up.hpp"
#include "numerics/round_shift.hpp"

namespace tactus::fast {
namespace {

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

bool fits_32(std::int64_t value) { return wrap_to(value, 32) == value; }

/// Whether value - zp fits 32 bits for all values of the format.
bool fits_term(const Format& format, std::int64_t zp) {
  return fits_32(format.min() - zp) && fits_32(format.max() - zp);
}

/// Calls body(byte of the grid, number of the value, values) for lines of bytes side by side, the
/// longest there are; false when the grid has none.
template <class Body>
bool with_byte_lines(const ElementGrid& grid, const Body& body) {
  if (grid.log2_bytes != 0 || grid.step_x != 1) return false;
  if (grid.step_y == grid.width) {
    body(0, 0, grid.height * grid.width);
    return true;
  }
  for (std::int64_t y = 0; y < grid.height; ++y) body(y * grid.step_y, y * grid.width, grid.width);
  return true;
}

}  // namespace

void read_elements(const std::uint8_t* first, const ElementGrid& grid, std::int64_t* values) {
  static const PostKernels& kernels = post_kernels();
  const auto widen = [&](std::int64_t byte, std::int64_t value, std::int64_t count) {
    kernels.widen(first + byte, count, grid.is_signed, values + value);
  };
  if (with_byte_lines(grid, widen)) return;
  with_element(grid, [&](auto element) {
    for (std::int64_t y = 0; y < grid.height; ++y, values += grid.width) {
      const std::uint8_t* from = first + y * grid.step_y;
      for (std::int64_t x = 0; x < grid.width; ++x) {
        std::memcpy(&element, from + x * grid.step_x, sizeof element);
        values[x] = element;  // NOLINT(bugprone-signed-char-misuse): a number
      }
    }
  });
}

void write_elements(std::uint8_t* first, const ElementGrid& grid, const std::int64_t* values) {
  static const PostKernels& kernels = post_kernels();
  const auto narrow = [&](std::int64_t byte, std::int64_t value, std::int64_t count) {
    kernels.narrow(values + value, count, first + byte);
  };
  if (with_byte_lines(grid, narrow)) return;
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

void max_bytes(const std::uint8_t* first, const ElementGrid& grid, const Window& window,
               std::vector<std::uint8_t>& scratch, std::int64_t* values) {
  const std::int64_t span =
      (grid.width - 1) * grid.step_x + (window.width - 1) * window.step_kx + 1;
  scratch.resize(static_cast<std::size_t>(span));
  with_element(grid, [&](auto element) {
    using Element = decltype(element);
    auto* const columns = reinterpret_cast<Element*>(scratch.data());
    for (std::int64_t y = 0; y < grid.height; ++y, values += grid.width) {
      // Maxima down the columns first: neighbouring windows share them.
      const std::uint8_t* from = first + y * grid.step_y;
      std::copy_n(from, span, scratch.begin());
      for (std::int64_t ky = 1; ky < window.height; ++ky) {
        const auto* line = reinterpret_cast<const Element*>(from + ky * window.step_ky);
        for (std::int64_t i = 0; i < span; ++i) columns[i] = std::max(columns[i], line[i]);
      }
      for (std::int64_t x = 0; x < grid.width; ++x) {
        const Element* at = columns + x * grid.step_x;
        Element most = at[0];
        for (std::int64_t kx = 1; kx < window.width; ++kx) {
          most = std::max(most, at[kx * window.step_kx]);
        }
        values[x] = most;  // NOLINT(bugprone-signed-char-misuse): a number
      }
    }
  });
}

std::uint64_t requantise_sums(const std::int64_t* sums, std::int64_t count, std::int64_t bias,
                              int acc_bits, Overflow policy, Convention convention,
                              const Requant& params, std::int64_t* values) {
  static const PostKernels& kernels = post_kernels();
  // |acc * mult| <= 2^62 and |add| <= 2^61 need no wider intermediate.
  constexpr std::int64_t add_limit = std::int64_t{1} << 61;
  if (convention == Convention::mul_shift && acc_bits <= 32 && params.shift >= 1 &&
      params.shift <= 60 && fits_32(params.mult) && params.add >= -add_limit &&
      params.add <= add_limit && kernels.all_fit(sums, count, bias, acc_bits)) {
    kernels.scale(sums, count, {-bias, params.mult, 0}, params.add,
                  {params.shift, params.rounding, params.zp, params.clamp_min, params.clamp_max},
                  values);
    return 0;
  }
  std::uint64_t overflows = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const Accumulated next = accumulate(sums[i], bias, acc_bits, policy);
    values[i] = next.value;
    overflows += next.overflowed ? 1 : 0;
  }
  requantise_all(values, count, convention, params, acc_bits);
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
  AddMulShift rounded = params;  // with what rounding adds at most
  rounded.add =
      (params.add < 0 ? -params.add : params.add) + (std::int64_t{1} << params.shift % 61);
  if (params.shift >= 1 && params.shift <= 60 &&
      add_mul_shift_fits(format, other_format, rounded) && fits_term(format, params.a.zp) &&
      fits_term(other_format, params.b.zp) && fits_32(params.a.mult) && fits_32(params.b.mult)) {
    static const PostKernels& kernels = post_kernels();
    kernels.add(values, others, count,
                {params.a.zp, params.a.mult, static_cast<int>(params.a.left)},
                {params.b.zp, params.b.mult, static_cast<int>(params.b.left)}, params.add,
                {static_cast<int>(params.shift), params.rounding, params.zp, params.clamp_min,
                 params.clamp_max});
    return;
  }
  with_rounding(params.rounding, [&](auto rounding) {
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
