// SPDX-License-Identifier: Apache-2.0
// Layers that move values and compute none: where an element comes from, and the ops that move it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "network/network.hpp"
#include "program/program.hpp"
#include "triage/places.hpp"

namespace tactus::triage {

/// The element of an input that output element (c, y, x) of a flatten, reshape, transpose, concat,
/// slice, upsample, pixel_shuffle or space_to_depth layer is; nothing for one that no input has
/// (the zero points behind a pixel). Throws BadInput for a layer of another kind.
[[nodiscard]] std::optional<Coordinates> moved_from(const Network& network, const Layer& layer,
                                                    int c, int y, int x);

/// Ops of the layer number `layer` of the program that load `from` and store `to`, with what each
/// of them does; both are elements of tensors in memory.
[[nodiscard]] std::vector<std::pair<std::size_t, std::string>> moving_ops(
    const Program& program, const Network& network, std::size_t layer,
    const std::optional<Coordinates>& from, const Coordinates& to);

/// Both elements are one word in memory: nothing moves.
[[nodiscard]] bool lies_in_place(const Program& program, const Network& network,
                                 const Coordinates& from, const Coordinates& to);

}  // namespace tactus::triage
