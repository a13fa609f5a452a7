// SPDX-License-Identifier: Apache-2.0
// Values of post ops: written elements, digest and acc_overflow.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/buffers.hpp"
#include "fast/compute_unit.hpp"
#include "numerics/add_mul_shift.hpp"
#include "program/program.hpp"

namespace tactus::fast {

struct PostValues {
  std::uint64_t digest = 0, acc_overflow = 0;
};

class PostUnit {
 public:
  explicit PostUnit(const ArchConfig& config) : accumulator_(accumulator_of(config)) {}

  [[nodiscard]] PostValues run(const PostOp& op, Buffers& buffers);

 private:
  /// Fills line_ with the results of one channel.
  void results(const PostOp& op, const Buffers& buffers, std::int64_t channel);
  /// Fills line_ with the maxima or sums of one channel's windows.
  void reduce_window(const PostOp& op, const Buffers& buffers, std::int64_t channel);
  /// Writes line_ to the destination of one channel.
  void write(const PostOp& op, Buffers& buffers, std::int64_t channel) const;

  Accumulator accumulator_;
  AddMulShift add_;  ///< of the running op
  std::uint64_t overflows_ = 0;
  std::vector<std::int64_t> line_, other_;  ///< one value per pixel
};

}  // namespace tactus::fast
