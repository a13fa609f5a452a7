// SPDX-License-Identifier: Apache-2.0
// Makes Verilated builds of the accelerator with rtl/build_rtl.sh.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "rtl_host/rtl_backend.hpp"

namespace tactus {

/// Parameters of tactus_top for an architecture, as `Name=value` words for rtl/build_rtl.sh.
[[nodiscard]] std::vector<std::string> rtl_parameters(const ArchConfig& config);

/// Name of the build of an architecture: libtactus_rtl_<elab hash>.so, or
/// libtactus_rtl_faults_<elab hash>.so for a build with the seeded faults.
[[nodiscard]] std::string rtl_library_name(const ArchConfig& config, bool faults = false);

/// Makes the build of an architecture in the user's cache directory, unless it is there and newer
/// than the RTL sources, and returns its path. `optimise` is -O1 or -O3. Throws BadInput when the
/// tools are missing, InternalError when the build fails.
[[nodiscard]] std::string build_rtl(const ArchConfig& config, const std::string& optimise,
                                    const std::function<void(const std::string&)>& progress = {},
                                    bool faults = false);

}  // namespace tactus
