// SPDX-License-Identifier: Apache-2.0
// The table of back ends that run programs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.hpp"

namespace tactus {

/// Names of all back ends of this build, `ref` (values only, no Program) included.
[[nodiscard]] const std::vector<std::string>& backend_names();
/// Throws BadInput for an unknown name or one that this build leaves out; `ref` is no Backend.
/// `rtl_library`, when given, is the build that `rtl` uses.
[[nodiscard]] std::unique_ptr<Backend> make_backend(const std::string& name,
                                                    const std::string& rtl_library = {});

}  // namespace tactus
