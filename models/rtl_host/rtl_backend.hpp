// SPDX-License-Identifier: Apache-2.0
// The rtl back end: loads a Verilated build of the accelerator and runs programs on it. It links no
// arithmetic: what the program computes is known to the RTL alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.hpp"

namespace tactus {

/// Uses the first build in `directories` (default: rtl_directories()) that fits the architecture:
/// equal in all elab keys and at least as large in all limit keys. run() throws BadInput, with the
/// command that makes a build, when there is none.
[[nodiscard]] std::unique_ptr<Backend> make_rtl_backend(std::vector<std::string> directories = {});

/// Uses the build at a path, ours or one with modules of the user; run() throws BadInput when its
/// capabilities do not fit the architecture.
[[nodiscard]] std::unique_ptr<Backend> make_rtl_backend_of(const std::string& library);

/// Where builds are looked for: $TACTUS_RTL_DIR, <executable>/../lib/tactus/rtl and
/// ${XDG_CACHE_HOME:-~/.cache}/tactus.
[[nodiscard]] std::vector<std::string> rtl_directories();

/// The last of them, where build_rtl() puts its builds.
[[nodiscard]] std::string rtl_cache_directory();

/// Paths of all builds in rtl_directories(), each with its size in words.
[[nodiscard]] std::vector<std::string> list_rtl_builds();

}  // namespace tactus
