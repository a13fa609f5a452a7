// SPDX-License-Identifier: Apache-2.0
// Drives one Verilated tactus_top: clock, memory ports, retire records. Compiled by
// rtl/build_rtl.sh together with the generated model; nothing here knows what the accelerator
// computes.

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "Vtactus_top.h"
#include "memory/offchip_memory.hpp"
#include "rtl_host/rtl_abi.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#elif VM_TRACE_VCD
#include "verilated_vcd_c.h"
#endif
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

namespace {

/// Waves of cycles [begin, end). Cycle c begins with the clock edge at c nanoseconds.
class Waves {
 public:
  Waves(const tactus_rtl_run& run, VerilatedContext& context) : run_(run) {
    if (run.trace_file != nullptr) context.traceEverOn(true);
  }
  void attach([[maybe_unused]] Vtactus_top& top) {
#if VM_TRACE
    if (run_.trace_file == nullptr) return;
    constexpr int all_levels = 99;
    top.trace(&file_, all_levels);
    file_.set_time_unit("1ps");
    file_.set_time_resolution("1ps");
    file_.open(run_.trace_file);
#endif
  }
  /// Inputs of the cycle are set and the clock is low.
  void middle(std::uint64_t cycle) { dump(cycle, cycle * cycle_ps + cycle_ps / 2); }
  /// The clock edge that begins the cycle has been evaluated.
  void edge(std::uint64_t cycle) { dump(cycle, cycle * cycle_ps); }
  void close() {
#if VM_TRACE
    if (run_.trace_file != nullptr) file_.close();
#endif
  }

 private:
  static constexpr std::uint64_t cycle_ps = 1000;
  void dump(std::uint64_t cycle, [[maybe_unused]] std::uint64_t time) {
    if (run_.trace_file == nullptr || cycle < run_.trace_begin || cycle >= run_.trace_end) return;
#if VM_TRACE
    file_.dump(time);
#endif
  }

  const tactus_rtl_run& run_;
#if VM_TRACE_FST
  VerilatedFstC file_;
#elif VM_TRACE_VCD
  VerilatedVcdC file_;
#endif
};

constexpr unsigned queue_count = 4;

/// Random withholding of ready and valid.
class Backpressure {
 public:
  explicit Backpressure(std::uint64_t seed) : state_(seed) {}
  /// True in about 5 of 8 calls; always without a seed.
  bool allow() {
    if (state_ == 0) return true;
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 32 & 7) < 5;
  }

 private:
  std::uint64_t state_;
};

/// Read channel: accepted requests, each with the earliest cycle of its next beat.
class ReadChannel {
 public:
  ReadChannel(const tactus::OffchipMemory& memory, unsigned beat_bytes)
      : memory_(memory), beat_bytes_(beat_bytes) {}

  void accept(std::uint64_t cycle, std::uint64_t address, unsigned beats) {
    const auto latency = static_cast<std::uint64_t>(memory_.latency());
    requests_.push_back({address, beats, cycle + latency + interval() - 1});
  }
  [[nodiscard]] bool due(std::uint64_t cycle) const {
    return !requests_.empty() && cycle >= requests_.front().earliest && cycle >= next_;
  }
  void beat(std::uint64_t cycle, void* out) {
    Request& request = requests_.front();
    memory_.read(request.address, static_cast<std::uint8_t*>(out), beat_bytes_);
    request.address += beat_bytes_;
    next_ = cycle + interval();
    if (--request.beats == 0) requests_.pop_front();
  }

 private:
  struct Request {
    std::uint64_t address;
    unsigned beats;
    std::uint64_t earliest;
  };
  [[nodiscard]] std::uint64_t interval() const {
    return static_cast<std::uint64_t>(memory_.interval());
  }
  const tactus::OffchipMemory& memory_;
  unsigned beat_bytes_;
  std::deque<Request> requests_;
  std::uint64_t next_ = 0;
};

