// SPDX-License-Identifier: Apache-2.0
// Block `store_dma`: the store queue, strided writes of an ofmap half.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "buffers.hpp"
#include "context.hpp"
#include "events/events.hpp"
#include "issue.hpp"
#include "perf.hpp"

namespace tactus::systemc {

class StoreDma : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<StoreDma> socket;

  SC_HAS_PROCESS(StoreDma);
  StoreDma(const sc_core::sc_module_name& name, Context& context, Issue& issue, Perf& perf,
           const OfmapBuffer& ofmap);

 private:
  void run();
  void serve();
  /// Offers all beats to memory and waits for the acknowledgement of the last one.
  void store(const StoreOp& op);
  /// Byte address inside a bank of line `line` of a channel in `slot`.
  [[nodiscard]] std::int64_t line_address(const StoreOp& op, std::int64_t slot,
                                          std::int64_t line) const;
  [[nodiscard]] std::int64_t banks_per_beat(const StoreOp& op) const;
  /// Fills line_ with the words of a plane whose pixels lie in a bank each.
  void transpose_line(const StoreOp& op, std::int64_t plane);
  /// Fills line_ with the words of a plane of several channels.
  void pack_line(const StoreOp& op, std::int64_t plane, std::int64_t line);

  Context& context_;
  Issue& issue_;
  Perf& perf_;
  const OfmapBuffer& ofmap_;
  std::vector<std::uint8_t> line_;  ///< beats of one line, bytes behind the line as 0
  std::uint64_t digest_ = 0, beats_ = 0;
};

}  // namespace tactus::systemc
