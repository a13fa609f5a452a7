// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "case.hpp"

namespace tactus::property {

inline constexpr std::int64_t tail_kinds = 22;

/// Appends layers of a kind below tail_kinds to the network, which has one layer so far.
void add_tail(Network& network, const ArchConfig& config, std::int64_t kind, Random& random);

}  // namespace tactus::property
