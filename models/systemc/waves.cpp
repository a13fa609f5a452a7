// SPDX-License-Identifier: Apache-2.0
#include "waves.hpp"

#include <cstdio>
#include <utility>

namespace tactus::systemc {
namespace {

/// The kernel adds ".vcd" to the name that it is given.
std::string part_of(const std::string& file) { return file + ".part"; }

}  // namespace

Waves::Waves(std::string file, const Watch& watch)
    : file_(std::move(file)), trace_(sc_core::sc_create_vcd_trace_file(part_of(file_).c_str())) {
  trace_->set_time_unit(1, sc_core::SC_NS);
  for (std::size_t q = 0; q < queue_count; ++q) {
    const std::string queue = std::string("tactus.") + name_of(static_cast<Queue>(q)) + ".";
    const WatchedQueue& w = watch.queue[q];
    sc_core::sc_trace(trace_, w.waiting, queue + "waiting");
    sc_core::sc_trace(trace_, w.running, queue + "running");
    sc_core::sc_trace(trace_, w.started, queue + "started");
    sc_core::sc_trace(trace_, w.retired, queue + "retired");
    sc_core::sc_trace(trace_, w.layer, queue + "layer");
    for (std::size_t from = 0; from < queue_count; ++from) {
      if (from == q) continue;
      sc_core::sc_trace(trace_, w.tokens[from],
                        queue + "tokens_from_" + name_of(static_cast<Queue>(from)));
    }
  }
  sc_core::sc_trace(trace_, watch.fold, "tactus.compute.fold");
}

Waves::~Waves() {
  sc_core::sc_close_vcd_trace_file(trace_);
  std::rename((part_of(file_) + ".vcd").c_str(), file_.c_str());
}

}  // namespace tactus::systemc
