// SPDX-License-Identifier: Apache-2.0
// Turns arrays and texts into the files of a set, or only into their entries of the manifest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "golden/array.hpp"
#include "golden/manifest.hpp"
#include "golden/streams.hpp"
#include "hdf5/array_file.hpp"

namespace tactus::golden {

inline constexpr const char* hdf5_name = "golden.h5";

/// Writes `text` to a temporary name in the same folder and renames it. Throws BadInput.
void write_file(const std::string& path, const std::string& text);

class SetBuilder {
 public:
  /// Writes below `folder`; with `keep` false only the HDF5 file is written there.
  SetBuilder(const Options& options, std::string folder, bool keep);

  void add(const Array& array);
  void add(const TextFile& file);
  /// Closes the HDF5 file and gives the entries in the order in which they were added.
  [[nodiscard]] std::vector<FileEntry> finish();

  /// Files and bytes that add() makes of an array without values; HDF5 is counted with what it adds
  /// to the one file.
  struct Size {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] static Size size_of(const Options& options, const Array& array);

 private:
  void put(FileEntry entry, const std::string& content);

  const Options& options_;
  std::string folder_, last_parent_;
  bool keep_;
  std::unique_ptr<ArrayFile> hdf5_;
  std::vector<FileEntry> entries_;
};

}  // namespace tactus::golden
