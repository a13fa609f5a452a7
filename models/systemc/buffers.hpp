// SPDX-License-Identifier: Apache-2.0
// The on-chip buffers. They own no time of their own: the unit that reads or writes counts the
// cycles. Each has two halves; unwritten memory reads as 0; an access outside a half throws.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <systemc>
#include <vector>

namespace tactus::systemc {

/// Both halves of a buffer of bytes in banks (ifmap_buffer, ofmap_buffer); bank b is contiguous.
class BankedBuffer : public sc_core::sc_module {
 public:
  BankedBuffer(const sc_core::sc_module_name& name, std::int64_t banks, std::int64_t bank_bytes);

  [[nodiscard]] std::int64_t banks() const { return banks_; }
  /// Bytes from an address in a bank to the same address in the next one.
  [[nodiscard]] std::int64_t bank_bytes() const { return bank_bytes_; }
  /// `count` bytes from `address` inside a bank.
  [[nodiscard]] const std::uint8_t* read(std::int64_t half, std::int64_t bank, std::int64_t address,
                                         std::int64_t count) const;
  [[nodiscard]] std::uint8_t* write(std::int64_t half, std::int64_t bank, std::int64_t address,
                                    std::int64_t count);
  /// The element of 1 << log2_bytes bytes at `address`.
  [[nodiscard]] std::int64_t element(std::int64_t half, std::int64_t bank, std::int64_t address,
                                     std::int64_t log2_bytes, bool is_signed) const;
  /// Stores the low 1 << log2_bytes bytes of `value`.
  void set_element(std::int64_t half, std::int64_t bank, std::int64_t address,
                   std::int64_t log2_bytes, std::int64_t value);

 private:
  [[nodiscard]] std::size_t index(std::int64_t half, std::int64_t bank, std::int64_t address,
                                  std::int64_t count) const;
  std::int64_t banks_, bank_bytes_;
  std::vector<std::uint8_t> bytes_;
};

class IfmapBuffer : public BankedBuffer {
 public:
  using BankedBuffer::BankedBuffer;
};
class OfmapBuffer : public BankedBuffer {
 public:
  using BankedBuffer::BankedBuffer;
};

/// Both halves of a buffer without banks: weight rows, index rows, parameter records or
/// instructions.
class LinearBuffer : public sc_core::sc_module {
 public:
  LinearBuffer(const sc_core::sc_module_name& name, std::int64_t half_bytes);

  [[nodiscard]] const std::uint8_t* read(std::int64_t half, std::int64_t address,
                                         std::int64_t count) const;
  [[nodiscard]] std::uint8_t* write(std::int64_t half, std::int64_t address, std::int64_t count);

 private:
  [[nodiscard]] std::size_t index(std::int64_t half, std::int64_t address,
                                  std::int64_t count) const;
  std::int64_t half_bytes_;
  std::vector<std::uint8_t> bytes_;
};

class WeightBuffer : public LinearBuffer {
 public:
  using LinearBuffer::LinearBuffer;
};
class IndexBuffer : public LinearBuffer {
 public:
  using LinearBuffer::LinearBuffer;
};
class ParamBuffer : public LinearBuffer {
 public:
  using LinearBuffer::LinearBuffer;
};
class InstBuffer : public LinearBuffer {
 public:
  using LinearBuffer::LinearBuffer;
};

/// Partial sums: entry e of all columns is contiguous.
class PsumBuffer : public sc_core::sc_module {
 public:
  PsumBuffer(const sc_core::sc_module_name& name, std::int64_t entries, std::int64_t cols);
  /// `count` entries from `entry` on, `cols` values each.
  [[nodiscard]] std::int64_t* at(std::int64_t half, std::int64_t entry, std::int64_t count);

 private:
  std::int64_t entries_, cols_;
  std::vector<std::int64_t> values_;
};

}  // namespace tactus::systemc
