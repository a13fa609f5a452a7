// SPDX-License-Identifier: Apache-2.0
// The C interface between the host and one Verilated build (libtactus_rtl_<elab hash>.so). A host
// refuses a library whose tactus_rtl_abi_version() differs from TACTUS_RTL_ABI_VERSION.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TACTUS_RTL_ABI_VERSION 4

/// Elaborated parameters of tactus_top, read from its cap_*_o ports.
struct tactus_rtl_capabilities {
  uint32_t array_rows, array_cols, operand_bits, multi_width, edge_words, output_stationary,
      acc_bits, acc_overflow, fold_overlap, post_lanes, queue_depth, segment_ops, zero_gating,
      data_bits, burst_beats, ifmap_bank_bytes, weight_rows, index_rows, param_records,
      psum_entries, ofmap_bank_bytes;
  uint32_t faults;    ///< 1: the build has the seeded faults
  uint32_t trace;     ///< waves: 0 none, 1 FST, 2 VCD
  uint32_t coverage;  ///< 1: line and toggle coverage
};

/// One retired op; events holds event_count counters in the order of events.def.
struct tactus_rtl_retire {
  uint32_t queue, seq;
  uint64_t start, cycle, digest;
  const uint32_t* events;
  uint32_t event_count;
};

struct tactus_rtl_run {
  uint64_t prog_addr;
  uint32_t prog_ops;
  uint8_t* memory;  ///< off-chip memory, changed in place
  uint64_t memory_bytes;
  uint64_t latency, interval;    ///< L and I of models/README.md
  uint64_t backpressure_seed;    ///< 0: the memory is always ready
  uint64_t watchdog_cycles;      ///< gives up after so many cycles without a retire
  uint32_t fault;                ///< number of a seeded fault, 0 = none
  const char* trace_file;        ///< null: no waves
  uint64_t trace_begin, trace_end;  ///< cycles [begin, end) that are traced
  const char* coverage_file;     ///< null: no coverage
  void* user;                    ///< handed to the callbacks
  void (*progress)(void* user, uint64_t cycle, uint64_t retired);  ///< may be null
  /// Returns 0 to go on; another number ends the run with TACTUS_RTL_STOPPED.
  int (*retire)(void* user, const struct tactus_rtl_retire* record);
};

enum tactus_rtl_status {
  TACTUS_RTL_OK = 0,
  TACTUS_RTL_WATCHDOG = 1,  ///< no retire for watchdog_cycles
  TACTUS_RTL_FAILED = 2,    ///< an access outside the memory, or a protocol violation
  TACTUS_RTL_STOPPED = 3    ///< retire() asked for the end
};

uint32_t tactus_rtl_abi_version(void);
void tactus_rtl_get_capabilities(struct tactus_rtl_capabilities* out);
/// Runs a program on a freshly reset accelerator; message receives a sentence unless the result is
/// TACTUS_RTL_OK or TACTUS_RTL_STOPPED.
int tactus_rtl_execute(const struct tactus_rtl_run* run, char* message, uint64_t message_size);

#ifdef __cplusplus
}
#endif
