// SPDX-License-Identifier: Apache-2.0
// A model with the inputs to run it on and what is known of the results.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hdf5/model_file.hpp"
#include "network/network.hpp"

namespace tactus {

struct Inference {
  std::string name;  ///< for messages: "golden 0", "dataset 17"
  std::map<std::string, QTensor> inputs;
  std::map<std::string, QTensor> expected;      ///< golden tensors by layer id, may be empty
  std::map<std::string, QTensor> accumulators;  ///< golden accumulators by layer id, may be empty
  int label = -1;                               ///< -1: unknown
};

struct Workload {
  Network network;
  std::vector<Inference> inferences;
};

/// Reads a model and the inputs that `inputs` names: "golden", "dataset", "random:SEED" or an HDF5
/// file; empty means golden where the model has it, else random:1. `limit` > 0 keeps the first
/// ones only.
[[nodiscard]] Workload load_workload(const std::string& model, const std::string& inputs,
                                     std::size_t limit);

}  // namespace tactus