class Harness {
 public:
  explicit Harness(const tactus_rtl_run& run)
      : run_(run),
        memory_({run.memory, run.memory + run.memory_bytes}, static_cast<std::int64_t>(run.latency),
                static_cast<std::int64_t>(run.interval)),
        pressure_(run.backpressure_seed),
        waves_(run, context_),
        top_(std::make_unique<Vtactus_top>(&context_)),
        beat_bytes_(reset()),
        reads_(memory_, beat_bytes_) {}
  ~Harness() {
    top_->final();
    waves_.close();
#if VM_COVERAGE
    if (run_.coverage_file != nullptr) context_.coveragep()->write(run_.coverage_file);
#endif
  }
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  /// Returns a status; message is set unless it is TACTUS_RTL_OK.
  int execute(std::string& message) {
    waves_.attach(*top_);
    for (std::uint64_t cycle = 0;; ++cycle) {
      // 1. inputs of this cycle
      top_->start_i = cycle == 0 ? 1 : 0;
      const bool beat = reads_.due(cycle) && pressure_.allow();
      top_->rd_valid_i = beat ? 1 : 0;
      if (beat) reads_.beat(cycle, &top_->rd_data_i);
      top_->rd_req_ready_i = pressure_.allow() ? 1 : 0;
      write_waits_ = top_->wr_valid_o != 0 ? write_waits_ + 1 : 0;
      const bool accept = write_waits_ >= run_.interval && pressure_.allow();
      top_->wr_ready_i = accept ? 1 : 0;
      const bool ack = !acks_.empty() && acks_.front() == cycle;
      top_->wr_ack_i = ack ? 1 : 0;
      if (ack) acks_.pop_front();
      top_->clk_i = 0;
      top_->eval();
      waves_.middle(cycle);
      // 2. what the accelerator says in this cycle
      if (beat && top_->rd_ready_o == 0) {
        message = "the RTL did not take a read beat";
        return TACTUS_RTL_FAILED;
      }
      if (top_->rd_req_valid_o != 0 && top_->rd_req_ready_i != 0) {
        reads_.accept(cycle, top_->rd_req_addr_o, top_->rd_req_beats_o);
      }
      if (accept) write(cycle);
      report(cycle);
      if (stop_) return TACTUS_RTL_STOPPED;
      if (top_->done_o != 0) return TACTUS_RTL_OK;
      if (cycle - last_retire_ > run_.watchdog_cycles) {
        message = "no op retired in the RTL for " + std::to_string(run_.watchdog_cycles) +
                  " cycles, up to cycle " + std::to_string(cycle);
        return TACTUS_RTL_WATCHDOG;
      }
      if (run_.progress != nullptr && (cycle & 0xFFFF) == 0xFFFF) {
        run_.progress(run_.user, cycle, retired_);
      }
      // 3. clock edge
      top_->clk_i = 1;
      top_->eval();
      waves_.edge(cycle + 1);
    }
  }

  void give_back() {
    const auto bytes = memory_.take();
    std::memcpy(run_.memory, bytes.data(), bytes.size());
  }

 private:
  unsigned reset() {
    top_->rst_ni = 0;
    for (int i = 0; i < 3; ++i) {
      top_->clk_i = 0;
      top_->eval();
      top_->clk_i = 1;
      top_->eval();
    }
    top_->rst_ni = 1;
    top_->prog_addr_i = run_.prog_addr;
    top_->prog_ops_i = static_cast<std::uint16_t>(run_.prog_ops);
#ifdef TACTUS_FAULTS
    top_->fault_i = static_cast<std::uint8_t>(run_.fault);
#endif
    return top_->cap_data_bits_o / 8;
  }

