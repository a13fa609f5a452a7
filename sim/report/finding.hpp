// SPDX-License-Identifier: Apache-2.0
// What triage found out about the first difference of two runs: plain data, its text and its JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "program/program.hpp"

namespace tactus {

/// The kind of mistake that the pattern of differences points to.
enum class FaultClass : std::uint8_t {
  rounding,       ///< results one apart, not only at the clamps
  saturation,     ///< wrong at a clamp or at the limits of the accumulator only
  sign,           ///< negated, or off by a power of two that a sign extension explains
  zero_point,     ///< every operand or result is off by one constant
  index,          ///< a value from another place: address, stride, bank, channel, tap
  ordering,       ///< the same values in another order
  stale_value,    ///< the value that was there before, or nothing, in place of a new one
  lost_bit,       ///< one bit or carry is missing
  accumulation,   ///< a partial sum is dropped, or kept where it should begin at 0
  missing_token,  ///< an op waits for a token that never comes, or comes too late
  timing_only,    ///< values and counts agree, cycles do not
  counting_only,  ///< values and cycles agree, an event count does not
  unknown
};
[[nodiscard]] const char* name_of(FaultClass c);

/// A tile op with its place in the program and when it ran.
struct FoundOp {
  Queue queue = Queue::load;
  std::uint32_t seq = 0;  ///< position among the ops of its queue
  std::string layer;      ///< layer id
  std::string text;       ///< disassembly
};

/// n counts the inputs of the job; c, y, x are coordinates of the layer's output.
struct FoundElement {
  std::string tensor;
  int n = 0, c = 0, y = 0, x = 0;
};

struct Finding {
  FaultClass fault_class = FaultClass::unknown;
  std::string reason;           ///< the pattern that led to the class
  std::optional<FoundOp> op;    ///< the op whose result differs first
  std::optional<FoundOp> from;  ///< the op that is suspected, where it is another one
  std::optional<FoundElement> element;
  std::string quantity;  ///< what the two values are: "psum", "result", "start cycle", ...
  std::optional<std::int64_t> expected, actual;
  int bits = 0;            ///< width of the binary form, 0: none
  std::int64_t wrong = 0;  ///< differing values of the op
  std::int64_t of = 0;     ///< values that were compared
  std::string step;        ///< the accumulation step at which they part, or what was observed
  std::optional<std::int64_t> fold, k_unit;
  std::optional<Cycle> cycle;                     ///< in which the wrong value was written
  std::optional<std::pair<Cycle, Cycle>> window;  ///< worth tracing
};

/// value as `bits` bits of two's complement: binary(-3, 4) = "1101".
[[nodiscard]] std::string binary(std::int64_t value, int bits);

/// Several lines of at most `columns` characters.
[[nodiscard]] std::string to_text(const Finding& finding, int columns);

}  // namespace tactus
