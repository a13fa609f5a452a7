// SPDX-License-Identifier: Apache-2.0
// --feed golden.
#pragma once

#include <string>

#include "report/feed.hpp"
#include "run/job.hpp"

namespace tactus {

/// Runs the job's inferences on one back end (`ref` too) with every layer that multiplies (conv2d,
/// linear, matmul) reading the golden tensors of its inputs where all inferences have them, and
/// compares layer by layer: outputs and, where the model file has them, accumulators. Other layers
/// compute from what they are given. Throws BadInput if no layer has a golden operand.
[[nodiscard]] FeedReport run_fed(const Job& job, const std::string& backend,
                                 const Progress& progress);

}  // namespace tactus
