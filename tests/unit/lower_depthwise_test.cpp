// SPDX-License-Identifier: Apache-2.0
// Depthwise layers and first layers against one channel to a row and a column.
#include <doctest/doctest.h>

#include <algorithm>

#include "../support/lower_network.hpp"
#include "lower/lower.hpp"
#include "program/validator.hpp"

namespace tactus {
namespace {

using namespace testing;

/// Cycles of the array with overlapping folds, without what lies between ops.
std::int64_t array_cycles(const Program& program, const ArchConfig& config) {
  std::int64_t cycles = 0;
  for (const ComputeOp& op : ops_of<ComputeOp>(program)) {
    cycles += op.folds * std::max(op.out_h * op.out_w, config.hw_array_rows);
  }
  return cycles;
}

ArchConfig ample(const char* name) {
  ArchConfig config = preset(name);
  set(config, "mem.data_bits", "128");
  set(config, "mem.ideal", "true");
  return config;
}

TEST_CASE("lower: depthwise layers on 16x16 with N:M select channels and lines at once") {
  for (const int stride : {1, 2}) {
    CAPTURE(stride);
    const Network net = one_conv(32, 56, 56, 32, 3, 8, 8, random_weights(8), 32, stride);
    const std::int64_t out = net.layers[0].out_shape.h;
    const ArchConfig config = ample("flex_16");
    const Program program = lower_network(net, config);
    validate_program(program, config);
    // One channel to a row and a column: 9 taps are one fold of all pixels for each channel.
    const std::int64_t plain = 32 * out * out;
    CHECK(array_cycles(program, config) * (stride == 1 ? 4 : 2) <= plain);
    CHECK(program.layers[0].macs_executed == program.layers[0].macs);
  }
}

TEST_CASE("lower: depthwise layers on a dense 16x16 array do several lines at once") {
  const Network net = one_conv(32, 56, 56, 32, 3, 8, 8, random_weights(8), 32, 1);
  const ArchConfig config = ample("edge_16");
  const Program program = lower_network(net, config);
  validate_program(program, config);
  CHECK(array_cycles(program, config) * 4 <= 32 * 56 * 56);
  CHECK(program.layers[0].k_mapping.line_phases > 1);
}

TEST_CASE("lower: every line of a depthwise output is stored once") {
  const Network net = one_conv(12, 23, 17, 12, 3, 8, 8, random_weights(8), 12, 1);
  for (const char* name : {"flex_16", "edge_16", "flex_4"}) {
    ArchConfig config = preset(name);
    set(config, "map.objective", "compute");
    const Program program = lower_network(net, config);
    validate_program(program, config);
    const TensorPlace* out = program.find_tensor("000_conv");
    const auto stride = static_cast<std::int64_t>(out->line_stride);
    const auto lines =
        static_cast<std::size_t>(out->plane_stride) / out->line_stride *
        static_cast<std::size_t>((12 + out->pack * out->bundle - 1) / (out->pack * out->bundle));
    std::vector<std::int64_t> bytes(lines, 0);
    for (const StoreOp& op : ops_of<StoreOp>(program)) {
      for (std::int64_t p = 0; p < op.planes; ++p) {
        for (std::int64_t l = 0; l < op.lines; ++l) {
          const std::int64_t at = op.mem_addr - static_cast<std::int64_t>(out->address) +
                                  p * op.plane_stride + l * op.line_stride;
          bytes.at(static_cast<std::size_t>(at / stride)) += op.line_bytes;
        }
      }
    }
    for (const std::int64_t count : bytes) CHECK(count == 17 * out->bundle);
  }
}

TEST_CASE("lower: a first layer of 3 channels fills the rows with taps") {
  const Network net = one_conv(3, 64, 64, 16, 7, 8, 8, random_weights(8), 1, 2);
  const ArchConfig config = ample("edge_16");
  const std::int64_t out = net.layers[0].out_shape.h;
  // One channel to a row: a fold for each of the 49 taps.
  CHECK(array_cycles(lower_network(net, config), config) * 9 <= 49 * out * out * 2);
}

}  // namespace
}  // namespace tactus
