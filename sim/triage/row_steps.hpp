// SPDX-License-Identifier: Apache-2.0
// Softmax and the norms one step at a time, as the row unit makes them (models/numerics/softmax.hpp
// and norm.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.hpp"
#include "triage/requant_steps.hpp"

namespace tactus::triage {

/// What each value of a row contributes: its exponential, or the value without zero point.
using RowShares = std::vector<std::int64_t>;

/// Output for element `own` of `row`, stored values of one pixel (and head).
std::int64_t softmax_steps(const Layer& layer, const std::vector<std::int64_t>& row,
                           std::size_t own, std::vector<Step>& steps, RowShares& shares);

/// Output for channel `own` of `row`, stored values of one pixel in the format `in`.
std::int64_t norm_steps(const Layer& layer, const Format& in, const std::vector<std::int64_t>& row,
                        std::size_t own, std::vector<Step>& steps, RowShares& shares);

}  // namespace tactus::triage
