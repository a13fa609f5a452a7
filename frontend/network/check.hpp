// SPDX-License-Identifier: Apache-2.0
// The parts of check_network; only network/*.cpp includes this.
#pragma once

#include <cstdint>
#include <string>

#include "network/network.hpp"

namespace tactus::network_check {

/// Largest extent of a shape, kernel, stride, dilation or padding.
constexpr int kMaxExtent = 1 << 20;
/// Largest number of values of one tensor.
constexpr std::int64_t kMaxCount = (std::int64_t{1} << 31) - 1;
/// Widest operand of the array and of the element-wise operations.
constexpr int kMaxOperandBits = 16;
constexpr int kMaxOutputBits = 32;
constexpr int kBiasBits = 48;

/// Throws BadInput with "<file>: layer <id>: <what>".
[[noreturn]] void fail(const Network& network, const Layer& layer, const std::string& what);
/// Throws BadInput with "<file>: <what>".
[[noreturn]] void fail(const Network& network, const std::string& what);

/// Sentence part saying why the format is not acceptable, empty if it is.
[[nodiscard]] std::string format_problem(const Format& format, int max_bits);
[[nodiscard]] std::string range_text(std::int64_t low, std::int64_t high);

/// Attribute ranges, number and formats of the operands, shapes; fills in_shape and out_shape.
void check_shapes(const Network& network, Layer& layer);
/// Weights, zero points, bias and requantisation constants. Needs the shapes.
void check_values(const Network& network, const Layer& layer);

/// Tables and constants of lut and softmax layers. Need the shapes.
void check_lut(const Network& network, const Layer& layer);
void check_softmax(const Network& network, const Layer& layer);
void check_constant(const Network& network, const Layer& layer);

}  // namespace tactus::network_check
