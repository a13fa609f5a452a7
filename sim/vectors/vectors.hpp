// SPDX-License-Identifier: Apache-2.0
// Golden sets: export for other people's test benches, and verification (traces/README.md).
#pragma once

#include <string>
#include <vector>

#include "golden/manifest.hpp"
#include "run/job.hpp"
#include "vectors/vectors_report.hpp"

namespace tactus {

/// The back ends that must agree when none are named.
[[nodiscard]] const std::vector<std::string>& default_witnesses();

/// Says what will be written before anything is: files, bytes, folder.
using Announce = std::function<void(const std::string&)>;

/// Lets the witnesses agree and writes a set into `folder`, which must be empty or absent; the
/// manifest comes last. When they differ nothing is written and `problems` says how.
[[nodiscard]] GoldenReport export_golden(Job job, golden::Options options,
                                         const std::string& folder, const Announce& announce,
                                         const Progress& progress);

struct VerifyRequest {
  std::string folder;
  std::string model;    ///< empty: the files are compared with the manifest only
  std::string inputs;   ///< empty: those that the manifest names
  std::string backend;  ///< that runs the model and is compared with the retire records
  int fault = 0;        ///< test builds
};

/// Compares the files with the manifest, and with a model given, a new run of it with the set:
/// contents of all files, start, retire cycle, digest and events of each op, and output tensors.
/// Damage is told by `problems`, one sentence each; throws BadInput when there is no manifest or
/// the model is another one.
[[nodiscard]] GoldenReport verify_golden(const VerifyRequest& request, const Progress& progress);

}  // namespace tactus
