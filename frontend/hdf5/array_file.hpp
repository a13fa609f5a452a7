// SPDX-License-Identifier: Apache-2.0
// An HDF5 file of integer arrays with attributes, for other tools. Equal contents give
// byte-identical files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hdf5/h5.hpp"

namespace tactus {

class ArrayFile {
 public:
  /// Replaces an existing file; messages name `shown_as`.
  ArrayFile(const std::string& path, const std::string& shown_as);

  struct Attributes {
    std::vector<std::pair<std::string, std::string>> texts;
    std::vector<std::pair<std::string, std::int64_t>> numbers;
    std::vector<std::pair<std::string, std::vector<std::string>>> lists;
  };
  /// Adds a dataset below the root; groups of `path` are made on the way. `bits` (8, 16, 32 or 64)
  /// is the width of the stored integers, which the values must fit; unsigned 32-bit values and
  /// all of 64 bits are stored as signed 64-bit integers.
  void add(const std::string& path, const h5::Dims& dims, const std::vector<std::int64_t>& values,
           int bits, bool is_signed, const Attributes& attributes);
  void close();

 private:
  h5::Group& group_of(const std::string& path);

  h5::File file_;
  std::map<std::string, h5::Group> groups_;
};

}  // namespace tactus
