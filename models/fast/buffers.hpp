// SPDX-License-Identifier: Apache-2.0
// Contents of the on-chip buffers. Unwritten memory reads as 0.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "arch/arch_config.hpp"
#include "fast/write_history.hpp"

namespace tactus::fast {

/// Bytes that a kernel may read behind the end of a bank.
inline constexpr std::int64_t read_slack = 64;

[[noreturn]] void report_range(std::int64_t first, std::int64_t count, std::int64_t size,
                               const char* what);

/// Throws InternalError unless [first, first + count) lies within `size`.
inline void check_range(std::int64_t first, std::int64_t count, std::int64_t size,
                        const char* what) {
  if (first < 0 || count < 0 || first > size || count > size - first) {
    report_range(first, count, size, what);
  }
}

/// One half of a buffer of bytes in banks. `version` changes with every write by an op. The bytes
/// are up to date after settle().
class BankedHalf {
 public:
  BankedHalf(std::int64_t banks, std::int64_t bank_bytes)
      : banks_(banks),
        bank_bytes_(bank_bytes),
        data_(static_cast<std::size_t>(banks * (bank_bytes + read_slack))) {}

  [[nodiscard]] std::int64_t banks() const { return banks_; }
  [[nodiscard]] std::int64_t bank_bytes() const { return bank_bytes_; }
  /// Bytes from one bank to the next.
  [[nodiscard]] std::int64_t bank_step() const { return bank_bytes_ + read_slack; }
  [[nodiscard]] std::uint8_t* bank(std::int64_t b) { return data_.data() + b * bank_step(); }
  [[nodiscard]] const std::uint8_t* bank(std::int64_t b) const {
    return data_.data() + b * bank_step();
  }
  void check(std::int64_t first, std::int64_t count) const {
    check_range(first, count, bank_bytes_, "bank bytes");
  }

  /// Carries out pending writes.
  void settle() { history.carry_out(place()); }
  /// To be called before other writes than those of the history.
  void touch() {
    settle();
    history.forget();
  }
  [[nodiscard]] BankBytes place() { return {data_.data(), banks_, bank_step()}; }

  std::uint64_t version = 0;
  WriteHistory history;

 private:
  std::int64_t banks_, bank_bytes_;
  std::vector<std::uint8_t> data_;
};

/// One half of the psum buffer; the entries of a column are contiguous, columns follow each other.
class PsumHalf {
 public:
  PsumHalf(std::int64_t cols, std::int64_t entries)
      : cols_(cols), entries_(entries), data_(static_cast<std::size_t>(cols * entries)) {}
  [[nodiscard]] std::int64_t columns() const { return cols_; }
  [[nodiscard]] std::int64_t entries() const { return entries_; }
  [[nodiscard]] std::int64_t* column(std::int64_t c) { return data_.data() + c * entries_; }
  [[nodiscard]] const std::int64_t* column(std::int64_t c) const {
    return data_.data() + c * entries_;
  }
  void check(std::int64_t first, std::int64_t count) const {
    check_range(first, count, entries_, "psum entries");
  }

 private:
  std::int64_t cols_, entries_;
  std::vector<std::int64_t> data_;
};

/// Both halves of every buffer. Weight, index and param halves are one bank in beat order: a row of
/// weights or indices is C words, a record 32 bytes.
struct Buffers {
  explicit Buffers(const ArchConfig& config)
      : ifmap{BankedHalf(config.hw_array_rows, config.ifmap_bank_bytes()),
              BankedHalf(config.hw_array_rows, config.ifmap_bank_bytes())},
        ofmap{BankedHalf(config.hw_array_cols, config.ofmap_bank_bytes()),
              BankedHalf(config.hw_array_cols, config.ofmap_bank_bytes())},
        weight{rows_of(config, config.weight_rows()), rows_of(config, config.weight_rows())},
        index{rows_of(config, config.index_rows()), rows_of(config, config.index_rows())},
        param{BankedHalf(1, config.param_records() * 32),
              BankedHalf(1, config.param_records() * 32)},
        inst{BankedHalf(1, config.hw_segment_ops * 64), BankedHalf(1, config.hw_segment_ops * 64)},
        psum{PsumHalf(config.hw_array_cols, config.psum_entries()),
             PsumHalf(config.hw_array_cols, config.psum_entries())} {}

  std::array<BankedHalf, 2> ifmap, ofmap, weight, index, param, inst;
  std::array<PsumHalf, 2> psum;

 private:
  static BankedHalf rows_of(const ArchConfig& config, std::int64_t rows) {
    return {1, rows * config.hw_array_cols * config.word_bytes()};
  }
};

template <class Halves>
[[nodiscard]] auto& half_of(Halves& halves, std::int64_t half) {
  return halves[static_cast<std::size_t>(half)];
}

}  // namespace tactus::fast
