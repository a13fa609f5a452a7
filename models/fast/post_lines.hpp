// SPDX-License-Identifier: Apache-2.0
// Loops of the post-processor over the pixels of one channel.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/add_mul_shift.hpp"
#include "numerics/formats.hpp"
#include "numerics/requantise.hpp"

namespace tactus::fast {

/// Widest product of mode 6: factors of 16 bits without their zero points of 17 bits.
inline constexpr int product_bits = 36;

/// Elements of one channel in a bank: width values per line, little endian.
struct ElementGrid {
  std::int64_t height, width, step_x, step_y;
  int log2_bytes;
  bool is_signed;
};

/// values[y * width + x] = element of the grid at `first`.
void read_elements(const std::uint8_t* first, const ElementGrid& grid, std::int64_t* values);
/// The low bytes of each value into the grid at `first`.
void write_elements(std::uint8_t* first, const ElementGrid& grid, const std::int64_t* values);

/// Taps of a window, in bytes from one to the next.
struct Window {
  std::int64_t height, width, step_ky, step_kx;
};
/// values[y * width + x] = maximum of the bytes of the window at the grid's element; `scratch` is
/// for the function alone.
void max_bytes(const std::uint8_t* first, const ElementGrid& grid, const Window& window,
               std::vector<std::uint8_t>& scratch, std::int64_t* values);

/// values[i] = requantise(policy(sums[i] + bias)); returns the number of overflows. `values` may be
/// `sums`.
[[nodiscard]] std::uint64_t requantise_sums(const std::int64_t* sums, std::int64_t count,
                                            std::int64_t bias, int acc_bits, Overflow policy,
                                            Convention convention, const Requant& params,
                                            std::int64_t* values);
/// values[i] = requantise(values[i]) of values of acc_bits; `none` keeps the low 32 bits.
void requantise_all(std::int64_t* values, std::int64_t count, Convention convention,
                    const Requant& params, int acc_bits);
/// values[i] = add_mul_shift(values[i], others[i]); the formats hold all values and others.
void add_all(std::int64_t* values, const Format& format, const std::int64_t* others,
             const Format& other_format, std::int64_t count, const AddMulShift& params);
/// values[i] = look_up(...) of the table whose first entry belongs to `low`.
void look_up_all(std::int64_t* values, std::int64_t count, const std::vector<std::uint32_t>& table,
                 std::int64_t low, std::int64_t high, unsigned shift);

}  // namespace tactus::fast
