// SPDX-License-Identifier: Apache-2.0
// All rows of a sweep for other programs.
#pragma once

#include <cstdint>
#include <string>

namespace tactus::sweep {

/// Writes the view `results` by the ending of `path`: .csv (RFC 4180, NULL is empty) or .h5 (a
/// dataset per column below /points: 64-bit integers, doubles or strings; missing numbers are NaN,
/// and an integer column with missing numbers is one of doubles). The file is replaced as a whole.
/// Returns the number of rows.
std::uint64_t export_sweep(const std::string& database, const std::string& path);

}  // namespace tactus::sweep
