// SPDX-License-Identifier: Apache-2.0
// Tables that grow while they are written: one compressed dataset per column.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hdf5/h5.hpp"

namespace tactus::h5 {

/// A one-dimensional dataset of integers whose length is not known beforehand. Call flush() when
/// all values are there; a column that is destroyed without it lacks the last ones.
class Column {
 public:
  Column(const Group& group, const std::string& name, Store store);
  void append(std::int64_t value) {
    waiting_.push_back(value);
    if (waiting_.size() == kChunk) flush();
  }
  void flush();

 private:
  static constexpr std::size_t kChunk = 1U << 16U;
  std::string file_, path_;
  Handle dataset_;
  std::uint64_t length_ = 0;
  std::vector<std::int64_t> waiting_;
};

/// A one-dimensional dataset of strings, padded with NUL.
void write_texts(const Group& group, const std::string& name,
                 const std::vector<std::string>& texts);

}  // namespace tactus::h5
