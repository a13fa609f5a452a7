// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "page/page.hpp"

namespace tactus::page {

/// `text` is the content of `path`, the JSON of a run or a check.
[[nodiscard]] ResultPage run_page(const std::string& path, const std::string& text);

}  // namespace tactus::page
