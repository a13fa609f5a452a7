// SPDX-License-Identifier: Apache-2.0
// Text of the built-in table; the definition is generated from tables/nangate45.csv.
#pragma once

namespace tactus {
extern const char* const default_table_text;
}  // namespace tactus