  void write(std::uint64_t cycle) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(&top_->wr_data_o);
    const std::uint32_t strobe = top_->wr_strb_o;
    for (unsigned i = 0; i < beat_bytes_; ++i) {
      if ((strobe >> i & 1U) != 0) memory_.write_byte(top_->wr_addr_o + i, data[i]);
    }
    write_waits_ = 0;
    if (top_->wr_last_o != 0) acks_.push_back(cycle + run_.latency);
  }

  /// Records are shown in the cycle after the retire cycle.
  void report(std::uint64_t cycle) {
    const auto one = [&](unsigned queue, bool valid, std::uint64_t start, std::uint64_t digest,
                         const auto& events) {
      if (!valid) return;
      const tactus_rtl_retire record{queue,
                                     seq_[queue]++,
                                     start,
                                     cycle - 1,
                                     digest,
                                     &events[0],
                                     static_cast<std::uint32_t>(sizeof(events) / 4)};
      last_retire_ = cycle;
      ++retired_;
      if (run_.retire(run_.user, &record) != 0) stop_ = true;
    };
    one(0, top_->ret_load_valid_o != 0, top_->ret_load_start_o, top_->ret_load_digest_o,
        top_->ret_load_events_o);
    one(1, top_->ret_compute_valid_o != 0, top_->ret_compute_start_o, top_->ret_compute_digest_o,
        top_->ret_compute_events_o);
    one(2, top_->ret_post_valid_o != 0, top_->ret_post_start_o, top_->ret_post_digest_o,
        top_->ret_post_events_o);
    one(3, top_->ret_store_valid_o != 0, top_->ret_store_start_o, top_->ret_store_digest_o,
        top_->ret_store_events_o);
  }

  const tactus_rtl_run& run_;
  tactus::OffchipMemory memory_;
  Backpressure pressure_;
  VerilatedContext context_;
  Waves waves_;
  std::unique_ptr<Vtactus_top> top_;
  unsigned beat_bytes_;
  ReadChannel reads_;
  std::deque<std::uint64_t> acks_;
  std::uint64_t write_waits_ = 0;
  std::uint64_t last_retire_ = 0, retired_ = 0;
  bool stop_ = false;
  std::array<std::uint32_t, queue_count> seq_{};
};

}  // namespace

extern "C" {

uint32_t tactus_rtl_abi_version(void) { return TACTUS_RTL_ABI_VERSION; }

void tactus_rtl_get_capabilities(tactus_rtl_capabilities* out) {
  VerilatedContext context;
  Vtactus_top top{&context};
  top.eval();
  *out = {top.cap_array_rows_o,
          top.cap_array_cols_o,
          top.cap_operand_bits_o,
          top.cap_multi_width_o,
          top.cap_edge_words_o,
          top.cap_output_stationary_o,
          top.cap_acc_bits_o,
          top.cap_acc_overflow_o,
          top.cap_fold_overlap_o,
          top.cap_post_lanes_o,
          top.cap_queue_depth_o,
          top.cap_segment_ops_o,
          top.cap_zero_gating_o,
          top.cap_data_bits_o,
          top.cap_burst_beats_o,
          top.cap_ifmap_bank_bytes_o,
          top.cap_weight_rows_o,
          top.cap_index_rows_o,
          top.cap_param_records_o,
          top.cap_psum_entries_o,
          top.cap_ofmap_bank_bytes_o,
#ifdef TACTUS_FAULTS
          1,
#else
          0,
#endif
          VM_TRACE_FST   ? 1U
          : VM_TRACE_VCD ? 2U
                         : 0U,
          VM_COVERAGE};
  top.final();
}

int tactus_rtl_execute(const tactus_rtl_run* run, char* message, uint64_t message_size) {
  std::string text;
  int status = TACTUS_RTL_FAILED;
  try {
    Harness harness(*run);
    status = harness.execute(text);
    harness.give_back();
  } catch (const std::exception& error) {
    text = error.what();
  }
  std::snprintf(message, message_size, "%s", text.c_str());
  return status;
}

}  // extern "C"
