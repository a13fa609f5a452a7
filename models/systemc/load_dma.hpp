// SPDX-License-Identifier: Apache-2.0
// Block `load_dma`: the load queue. Boot load, strided loads and fills.
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
#include "sequencer.hpp"

namespace tactus::systemc {

/// Where the loads go.
struct LoadTargets {
  IfmapBuffer& ifmap;
  WeightBuffer& weight;
  IndexBuffer& index;
  ParamBuffer& param;
  OfmapBuffer& ofmap;
  InstBuffer& inst;
};

class LoadDma : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<LoadDma> socket;

  SC_HAS_PROCESS(LoadDma);
  LoadDma(const sc_core::sc_module_name& name, Context& context, Issue& issue, Perf& perf,
          Sequencer& sequencer, const LoadTargets& targets, const Program& program);

 private:
  void run();
  void serve();
  void load(const LoadOp& op);
  void fill(const FillOp& op);
  /// Requests all lines, one burst a cycle from the next cycle on, and waits for the last beat.
  /// Gives the number of requests; the beats are in data_.
  [[nodiscard]] std::uint64_t fetch(const LoadOp& op);
  void commit(const LoadOp& op);
  void commit_banked(const LoadOp& op, BankedBuffer& buffer);
  /// An ofmap load whose words hold several channels, or whose pixels have several words.
  void commit_unpacked(const LoadOp& op);
  void commit_linear(const LoadOp& op, LinearBuffer& buffer);
  [[nodiscard]] std::uint64_t fill_bank(const FillOp& op, BankedBuffer& buffer) const;

  Context& context_;
  Issue& issue_;
  Perf& perf_;
  Sequencer& sequencer_;
  LoadTargets targets_;
  LoadOp boot_;
  std::vector<std::uint8_t> data_;  ///< whole beats of the current op in the order of arrival
  std::uint64_t digest_ = 0;
  EventCounts events_;
};

}  // namespace tactus::systemc
