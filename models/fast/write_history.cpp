// SPDX-License-Identifier: Apache-2.0
#include "fast/write_history.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace tactus::fast {
namespace {

constexpr std::size_t most_writes = 32;

void copy_lines(const std::uint8_t* from, std::uint8_t* to, const BankWrite& write) {
  const std::int64_t bytes = write.line_bytes;
  if (bytes == write.line_step && bytes == write.dst_line_step) {
    std::memcpy(to, from, static_cast<std::size_t>(write.lines * bytes));
    return;
  }
  if (bytes < 8 || bytes > 64) {
    for (std::int64_t i = 0; i < write.lines; ++i) {
      std::memcpy(to + i * write.dst_line_step, from + i * write.line_step,
                  static_cast<std::size_t>(bytes));
    }
    return;
  }
  // Short lines by words, the last of which may overlap the one before.
  for (std::int64_t i = 0; i < write.lines; ++i) {
    std::int64_t at = 0;
    for (; at < bytes - 8; at += 8) std::memcpy(to + at, from + at, 8);
    std::memcpy(to + bytes - 8, from + bytes - 8, 8);
    from += write.line_step;
    to += write.dst_line_step;
  }
}

void fill_banks(const BankWrite& write, const BankBytes& to) {
  const std::int64_t bytes = write.end - write.first;
  for (std::int64_t bank = 0; bank < to.banks; ++bank) {
    std::uint8_t* at = to.first + bank * to.step + write.first;
    if (write.value == 0x01010101U * (write.value & 0xFFU)) {
      std::memset(at, static_cast<int>(write.value & 0xFFU), static_cast<std::size_t>(bytes));
    } else {
      for (std::int64_t i = 0; i < bytes; i += 4) std::memcpy(at + i, &write.value, 4);
    }
  }
}

}  // namespace

void write_banks(const BankWrite& write, const BankBytes& to) {
  if (write.from == nullptr) return fill_banks(write, to);
  for (std::int64_t plane = 0; plane < write.planes; ++plane) {
    const std::uint8_t* from = write.from + plane * write.plane_step;
    const std::int64_t address = write.first + plane / write.group * write.slot_step;
    for (std::int64_t bank = plane % write.group; bank < to.banks; bank += write.group) {
      std::uint8_t* at = to.first + bank * to.step + address;
      copy_lines(from, at, write);
      for (std::int64_t i = 0; write.tail_bytes > 0 && i < write.lines; ++i) {
        std::memset(at + write.line_bytes + i * write.dst_line_step, 0,
                    static_cast<std::size_t>(write.tail_bytes));
      }
    }
  }
}

bool BankWrite::covers(std::int64_t from_byte, std::int64_t end_byte) const {
  if (from_byte < first || end_byte > end) return false;
  if (whole) return true;
  if (from == nullptr) return false;
  std::int64_t at = from_byte - first;
  const std::int64_t slot = slot_step > 0 ? at / slot_step : 0;
  if ((slot + 1) * group > planes) return false;
  at -= slot * slot_step;
  const std::int64_t line = dst_line_step > 0 ? at / dst_line_step : 0;
  if (line >= lines) return false;
  at -= line * dst_line_step;
  return at + (end_byte - from_byte) <= line_bytes + tail_bytes;
}

void WriteHistory::add(const BankWrite& write, const BankBytes& to) {
  if (write.whole) {
    // What is written over is never seen again, done or not.
    std::size_t kept = 0, done = 0;
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      if (writes_[i].first >= write.first && writes_[i].end <= write.end) continue;
      if (i < done_) ++done;
      writes_[kept++] = writes_[i];
    }
    writes_.resize(kept);
    done_ = done;
  }
  if (writes_.size() == most_writes) {
    carry_out(to);
    forget();
  }
  writes_.push_back(write);
}

void WriteHistory::carry_out(const BankBytes& to) {
  for (; done_ < writes_.size(); ++done_) write_banks(writes_[done_], to);
}

void WriteHistory::forget() {
  base_ = fresh();
  writes_.clear();
  done_ = 0;
}

bool WriteHistory::reads(const std::uint8_t* from, const std::uint8_t* end) const {
  for (std::size_t i = done_; i < writes_.size(); ++i) {
    if (writes_[i].from != nullptr && writes_[i].from < end && from < writes_[i].from_end) {
      return true;
    }
  }
  return false;
}

ContentName WriteHistory::name(std::int64_t first, std::int64_t end, const Covered& covered) const {
  ContentName name;
  std::size_t count = 0;
  // Backwards to the write that hides everything before it.
  for (std::size_t at = writes_.size(); at > 0; --at) {
    const BankWrite& write = writes_[at - 1];
    if (write.first >= end || write.end <= first) continue;
    if (count == name.writes.size()) return {{fresh()}, false};
    name.writes[count++] = write.content;
    if (covered(write)) {
      name.lasting = true;
      return name;
    }
  }
  if (count == name.writes.size()) return {{fresh()}, false};
  name.writes[count] = base_;
  return name;
}

std::uint64_t WriteHistory::fresh() {
  // Names of writes are even, those of other contents odd.
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(2);
}

}  // namespace tactus::fast
