// SPDX-License-Identifier: Apache-2.0
// What a wave file of the model shows: kept up to date by the blocks, read by Waves only.
#pragma once

#include <array>

#include "program/program.hpp"

namespace tactus::systemc {

struct WatchedQueue {
  unsigned waiting = 0;                        ///< ops in the queue
  unsigned running = 0;                        ///< ops that have started and not retired
  unsigned started = 0;                        ///< number of the op that started last, from 1
  unsigned retired = 0;                        ///< ops that have retired
  unsigned layer = 0;                          ///< of the op that started last
  std::array<unsigned, queue_count> tokens{};  ///< by source queue, those under way included
};

struct Watch {
  std::array<WatchedQueue, queue_count> queue;
  unsigned fold = 0;  ///< fold whose weights or pixel addresses are being sent
};

}  // namespace tactus::systemc
