// SPDX-License-Identifier: Apache-2.0
// A random tile program before tokens and segments: what the generator makes and the shrinker cuts.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "arch/arch_config.hpp"
#include "program/program.hpp"

namespace tactus::oplevel {

using Body = std::variant<LoadOp, FillOp, ComputeOp, PostOp, StoreOp>;

/// Ops in program order and the off-chip data they work on, from address 0.
struct Draft {
  std::vector<std::uint8_t> data;
  std::vector<Body> ops;
};

/// ws, os, nm, multi (operands narrower than a word), bundle, bipolar, pack (packed loads, stores
/// and posts to ifmap, stores from any bank), transposed (posts and stores of input-stationary
/// layers), fill, pool (window modes), add (residual modes).
using Kinds = std::set<std::string>;
[[nodiscard]] Kinds all_kinds();

/// A legal program except for rare collisions, which the validator refuses.
[[nodiscard]] Draft random_draft(const ArchConfig& config, std::uint64_t seed, const Kinds& kinds);

/// Changes program and host keys, and with `elaborated` those that the RTL fixes, to random legal
/// values.
void vary(ArchConfig& config, std::uint64_t seed, bool elaborated);

/// Tokens, segments and image; validated. Throws InternalError when the validator refuses it.
[[nodiscard]] Program build(const Draft& draft, const ArchConfig& config);

}  // namespace tactus::oplevel
