// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "timeline/memory_trace.hpp"

namespace tactus {

/// Attributes of the HDF5 file.
struct MemoryTraceInfo {
  std::string tool, config_hash;
  std::int64_t beat_bytes = 0;
  std::vector<std::string> layers;  ///< ids
};

/// A header line, then a line per access.
[[nodiscard]] std::unique_ptr<MemoryTraceSink> make_csv_sink(
    const std::string& path, const std::vector<std::string>& layers);
/// Datasets cycle, address, bytes, write, tensor, layer, and the names in tensors and layers.
[[nodiscard]] std::unique_ptr<MemoryTraceSink> make_hdf5_sink(const std::string& path,
                                                              const MemoryTraceInfo& info);

}  // namespace tactus
