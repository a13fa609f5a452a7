// SPDX-License-Identifier: Apache-2.0
// Values of post ops: written elements, digest and acc_overflow.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/buffers.hpp"
#include "fast/compute_unit.hpp"
#include "numerics/add_tflite.hpp"
#include "program/program.hpp"

namespace tactus::fast {

struct PostValues {
  std::uint64_t digest = 0, acc_overflow = 0;
};

class PostUnit {
 public:
  explicit PostUnit(const ArchConfig& config)
      : accumulator_(accumulator_of(config)), word_bytes_(config.word_bytes()) {}

  [[nodiscard]] PostValues run(const PostOp& op, Buffers& buffers);

 private:
  /// Decoded channel records of one half of the parameter buffer: pixel tiles read them again.
  struct Records {
    std::uint64_t version = 0;
    std::vector<ChannelRecord> record;
    std::vector<bool> decoded;
  };
  const ChannelRecord& channel_record(const PostOp& op, const Buffers& buffers,
                                      std::int64_t channel);
  /// Fills line_ with the results of one channel.
  void results(const PostOp& op, const Buffers& buffers, std::int64_t channel);
  /// Fills line_ with the maxima or sums of one channel's windows.
  void reduce_window(const PostOp& op, const Buffers& buffers, std::int64_t channel);
  /// line_ and the second operand become the result of a mode with two operands.
  void combine(const PostOp& op, const Buffers& buffers, std::int64_t channel);
  /// Fills table_ with the entries that a look-up op can reach.
  void read_table(const PostOp& op, const Buffers& buffers);
  /// Fills line_ with the results of sums, which may be line_: by the channel's record, or
  /// transposed by one per pixel.
  void requantise(const PostOp& op, const Buffers& buffers, std::int64_t channel,
                  const std::int64_t* sums);
  /// Writes line_ to the destination of one channel.
  void write(const PostOp& op, Buffers& buffers, std::int64_t channel);
  /// Adds line_ to the words of its plane, which are written with the plane's last channel.
  void write_packed(const PostOp& op, BankedHalf& half, std::int64_t channel);

  Accumulator accumulator_;
  std::int64_t word_bytes_;
  std::array<Records, 2> records_;
  AddRecord add_;                     ///< of the running op
  std::vector<std::uint32_t> table_;  ///< of the running look-up op
  std::uint64_t overflows_ = 0;
  std::vector<std::int64_t> line_, other_;  ///< one value per pixel
  std::vector<std::uint8_t> scratch_;
  std::vector<std::vector<std::int64_t>> words_;  ///< of a plane: one line for each word of a pixel
};

}  // namespace tactus::fast
