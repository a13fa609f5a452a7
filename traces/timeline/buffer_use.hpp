// SPDX-License-Identifier: Apache-2.0
// Which halves of which buffers a tile op reads and writes, and how full that leaves them
// (models/README.md, "Storage").
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "arch/arch_config.hpp"
#include "program/program.hpp"

namespace tactus {

enum class Buffer : std::uint8_t { ifmap, weight, index, param, psum, ofmap, inst };
inline constexpr std::size_t buffer_count = 7;
[[nodiscard]] const char* name_of(Buffer buffer);
/// Bytes of one half.
[[nodiscard]] std::uint64_t half_bytes(Buffer buffer, const ArchConfig& config);

/// Addresses [from, to) of a half, each of which stands for `unit_bytes` bytes of all banks.
struct WrittenRange {
  std::int64_t from = 0, to = 0;
};

/// One op's use of one half.
struct BufferUse {
  Buffer buffer = Buffer::ifmap;
  std::uint8_t half = 0;
  bool writes = false;
  std::uint64_t unit_bytes = 0;      ///< the same for all writers of a buffer
  std::vector<WrittenRange> ranges;  ///< what is written, gaps between lines included
};

/// Reads before writes.
[[nodiscard]] std::vector<BufferUse> uses_of(const TileOp& op, const ArchConfig& config);

/// How full a half is: the bytes written since it was last handed back to be written. They count
/// from the end of the write, and until the last read before the next write has ended.
class HalfFill {
 public:
  struct Step {
    Cycle at = 0;
    std::uint64_t bytes = 0;
  };
  /// Uses in the order of their starts; each covers the cycles up to `end` (exclusive).
  void use(const BufferUse& use, Cycle end);
  /// Changes so far that are final, oldest first.
  [[nodiscard]] std::vector<Step> take();
  /// The half is empty after its last read.
  void finish();

 private:
  void empty();
  std::map<std::int64_t, std::int64_t> written_;  ///< disjoint ranges by their start
  Cycle last_read_ = 0;                           ///< 0: not read since the last write
  std::vector<Step> steps_;
};

}  // namespace tactus
