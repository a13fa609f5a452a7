// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "draft.hpp"

namespace tactus::oplevel {

/// Drops ops and makes fields smaller as long as fails(draft) holds; fails() must be false for a
/// draft that the validator refuses.
[[nodiscard]] Draft shrink(Draft draft, const ArchConfig& config,
                           const std::function<bool(const Draft&)>& fails);

}  // namespace tactus::oplevel
