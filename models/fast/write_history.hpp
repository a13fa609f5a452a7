// SPDX-License-Identifier: Apache-2.0
// What the loads and fills of a buffer half have written, so that an op whose operands were packed
// before needs no bytes: writes are carried out when somebody reads the bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace tactus::fast {

/// One load or fill op. Plane p goes to the banks b with b mod group == p mod group.
struct BankWrite {
  std::uint64_t content = 0;           ///< equal numbers: the same bytes in the same places
  std::int64_t first = 0, end = 0;     ///< range of bank bytes
  bool whole = false;                  ///< writes every byte of the range in every bank
  std::uint32_t value = 0;             ///< of a fill; `from` is null
  const std::uint8_t* from = nullptr;  ///< off-chip bytes of a load, valid until they are written
  const std::uint8_t* from_end = nullptr;
  std::int64_t planes = 1, group = 1, plane_step = 0, slot_step = 0;
  std::int64_t lines = 1, line_bytes = 0, line_step = 0, dst_line_step = 0;
  std::int64_t tail_bytes = 0;  ///< zeros behind a line

  /// Whether it writes every byte of the range in every bank.
  [[nodiscard]] bool covers(std::int64_t from_byte, std::int64_t end_byte) const;
};

/// Identity of bank bytes: equal names, equal bytes in all banks.
struct ContentName {
  std::array<std::uint64_t, 4> writes{};  ///< 0: none
  bool lasting = false;                   ///< the same writes give it again
  [[nodiscard]] bool operator==(const ContentName& other) const { return writes == other.writes; }
};

/// The banks that a write goes to.
struct BankBytes {
  std::uint8_t* first;
  std::int64_t banks, step;
};

class WriteHistory {
 public:
  /// The bytes at first have a name of their own, as after forget().
  WriteHistory() { forget(); }

  /// Whether `write` was added rather than to be done at once.
  void add(const BankWrite& write, const BankBytes& to);
  /// Carries out what is pending.
  void carry_out(const BankBytes& to);
  /// The bytes were changed by something else, everything pending being done.
  void forget();
  /// Whether a pending write still has to read any of [from, end).
  [[nodiscard]] bool reads(const std::uint8_t* from, const std::uint8_t* end) const;
  /// Name of those bytes of [first, end) of which `covered` tells whether a write covers them all;
  /// one that no other content has where too many ops wrote them.
  using Covered = std::function<bool(const BankWrite&)>;
  [[nodiscard]] ContentName name(std::int64_t first, std::int64_t end,
                                 const Covered& covered) const;

 private:
  [[nodiscard]] static std::uint64_t fresh();

  std::uint64_t base_ = 0;         ///< what is under the writes
  std::vector<BankWrite> writes_;  ///< in order
  std::size_t done_ = 0;           ///< of them
};

/// Carries out one write.
void write_banks(const BankWrite& write, const BankBytes& to);

}  // namespace tactus::fast
