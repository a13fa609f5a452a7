// SPDX-License-Identifier: Apache-2.0
// The models of a sweep, read once before the workers start.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "run/workload.hpp"
#include "sweep/spec.hpp"

namespace tactus::sweep {

struct LoadedModel {
  std::string label, file;
  std::string sha256;  ///< of the model file, for a synthetic network of the file it would make
  Workload work;       ///< the network and the one inference that is timed
  std::vector<Inference> test_set;  ///< inputs with labels that accuracy is measured on
  std::int64_t macs = 0;
};

/// Makes a network from the words behind `synth`.
using SynthMaker = std::function<Network(const std::vector<std::string>& words)>;

/// Throws BadInput naming the label for a model that cannot be read, and for two labels of one
/// model.
[[nodiscard]] std::vector<LoadedModel> load_models(const Spec& spec, const SynthMaker& make_synth);

/// What two databases must have in common to be parts of one sweep: sha256 over spec, models, tool
/// version and what rows are kept.
[[nodiscard]] std::string spec_hash(const Spec& spec, const std::vector<LoadedModel>& models,
                                    bool layers);

/// Lower-case hex.
[[nodiscard]] std::string sha256_of(const std::string& text);

}  // namespace tactus::sweep
