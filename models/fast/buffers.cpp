// SPDX-License-Identifier: Apache-2.0
#include "fast/buffers.hpp"

#include <string>

#include "numerics/errors.hpp"

namespace tactus::fast {

void report_range(std::int64_t first, std::int64_t count, std::int64_t size, const char* what) {
  throw InternalError("an op accesses " + std::to_string(count) + " " + what + " from " +
                      std::to_string(first) + ", outside the " + std::to_string(size) +
                      " that the buffer half has");
}

}  // namespace tactus::fast
