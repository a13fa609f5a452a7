// SPDX-License-Identifier: Apache-2.0
// manifest.json of a golden set: format "tactus.golden", version 1 (traces/README.md).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.hpp"
#include "golden/array.hpp"
#include "golden/stream_use.hpp"
#include "network/network.hpp"

namespace tactus::golden {

inline constexpr int format_version = 1;
inline constexpr const char* manifest_name = "manifest.json";

/// What of a model a set holds, and in which layout.
struct Options {
  std::string inputs;                 ///< as for `run --inputs`, empty: golden if the model has it
  std::vector<std::size_t> images;    ///< numbers of the inferences; empty: all
  std::vector<std::string> layers;    ///< globs over layer ids; empty: all
  std::vector<std::size_t> tile_ops;  ///< numbers in the program; empty: those of the layers
  bool hex = true, bin = true, npy = true, hdf5 = true;
  Packing packing;
  bool bench = false;                           ///< streams and test benches of traces/README.md
  std::int64_t bench_rows = 0, bench_cols = 0;  ///< 0: those of the array
  std::int64_t bench_fold = 0;                  ///< 0: bench_rows; see StreamShape::fold
  std::vector<std::string> witnesses;           ///< back ends that have to agree
};

/// One file of a set.
struct FileEntry {
  std::string path, role, layer;
  std::int64_t tile_op = -1;
  std::vector<std::uint64_t> shape;
  std::vector<std::string> axes;
  int bits = 0;
  bool is_signed = false;
  std::uint64_t word_bits = 0, lanes = 0;
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// A retired op of one inference.
struct RetireEntry {
  std::size_t image = 0, tile_op = 0;
  std::string layer;
  RetireRecord record;
};

struct Manifest {
  std::string tool, config_hash, model_name, model_sha256;
  std::vector<std::pair<std::string, std::string>> config;
  Options options;
  std::vector<std::string> image_names;  ///< by position in the set
  std::size_t layers = 0;                ///< number of layers; parse_manifest fills it
  std::vector<std::string> witnesses;    ///< agreed back ends, then golden tensors of the model
  std::vector<StreamUse> streams;        ///< with benches, by layer; parse_manifest leaves it out
  std::vector<FileEntry> files;
  std::vector<RetireEntry> retired;
};

/// Deterministic text. `network` and `layers` add what a test bench has to know of the layers.
[[nodiscard]] std::string to_json(const Manifest& manifest, const Network& network,
                                  const std::vector<std::string>& layers);
/// Throws BadInput for text that is no manifest of a version that this tool reads. `intact` says
/// whether the text is what to_json wrote.
[[nodiscard]] Manifest parse_manifest(const std::string& text, const std::string& path,
                                      bool& intact);

}  // namespace tactus::golden
