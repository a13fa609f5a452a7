// SPDX-License-Identifier: Apache-2.0
// The fast back end: cycles by a recurrence over the ops, values by blocked integer kernels.
#pragma once

#include <memory>

#include "backend/backend.hpp"

namespace tactus {

/// Runs every configuration. RunOptions::backpressure_seed and fault have no meaning for it.
[[nodiscard]] std::unique_ptr<Backend> make_fast_backend();

}  // namespace tactus
