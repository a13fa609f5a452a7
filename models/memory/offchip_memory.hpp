// SPDX-License-Identifier: Apache-2.0
// Off-chip memory with fixed latency and bandwidth per channel (separable in the sense of design.md
// 3.7): bytes plus the two timing constants. One class for all back ends.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "numerics/errors.hpp"

namespace tactus {

class OffchipMemory {
 public:
  /// latency and interval in cycles (models/README.md: L and I), both at least 1.
  OffchipMemory(std::vector<std::uint8_t> bytes, std::int64_t latency, std::int64_t interval)
      : bytes_(std::move(bytes)), latency_(latency), interval_(interval) {}

  [[nodiscard]] std::int64_t latency() const { return latency_; }
  [[nodiscard]] std::int64_t interval() const { return interval_; }
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }

  /// Throws InternalError when the range is outside the memory.
  void read(std::uint64_t address, std::uint8_t* out, std::uint64_t count) const {
    check(address, count, "read");
    std::memcpy(out, bytes_.data() + address, count);
  }
  /// The bytes in place, valid until the next non-const call.
  [[nodiscard]] const std::uint8_t* view(std::uint64_t address, std::uint64_t count) const {
    check(address, count, "read");
    return bytes_.data() + address;
  }
  void write(std::uint64_t address, const std::uint8_t* in, std::uint64_t count) {
    check(address, count, "write");
    std::memcpy(bytes_.data() + address, in, count);
  }
  void write_byte(std::uint64_t address, std::uint8_t value) {
    check(address, 1, "write");
    bytes_[address] = value;
  }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  void check(std::uint64_t address, std::uint64_t count, const char* what) const {
    if (address > bytes_.size() || count > bytes_.size() - address) {
      throw InternalError("off-chip " + std::string(what) + " of " + std::to_string(count) +
                          " bytes at address " + std::to_string(address) + " is outside the " +
                          std::to_string(bytes_.size()) + " bytes of memory");
    }
  }
  std::vector<std::uint8_t> bytes_;
  std::int64_t latency_, interval_;
};

}  // namespace tactus
