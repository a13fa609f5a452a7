// SPDX-License-Identifier: Apache-2.0
// Collects tile ops and memory contents, and derives tokens and segments from what each op touches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "lower/op_order.hpp"
#include "program/program.hpp"

namespace tactus::lower {

/// Throws BadInput for a program without ops.
void check_op_count(std::size_t ops);

/// Emission order is dispatch order. An op waits for earlier ops only (TokenOrder says for which),
/// which keeps the program free of deadlock.
///
/// A lowering that has some layers' ops already leaves them out: leave_out_ops() and skip().
class ProgramBuilder {
 public:
  /// Without `contents` only sizes of the memory image are kept: for timing.
  explicit ProgramBuilder(const ArchConfig& config, bool contents = true);

  /// Reserves `bytes` of zeroed off-chip memory and returns the address, a multiple of 64.
  [[nodiscard]] std::uint64_t allocate(std::uint64_t bytes);
  /// Whether there is a memory image to write to.
  [[nodiscard]] bool contents() const { return contents_; }
  /// Writable view of reserved memory; invalidated by the next allocate(). Throws InternalError
  /// without contents.
  [[nodiscard]] std::uint8_t* at(std::uint64_t address);

  /// Appends an op that touches some halves and has to wait for op `after` (-1: none). Returns its
  /// number.
  template <typename Body>
  int emit(const Body& body, int layer, const HalfSet& touches, int after = -1) {
    const int number = op_count();
    TileOp& op = ops_.emplace_back();
    op.layer = static_cast<std::uint16_t>(layer);
    op.body = body;
    links_.push_back({after, touches.bits(), queue_of(op)});
    return number;
  }

  /// The half of a buffer that was not handed out last.
  [[nodiscard]] int next_half(Buffer buffer) { return turn_[static_cast<unsigned>(buffer)] ^= 1; }

  [[nodiscard]] int op_count() const { return left_out_ + static_cast<int>(ops_.size()); }

  /// Sets tokens, cuts segments, encodes the ops into the image. The builder is spent afterwards.
  /// Throws InternalError when ops were left out.
  [[nodiscard]] Program finish();

  /// Ops that were not left out, and their links.
  [[nodiscard]] const std::vector<TileOp>& ops() const { return ops_; }
  [[nodiscard]] const std::vector<OpLink>& links() const { return links_; }
  /// Begins anew. Only without contents.
  void restart();
  /// Leaves out the ops so far, which keep their numbers.
  void leave_out_ops();
  /// Goes on as if `count` ops and `bytes` bytes of memory had been added.
  void skip(int count, std::uint64_t bytes);
  /// Bit 2 * buffer of the buffers whose half 1 was handed out last.
  [[nodiscard]] std::uint16_t turns() const;
  void set_turns(std::uint16_t turns);
  /// Bytes of the memory image; complete after finish().
  [[nodiscard]] std::uint64_t image_bytes() const { return image_bytes_; }

 private:
  void set_tokens();
  void place_segments(Program& program);

  const ArchConfig& config_;
  bool contents_;
  std::uint64_t image_bytes_ = 0;
  std::vector<std::uint8_t> image_;
  std::vector<TileOp> ops_;
  std::vector<OpLink> links_;  ///< of ops_
  int left_out_ = 0;           ///< ops before those in ops_
  std::array<int, buffer_count> turn_{1, 1, 1, 1, 1, 1};
};

}  // namespace tactus::lower
