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

#include <algorithm>
#include <cstdint>
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

enum class StallCause : std::uint8_t { ifmap, weight, param, psum, store, token };
[[nodiscard]] const char* name_of(StallCause cause);

/// What a compute op has waited for when it waited for a token of this op last.
[[nodiscard]] StallCause cause_of(const TileOp& source);
[[nodiscard]] Cycle& count_of(StallCause cause, Stalls& stalls);

/// The token that arrived last before a compute op.
struct LastToken {
  Cycle arrival = 0;  ///< first cycle that has it
  StallCause cause = StallCause::token;
  bool held = false;     ///< its source is a load that had waited for a store
  Cycle held_until = 0;  ///< first cycle that has the store's token
};

/// Calls add(cause, begin, end) for the parts of the idle cycles [from, to) in front of a compute
/// op, some of them empty. Without a token `last` is null.
template <class Add>
void split_stall(const LastToken* last, Cycle from, Cycle to, Add&& add) {
  const Cycle arrival = last == nullptr ? 0 : last->arrival;
  const Cycle middle = std::min(std::max(arrival, from), to);
  Cycle held = from;
  if (last != nullptr && last->held) {
    held = std::min(std::max(last->held_until, from), middle);
    add(StallCause::store, from, held);
  }
  if (last != nullptr) add(last->cause, held, middle);
  add(StallCause::token, middle, to);
}

/// Idle cycles [from, to) of the compute queue with one cause, in front of a compute op.
struct StallGap {
  std::uint32_t seq = 0;    ///< of the op in the compute queue
  std::uint16_t layer = 0;  ///< of that op
  StallCause cause = StallCause::token;
  Cycle from = 0, to = 0;
};

/// All gaps of a run by rising cycle, none of them empty. Throws like layer_timings().
[[nodiscard]] std::vector<StallGap> stall_gaps(const Program& program,
                                               const std::vector<RetireRecord>& retired);

/// One entry per program layer. Throws InternalError when `retired` is not the program's stream.
[[nodiscard]] std::vector<LayerTiming> layer_timings(const Program& program,
                                                     const std::vector<RetireRecord>& retired);

}  // namespace tactus
