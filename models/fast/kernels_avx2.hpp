// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fast/kernels.hpp"

namespace tactus::fast {

/// nullptr where the processor or the compiler's target has no AVX2.
[[nodiscard]] const Kernels* avx2_kernels();

}  // namespace tactus::fast
