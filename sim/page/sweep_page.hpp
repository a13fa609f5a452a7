// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "page/page.hpp"

namespace tactus::page {

/// `path` is the database of a sweep (sim/sweep/README.md).
[[nodiscard]] ResultPage sweep_page(const std::string& path);

}  // namespace tactus::page
