// SPDX-License-Identifier: Apache-2.0
// The test bench of a stream, from golden_tb.sv.in.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tactus::golden {

/// Name of a mark %M_NAME% of the template, and the text that takes its place.
using BenchTexts = std::vector<std::pair<std::string, std::string>>;

/// Throws InternalError when a name of the template has no text.
[[nodiscard]] std::string bench_text(const BenchTexts& texts);

}  // namespace tactus::golden
