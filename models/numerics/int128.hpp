// SPDX-License-Identifier: Apache-2.0
// The one spelling of the 128-bit integers that hold exact intermediates.
#pragma once

namespace tactus {

__extension__ typedef __int128 int128_t;
__extension__ typedef unsigned __int128 uint128_t;

}  // namespace tactus
