// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tactus {

/// The field table as Markdown, as it stands in models/arch/README.md.
[[nodiscard]] std::string arch_table();

}  // namespace tactus
