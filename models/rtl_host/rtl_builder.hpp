// SPDX-License-Identifier: Apache-2.0
// Makes Verilated builds of the accelerator with rtl/build_rtl.sh.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "rtl_host/rtl_backend.hpp"

namespace tactus {

/// Parameters of tactus_top for an architecture, as `Name=value` words for rtl/build_rtl.sh.
[[nodiscard]] std::vector<std::string> rtl_parameters(const ArchConfig& config);

/// What a build can do besides running programs.
struct RtlBuildKind {
  bool faults = false;              ///< the seeded faults
  std::optional<WaveFormat> waves;  ///< tracing; several times slower even while nothing is traced
  bool coverage = false;            ///< line and toggle coverage
};

/// Name of the build of an architecture: libtactus_rtl_[faults_][fst_|vcd_][cov_]<elab hash>.so.
[[nodiscard]] std::string rtl_library_name(const ArchConfig& config, const RtlBuildKind& kind = {});

/// Whether a folder of rtl_directories() has a build of this name that is newer than the RTL
/// sources.
[[nodiscard]] bool has_rtl_build(const ArchConfig& config, const RtlBuildKind& kind);

/// Makes the build of an architecture in the user's cache directory, unless it is there and newer
/// than the RTL sources, and returns its path. `optimise` is -O1 or -O3. Throws BadInput when the
/// tools are missing, InternalError when the build fails.
[[nodiscard]] std::string build_rtl(const ArchConfig& config, const std::string& optimise,
                                    const std::function<void(const std::string&)>& progress = {},
                                    const RtlBuildKind& kind = {});

}  // namespace tactus
