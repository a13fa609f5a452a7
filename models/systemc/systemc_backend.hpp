// SPDX-License-Identifier: Apache-2.0
// The SystemC cycle model as a back end. This header is free of SystemC.
#pragma once

#include <memory>

#include "backend/backend.hpp"

namespace tactus {

/// Any number of runs per process, one at a time: each has a SystemC kernel context of its own.
[[nodiscard]] std::unique_ptr<Backend> make_systemc_backend();

}  // namespace tactus
