// SPDX-License-Identifier: Apache-2.0
// Block `perf`: the retire stream with its event counts.
#pragma once

#include <array>
#include <cstdint>
#include <systemc>
#include <vector>

#include "backend/backend.hpp"
#include "context.hpp"

namespace tactus::systemc {

class Perf : public sc_core::sc_module {
 public:
  Perf(const sc_core::sc_module_name& name, const Context& context);

  /// Records an op that retires in the current cycle.
  void retire(Queue queue, Cycle start, std::uint64_t digest, const EventCounts& events);

  [[nodiscard]] std::uint64_t retired() const { return records_.size(); }
  [[nodiscard]] Cycle last_retire() const { return last_retire_; }
  /// The records sorted by queue and sequence number.
  [[nodiscard]] std::vector<RetireRecord> take();

 private:
  const Context& context_;
  std::vector<RetireRecord> records_;
  std::array<std::uint32_t, queue_count> next_seq_{};
  Cycle last_retire_ = 0;
};

}  // namespace tactus::systemc
