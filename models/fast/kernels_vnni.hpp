// SPDX-License-Identifier: Apache-2.0
// multiply by vpdpwssd; all other kernels are those of AVX2. vpdpwssd does not saturate: exact.
#pragma once

#include "fast/kernels.hpp"

namespace tactus::fast {

/// AVX-512 VNNI, 16 pixels to a vector; nullptr where processor or compiler target lack it.
[[nodiscard]] const Kernels* avx512_vnni_kernels();
/// AVX-VNNI, 8 pixels to a vector; nullptr where processor or compiler target lack it.
[[nodiscard]] const Kernels* avx_vnni_kernels();

}  // namespace tactus::fast
