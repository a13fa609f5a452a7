// SPDX-License-Identifier: Apache-2.0
// Collects tile ops and memory contents, and derives tokens and segments from what each op touches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "arch/arch_config.hpp"
#include "program/program.hpp"

namespace tactus::lower {

enum class Buffer : std::uint8_t {
  ifmap = 0,
  weight = 1,
  param = 2,
  psum = 3,
  ofmap = 4,
  index = 5
};

/// One half of one buffer.
struct Half {
  Buffer buffer;
  int half;
};

/// The few halves that one op touches.
class HalfList {
 public:
  HalfList(std::initializer_list<Half> halves) { add(halves.begin(), halves.end()); }
  HalfList(const std::vector<Half>& halves) { add(halves.data(), halves.data() + halves.size()); }
  [[nodiscard]] const Half* begin() const { return halves_.data(); }
  [[nodiscard]] const Half* end() const { return halves_.data() + count_; }

 private:
  void add(const Half* first, const Half* last);
  std::array<Half, 12> halves_{};
  std::size_t count_ = 0;
};

/// Emission order is dispatch order. An op waits for every earlier op of another queue that touched
/// one of its halves (a half has one owner queue at a time) and for the ops named in `after`;
/// tokens are set only where an earlier wait does not already imply the order. All ops that an op
/// waits for are emitted before it, which keeps the program free of deadlock.
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

  /// Appends an op and returns its number.
  template <typename Body>
  int emit(const Body& body, int layer, const HalfList& touches,
           const std::vector<int>& after = {}) {
    TileOp op;
    op.layer = static_cast<std::uint16_t>(layer);
    op.body = body;
    return append(op, touches, after);
  }

  /// The half of a buffer that was not handed out last.
  [[nodiscard]] int next_half(Buffer buffer) { return turn_[static_cast<unsigned>(buffer)] ^= 1; }

  [[nodiscard]] int op_count() const { return static_cast<int>(ops_.size()); }

  /// Sets tokens, cuts segments, encodes the ops into the image. The builder is spent afterwards.
  [[nodiscard]] Program finish();
  /// Bytes of the memory image; complete after finish().
  [[nodiscard]] std::uint64_t image_bytes() const { return image_bytes_; }

 private:
  int append(const TileOp& op, const HalfList& touches, const std::vector<int>& after);
  void set_tokens();
  void place_segments(Program& program);

  const ArchConfig& config_;
  bool contents_;
  std::uint64_t image_bytes_ = 0;
  std::vector<std::uint8_t> image_;
  std::vector<TileOp> ops_;
  std::vector<std::array<int, queue_count>> needs_;  ///< per op: latest op needed of each queue
  std::array<std::array<int, queue_count>, 12> last_access_{};
  std::array<int, 6> turn_{1, 1, 1, 1, 1, 1};
};

}  // namespace tactus::lower
