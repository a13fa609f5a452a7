// SPDX-License-Identifier: Apache-2.0
// Finds the token that was lost, from the retire streams of a run with and one without the loss.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus::triage {

struct LostToken {
  Queue from = Queue::load, to = Queue::load;
  /// Numbers among the tokens of this pair of queues, from 1: the lost one is in [first, last].
  std::int64_t first = 0, last = 0;
  std::size_t pushed_by = 0;   ///< program index of the op that pushes token `last`
  std::size_t waited_by = 0;   ///< program index of the op that takes it
  std::optional<Cycle> start;  ///< when that op started all the same; nothing: never
};

/// `expected` is complete, `actual` may end early. The first op (by expected start) that starts
/// late or never, although everything that it waits for retired when expected, has lost a token.
/// Nothing when no op is late, or its delay fits no lost token.
[[nodiscard]] std::optional<LostToken> find_lost_token(const Program& program,
                                                       const std::vector<RetireRecord>& expected,
                                                       const std::vector<RetireRecord>& actual);

/// One sentence.
[[nodiscard]] std::string describe(const LostToken& token, const Program& program);

}  // namespace tactus::triage
