// SPDX-License-Identifier: Apache-2.0
// The keys of an architecture that the cuts of a layer depend on, sizes of buffers aside.
#pragma once

#include <string>

#include "arch/arch_config.hpp"

namespace tactus::lower {

/// A configuration with the values of these keys and defaults for all others: who plans with it
/// cannot depend on another key.
[[nodiscard]] ArchConfig mapping_config(const ArchConfig& config);

/// Text that is the same for two configurations if and only if mapping_config() is.
[[nodiscard]] std::string mapping_key(const ArchConfig& config);

}  // namespace tactus::lower
