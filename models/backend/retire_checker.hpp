// SPDX-License-Identifier: Apache-2.0
// Compares two runs of one program at retire granularity.
#pragma once

#include <cstdint>
#include <string>

#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus {

/// What differs first between two runs.
enum class DifferenceKind : std::uint8_t {
  none,
  retire_count,  ///< one run retired an op the other did not
  start,         ///< start cycle of an op
  cycle,         ///< retire cycle of an op
  digest,        ///< values an op produced
  events,        ///< event counts of an op
  memory,        ///< off-chip memory after the run
  cycles         ///< total cycles
};
[[nodiscard]] const char* name_of(DifferenceKind kind);

struct Difference {
  DifferenceKind kind = DifferenceKind::none;
  std::string layer;  ///< layer id, empty when unknown
  std::string op;     ///< disassembly, empty for memory outside every tensor
  Queue queue = Queue::load;
  std::uint32_t seq = 0;  ///< position in the queue
  std::string tensor;     ///< memory differences: tensor and element
  int c = 0, y = 0, x = 0;
  std::uint64_t address = 0;     ///< memory differences: first differing byte
  std::string expected, actual;  ///< values of run a and run b as text
  /// Everything above in one line; empty without a difference.
  std::string text;
  [[nodiscard]] explicit operator bool() const { return kind != DifferenceKind::none; }
};

/// What to compare. Runs with back-pressure differ in cycles by design, timing-only runs have no
/// values.
struct CompareOptions {
  bool timing = true;  ///< start, retire cycle, total cycles
  bool values = true;  ///< digests and memory
  bool events = true;
};

/// The first difference: of the retire records the one that is earliest by a's retire cycle (then
/// queue, seq), after that memory, then the cycle count. `a` is the expected side. The records must
/// be sorted as RunResult says; a violation is an InternalError.
[[nodiscard]] Difference compare(const Program& program, const RunResult& a,
                                 const std::string& name_a, const RunResult& b,
                                 const std::string& name_b, const CompareOptions& options = {});

}  // namespace tactus
