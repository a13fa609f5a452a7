// SPDX-License-Identifier: Apache-2.0
// One axis of a design space: keys of the architecture that move together.
#pragma once

#include <string>
#include <vector>

namespace tactus::sweep {

struct Axis {
  std::vector<std::string> keys;
  /// Canonical texts (as get() gives them), an entry per position and in it one per key.
  std::vector<std::vector<std::string>> values;
};

/// Reads `a,b` and `8x8,16x16`, or one key with values and ranges: `1,2`, `16..256*2` (factor),
/// `0..100+25` (step), `1..4` (step 1). Throws BadInput with a sentence that names key and value.
[[nodiscard]] Axis parse_axis(const std::string& keys, const std::string& values);

/// Splits at commas and removes the spaces around each part; an empty part stays.
[[nodiscard]] std::vector<std::string> comma_list(const std::string& text);
[[nodiscard]] std::string trimmed(const std::string& text);

}  // namespace tactus::sweep
