// SPDX-License-Identifier: Apache-2.0
// Where the cycles went, derived from a retire stream.
//
// The compute queue is idle from the cycle after a compute op's retire to the start of the next
// one. The token that arrived last names the cause of the idle cycles up to its arrival:
// a load into the ifmap, weight or param buffer and a fill carry that buffer's name (ofmap counts
// as ifmap: an operand), a post op means psum, a store means store. When the load itself had
// waited for a store, the cycles before that store's arrival are store. Idle cycles after the last
// arrival (dispatch, instruction loads) are token. A gap belongs to the layer of the op behind it.
#pragma once

#include <vector>

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus {

struct Stalls {
  Cycle ifmap = 0, weight = 0, param = 0, psum = 0, store = 0, token = 0;
  [[nodiscard]] Cycle total() const { return ifmap + weight + param + psum + store + token; }
  Stalls& operator+=(const Stalls& o) {
    ifmap += o.ifmap;
    weight += o.weight;
    param += o.param;
    psum += o.psum;
    store += o.store;
    token += o.token;
    return *this;
  }
};

/// One layer's part of a run.
struct LayerTiming {
  bool has_ops = false;
  Cycle cycles = 0;          ///< the layers' cycles sum to the run's
  Cycle compute_cycles = 0;  ///< compute queue busy, overlapping ops counted once
  Stalls stalls;
  EventCounts events;
};

/// One entry per program layer. Throws InternalError when `retired` is not the program's stream.
[[nodiscard]] std::vector<LayerTiming> layer_timings(const Program& program,
                                                     const std::vector<RetireRecord>& retired);

}  // namespace tactus
