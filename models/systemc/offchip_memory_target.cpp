// SPDX-License-Identifier: Apache-2.0
#include "offchip_memory_target.hpp"

#include <algorithm>

namespace tactus::systemc {

OffchipMemoryTarget::OffchipMemoryTarget(const sc_core::sc_module_name& name,
                                         const Context& context, std::vector<std::uint8_t> bytes)
    : sc_module(name),
      read_socket("read_socket"),
      write_socket("write_socket"),
      context_(context),
      memory_(std::move(bytes), context.config.latency(), context.config.beat_interval()),
      latency_(static_cast<Cycle>(memory_.latency())),
      interval_(static_cast<Cycle>(memory_.interval())) {
  if (context.fault(112)) --latency_;
  read_socket.register_b_transport(this, &OffchipMemoryTarget::read);
  read_socket.register_transport_dbg(this, &OffchipMemoryTarget::debug);
  write_socket.register_b_transport(this, &OffchipMemoryTarget::write);
  write_socket.register_transport_dbg(this, &OffchipMemoryTarget::debug);
}

Cycle OffchipMemoryTarget::beats(const tlm::tlm_generic_payload& burst) const {
  const auto beat = static_cast<Cycle>(context_.size.beat_bytes);
  return (burst.get_data_length() + beat - 1) / beat;
}

void OffchipMemoryTarget::read(tlm::tlm_generic_payload& burst, sc_core::sc_time& delay) {
  memory_.read(burst.get_address(), burst.get_data_ptr(), burst.get_data_length());
  const Cycle now = context_.clock.now();
  const Cycle accepted = now + context_.clock.to_cycles(delay);
  const Cycle first = std::max(accepted + latency_ + interval_ - 1, next_read_beat_);
  const Cycle last = first + (beats(burst) - 1) * interval_;
  next_read_beat_ = last + interval_;
  delay = context_.clock.cycles(last - now);
  burst.set_response_status(tlm::TLM_OK_RESPONSE);
}

void OffchipMemoryTarget::write(tlm::tlm_generic_payload& burst, sc_core::sc_time& delay) {
  memory_.write(burst.get_address(), burst.get_data_ptr(), burst.get_data_length());
  const Cycle now = context_.clock.now();
  const Cycle valid = std::max(now + context_.clock.to_cycles(delay), next_write_beat_);
  const Cycle accepted = valid + beats(burst) * interval_ - 1;
  next_write_beat_ = accepted + 1;
  delay = context_.clock.cycles(accepted + latency_ - now);
  burst.set_response_status(tlm::TLM_OK_RESPONSE);
}

unsigned OffchipMemoryTarget::debug(tlm::tlm_generic_payload& access) {
  const std::uint64_t address = access.get_address();
  if (address >= memory_.size()) return 0;
  const auto count = static_cast<unsigned>(
      std::min<std::uint64_t>(access.get_data_length(), memory_.size() - address));
  if (access.is_read()) {
    memory_.read(address, access.get_data_ptr(), count);
  } else if (access.is_write()) {
    memory_.write(address, access.get_data_ptr(), count);
  }
  return count;
}

}  // namespace tactus::systemc
