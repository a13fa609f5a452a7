// SPDX-License-Identifier: Apache-2.0
// Off-chip memory behind two TLM-2.0 target sockets: independent read and write channels, each in
// order. An initiator may run ahead of simulated time: `delay` is the offset of its local time.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <systemc>
#include <tlm>
#include <utility>
#include <vector>

#include "context.hpp"
#include "memory/offchip_memory.hpp"

namespace tactus::systemc {

/// A burst is one transaction of whole beats; the last beat of a write may be masked by a shorter
/// data length.
/// Read: `delay` is when the request is accepted, and on return when its last beat arrives. The
/// first beat comes no earlier than L + I - 1 after acceptance, beats are I apart.
/// Write: `delay` is the earliest cycle in which the first beat is valid, and on return when the
/// burst is acknowledged: each beat is accepted in the I-th cycle of its validity, the
/// acknowledgement comes L after the last acceptance.
class OffchipMemoryTarget : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<OffchipMemoryTarget> read_socket;
  tlm_utils::simple_target_socket<OffchipMemoryTarget> write_socket;

  OffchipMemoryTarget(const sc_core::sc_module_name& name, const Context& context,
                      std::vector<std::uint8_t> bytes);

  [[nodiscard]] std::vector<std::uint8_t> take() { return memory_.take(); }

 private:
  void read(tlm::tlm_generic_payload& burst, sc_core::sc_time& delay);
  void write(tlm::tlm_generic_payload& burst, sc_core::sc_time& delay);
  /// Untimed access for a host or a debugger; gives the number of bytes.
  unsigned debug(tlm::tlm_generic_payload& access);
  [[nodiscard]] Cycle beats(const tlm::tlm_generic_payload& burst) const;

  const Context& context_;
  OffchipMemory memory_;
  Cycle latency_, interval_;
  Cycle next_read_beat_ = 0;   ///< earliest cycle of the next beat of the read channel
  Cycle next_write_beat_ = 0;  ///< first cycle in which the write channel is free
};

}  // namespace tactus::systemc
