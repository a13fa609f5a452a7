// SPDX-License-Identifier: Apache-2.0
// The contents of the on-chip buffers as the observer of a run sees them (models/README.md,
// "Storage").
#pragma once

#include <cstdint>

namespace tactus {

enum class BufferName : std::uint8_t { ifmap, weight, index, param, ofmap };

/// Valid during one call of RunOptions::observe. Reading outside a half is an InternalError.
class BufferView {
 public:
  virtual ~BufferView() = default;
  /// `count` bytes (1 to 8) from `byte` on of a bank, little endian. Weight, index and param halves
  /// are one bank in beat order.
  [[nodiscard]] virtual std::uint64_t bytes(BufferName buffer, std::int64_t half, std::int64_t bank,
                                            std::int64_t byte, int count) const = 0;
  [[nodiscard]] virtual std::int64_t psum(std::int64_t half, std::int64_t column,
                                          std::int64_t entry) const = 0;
};

}  // namespace tactus
