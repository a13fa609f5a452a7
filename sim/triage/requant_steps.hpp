// SPDX-License-Identifier: Apache-2.0
// Requantisation one step at a time, each step named after the function of models/numerics that
// makes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/network.hpp"

namespace tactus::triage {

/// One named intermediate value.
struct Step {
  std::string name;     ///< "product", "round_shift", "clamp", ...
  std::string formula;  ///< with the numbers put in
  std::int64_t value = 0;
};

/// What a test bench might get wrong; a default one changes nothing.
struct Tweak {
  std::int64_t rounding = -1;  ///< >= 0: this Rounding in place of the layer's
};

/// Appends the steps from the accumulator (bias included) of output channel `channel` to the
/// output value and returns the value.
std::int64_t requantise_steps(const Layer& layer, int channel, std::int64_t acc,
                              std::vector<Step>& steps, const Tweak& tweak = {});

/// A residual add of the two operands, which are as stored.
std::int64_t add_steps(const Layer& layer, int channel, std::int64_t a, const Format& format_a,
                       std::int64_t b, const Format& format_b, std::vector<Step>& steps,
                       const Tweak& tweak = {});

/// avg_tflite: the sum of `taps` stored values.
std::int64_t average_steps(const Layer& layer, std::int64_t sum, std::int64_t taps,
                           std::vector<Step>& steps);

}  // namespace tactus::triage
