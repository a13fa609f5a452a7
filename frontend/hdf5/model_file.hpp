// SPDX-License-Identifier: Apache-2.0
// Model files (frontend/README.md): reading, checking, writing. Every function throws BadInput
// with a sentence that names file, dataset, index and value.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "network/network.hpp"

namespace tactus {

/// Expected integers of one inference: the inputs and any subset of the layers.
struct GoldenSet {
  std::string key;     ///< name of the group below /golden
  std::string origin;  ///< "toolkit" or "reference"
  std::map<std::string, QTensor> inputs;
  std::map<std::string, QTensor> layers;
  std::map<std::string, QTensor> accumulators;  ///< of weighted layers, bias included, 32 bits
};

/// Inputs for many inferences. Every network input has the same number of tensors.
struct Dataset {
  std::map<std::string, std::vector<QTensor>> inputs;
  std::vector<int> labels;  ///< empty, or one per inference
};

struct ModelFile {
  /// The checked network with file and sha256 filled in. The groups
  /// golden and dataset are checked when they are read.
  [[nodiscard]] static Network read_network(const std::string& path);
  /// All sets in order of their keys (numbers by value); empty if the file has none.
  [[nodiscard]] static std::vector<GoldenSet> read_golden(const std::string& path,
                                                          const Network& network);
  [[nodiscard]] static std::optional<Dataset> read_dataset(const std::string& path,
                                                           const Network& network);
  /// An input file: /inputs/<name> [N,...] with optional /labels, or /dataset of a model file.
  [[nodiscard]] static Dataset read_inputs(const std::string& path, const Network& network);
  /// Replaces `path` in one step: a reader sees the old or the new file, never a part. Equal
  /// contents give byte-identical files. Layer ids must read NNN_name with rising numbers.
  static void write(const std::string& path, const Network& network,
                    const std::vector<GoldenSet>& golden = {},
                    const std::optional<Dataset>& dataset = std::nullopt);
};

/// SHA-256 of a file as lower-case hex.
[[nodiscard]] std::string sha256_of_file(const std::string& path);

}  // namespace tactus
