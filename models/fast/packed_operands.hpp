// SPDX-License-Identifier: Apache-2.0
// Operands of compute ops as the kernels read them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fast/write_history.hpp"

namespace tactus::fast {

/// The bytes behind packed activations: a range of the first `banks` banks.
struct PackSource {
  ContentName name;  ///< when the bytes were last known to be equal
  std::int64_t banks = 0, first = 0, count = 0;
  std::int64_t copies = 0;  ///< bank b equals copy b mod copies; 0: none kept
  std::uint8_t* copy = nullptr;
};

/// Operands of more than 9 bits have two parts, v = part 0 + 256 * part 1.
struct PackedActivations {
  std::int16_t* data = nullptr;
  std::int64_t panels = 0, panel_stride = 0, part_stride = 0;
  std::int64_t zeros = 0;                   ///< zero operands of all K units
  std::vector<std::int64_t> element_zeros;  ///< of each packed element, with zero gating
  /// Of windows transformed by winograd_kernels.hpp, points panel_stride apart: zeros of each tap.
  std::array<std::int64_t, 9> tap_zeros{};
  PackSource source;
};

struct PackedWeights {
  std::int16_t* data = nullptr;
  std::int64_t blocks = 0, block_stride = 0, part_stride = 0, pairs = 0;
  std::vector<std::int64_t> magnitudes;     ///< sum of |weight| per column; may be empty
  std::int64_t zeros = 0;                   ///< zero weights, with zero gating
  std::vector<std::int64_t> element_users;  ///< other weights per packed element, likewise
};

}  // namespace tactus::fast
