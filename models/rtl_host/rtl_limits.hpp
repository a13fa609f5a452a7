// SPDX-License-Identifier: Apache-2.0
// The parameters of tactus_top beside the keys of ArchConfig and the capabilities of a build.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "rtl_host/rtl_abi.h"

namespace tactus {

struct RtlParameter {
  const char* name;  ///< of tactus_top
  const char* key;   ///< of ArchConfig
  std::int64_t value;
  std::uint32_t tactus_rtl_capabilities::*capability;
  bool is_limit;  ///< a larger build fits, too
};

[[nodiscard]] std::vector<RtlParameter> rtl_parameter_table(const ArchConfig& config);

/// Why a build does not fit an architecture, empty when it does.
[[nodiscard]] std::string rtl_mismatch(const tactus_rtl_capabilities& built,
                                       const ArchConfig& config);

/// AccOverflow of tactus_top.
[[nodiscard]] std::uint32_t rtl_overflow_code(const ArchConfig& config);

}  // namespace tactus
