// SPDX-License-Identifier: Apache-2.0
#include "buffers.hpp"

#include "numerics/errors.hpp"

namespace tactus::systemc {

namespace {
[[noreturn]] void outside(const char* name, std::int64_t address, std::int64_t count,
                          std::int64_t size) {
  throw InternalError("an access of " + std::to_string(count) + " at " + std::to_string(address) +
                      " is outside a half of " + name + ", whose size is " + std::to_string(size));
}
[[nodiscard]] bool inside(std::int64_t address, std::int64_t count, std::int64_t size) {
  return address >= 0 && count >= 0 && count <= size && address <= size - count;
}
}  // namespace

BankedBuffer::BankedBuffer(const sc_core::sc_module_name& name, std::int64_t banks,
                           std::int64_t bank_bytes)
    : sc_module(name),
      banks_(banks),
      bank_bytes_(bank_bytes),
      bytes_(static_cast<std::size_t>(2 * banks * bank_bytes)) {}

std::size_t BankedBuffer::index(std::int64_t half, std::int64_t bank, std::int64_t address,
                                std::int64_t count) const {
  if (!inside(address, count, bank_bytes_)) outside(basename(), address, count, bank_bytes_);
  return static_cast<std::size_t>((half * banks_ + bank) * bank_bytes_ + address);
}

const std::uint8_t* BankedBuffer::read(std::int64_t half, std::int64_t bank, std::int64_t address,
                                       std::int64_t count) const {
  return bytes_.data() + index(half, bank, address, count);
}

std::uint8_t* BankedBuffer::write(std::int64_t half, std::int64_t bank, std::int64_t address,
                                  std::int64_t count) {
  return bytes_.data() + index(half, bank, address, count);
}

std::int64_t BankedBuffer::element(std::int64_t half, std::int64_t bank, std::int64_t address,
                                   std::int64_t log2_bytes, bool is_signed) const {
  const std::int64_t count = std::int64_t{1} << log2_bytes;
  const std::uint8_t* bytes = read(half, bank, address, count);
  std::uint64_t value = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    value |= static_cast<std::uint64_t>(bytes[i]) << (8 * static_cast<unsigned>(i));
  }
  const auto unused = static_cast<unsigned>(64 - 8 * count);
  return is_signed ? static_cast<std::int64_t>(value << unused) >> unused
                   : static_cast<std::int64_t>(value);
}

void BankedBuffer::set_element(std::int64_t half, std::int64_t bank, std::int64_t address,
                               std::int64_t log2_bytes, std::int64_t value) {
  const std::int64_t count = std::int64_t{1} << log2_bytes;
  std::uint8_t* bytes = write(half, bank, address, count);
  for (std::int64_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >>
                                         (8 * static_cast<unsigned>(i)));
  }
}

LinearBuffer::LinearBuffer(const sc_core::sc_module_name& name, std::int64_t half_bytes)
    : sc_module(name), half_bytes_(half_bytes), bytes_(static_cast<std::size_t>(2 * half_bytes)) {}

std::size_t LinearBuffer::index(std::int64_t half, std::int64_t address, std::int64_t count) const {
  if (!inside(address, count, half_bytes_)) outside(basename(), address, count, half_bytes_);
  return static_cast<std::size_t>(half * half_bytes_ + address);
}

const std::uint8_t* LinearBuffer::read(std::int64_t half, std::int64_t address,
                                       std::int64_t count) const {
  return bytes_.data() + index(half, address, count);
}

std::uint8_t* LinearBuffer::write(std::int64_t half, std::int64_t address, std::int64_t count) {
  return bytes_.data() + index(half, address, count);
}

PsumBuffer::PsumBuffer(const sc_core::sc_module_name& name, std::int64_t entries, std::int64_t cols)
    : sc_module(name),
      entries_(entries),
      cols_(cols),
      values_(static_cast<std::size_t>(2 * entries * cols)) {}

std::int64_t* PsumBuffer::at(std::int64_t half, std::int64_t entry, std::int64_t count) {
  if (!inside(entry, count, entries_)) outside(basename(), entry, count, entries_);
  return values_.data() + (half * entries_ + entry) * cols_;
}

}  // namespace tactus::systemc
