// SPDX-License-Identifier: Apache-2.0
// Hand-made programs of one segment in which every op waits for the one before, run by the RTL.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "program/program.hpp"
#include "program/validator.hpp"
#include "rtl_host/rtl_backend.hpp"
#include "tiny_program.hpp"

namespace tactus::testing {

using Bytes = std::vector<std::uint8_t>;
using Banks = std::vector<Bytes>;

inline constexpr std::size_t data_at = 4096, weights_at = 16384, out_at = 32768,
                             image_bytes = 65536;

/// One segment in which every op waits for the one before.
class Chain {
 public:
  explicit Chain(const std::string& name) : config(preset(name)) {
    program.image.resize(image_bytes);
    LayerInfo layer;
    layer.id = "000_pack";
    program.layers.push_back(layer);
  }

  template <typename Op>
  void add(unsigned queue, const Op& body) {
    TileOp op;
    op.body = body;
    if (last_ && *last_ != queue) {
      op.wait = static_cast<std::uint8_t>(1U << *last_);
      program.ops.back().push = static_cast<std::uint8_t>(1U << queue);
    }
    program.ops.push_back(op);
    last_ = queue;
  }
  void load(const LoadOp& op) { add(0, op); }
  void post(const PostOp& op) { add(2, op); }
  void store(const StoreOp& op) { add(3, op); }

  RunResult run() {
    program.ops.back().prog_end = true;
    program.prog_ops = static_cast<std::uint32_t>(program.ops.size());
    seal(program);
    validate_program(program, config);
    RunOptions options;
    options.watchdog_cycles = 20000;
    return make_rtl_backend({TACTUS_RTL_TEST_DIR})->run(program, config, program.image, options);
  }

  void randomise(std::mt19937& random, std::size_t address, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      program.image[address + i] = static_cast<std::uint8_t>(random());
    }
  }

  [[nodiscard]] std::int64_t word_bytes() const { return config.word_bytes(); }

  ArchConfig config;
  Program program;

 private:
  std::optional<unsigned> last_;
};

/// Load of `bytes` bytes per bank, one plane for each bank, from data_at.
inline LoadOp load_banks(const ArchConfig& config, std::int64_t bytes) {
  LoadOp op;
  op.mem_addr = data_at;
  op.planes = config.hw_array_cols;
  op.lines = 1;
  op.plane_stride = op.line_bytes = bytes;
  op.dest = static_cast<std::int64_t>(Dest::ofmap);
  while ((1LL << op.log2_group) < config.hw_array_cols) ++op.log2_group;
  return op;
}

/// Store of the first bytes of all banks to out_at.
inline StoreOp store_banks(const ArchConfig& config, std::int64_t bytes) {
  StoreOp op;
  op.mem_addr = out_at;
  op.planes = config.hw_array_cols;
  op.channels = op.planes;
  op.lines = 1;
  op.plane_stride = op.line_bytes = bytes;
  return op;
}

inline Banks banks_of(const Bytes& image, std::size_t address, std::int64_t count,
                      std::int64_t bytes) {
  Banks banks;
  for (std::int64_t b = 0; b < count; ++b) {
    const auto first = image.begin() + static_cast<std::ptrdiff_t>(address) + b * bytes;
    banks.emplace_back(first, first + bytes);
  }
  return banks;
}

/// The last record of a queue.
inline const RetireRecord& last_of(const RunResult& result, Queue queue) {
  const RetireRecord* found = nullptr;
  for (const auto& record : result.retired) {
    if (record.queue == queue) found = &record;
  }
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace tactus::testing
