// SPDX-License-Identifier: Apache-2.0
#include "hdf5/column.hpp"

#include <hdf5.h>

#include <algorithm>

#include "numerics/errors.hpp"

namespace tactus::h5 {
namespace {

int close_dataset(std::int64_t id) { return H5Dclose(id); }
int close_space(std::int64_t id) { return H5Sclose(id); }
int close_type(std::int64_t id) { return H5Tclose(id); }
int close_properties(std::int64_t id) { return H5Pclose(id); }

hid_t type_of(Store store) {
  switch (store) {
    case Store::i8:
      return H5T_STD_I8LE;
    case Store::u8:
      return H5T_STD_U8LE;
    case Store::i16:
      return H5T_STD_I16LE;
    case Store::u16:
      return H5T_STD_U16LE;
    case Store::i32:
      return H5T_STD_I32LE;
    case Store::i64:
      break;
  }
  return H5T_STD_I64LE;
}

[[noreturn]] void fail(const std::string& file, const std::string& path) {
  throw BadInput(file + ": dataset '" + path + "' cannot be written", file);
}

/// Without time stamps two files of the same content are byte-identical.
Handle dataset_properties() {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), close_properties);
  H5Pset_obj_track_times(properties.id(), false);
  return properties;
}

}  // namespace

Column::Column(const Group& group, const std::string& name, Store store)
    : file_(group.file()), path_(name) {
  const hsize_t none = 0, unlimited = H5S_UNLIMITED, chunk = kChunk;
  const Handle space(H5Screate_simple(1, &none, &unlimited), close_space);
  const Handle properties = dataset_properties();
  H5Pset_chunk(properties.id(), 1, &chunk);
  H5Pset_shuffle(properties.id());
  H5Pset_deflate(properties.id(), 1);
  dataset_ = Handle(H5Dcreate2(group.location(), name.c_str(), type_of(store), space.id(),
                               H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                    close_dataset);
  if (!dataset_.valid()) fail(file_, path_);
}

void Column::flush() {
  if (waiting_.empty()) return;
  const hsize_t from = length_, count = waiting_.size(), total = from + count;
  if (H5Dset_extent(dataset_.id(), &total) < 0) fail(file_, path_);
  const Handle memory(H5Screate_simple(1, &count, nullptr), close_space);
  const Handle space(H5Dget_space(dataset_.id()), close_space);
  if (H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &from, nullptr, &count, nullptr) < 0 ||
      H5Dwrite(dataset_.id(), H5T_NATIVE_INT64, memory.id(), space.id(), H5P_DEFAULT,
               waiting_.data()) < 0) {
    fail(file_, path_);
  }
  length_ = total;
  waiting_.clear();
}

void write_texts(const Group& group, const std::string& name,
                 const std::vector<std::string>& texts) {
  std::size_t size = 1;
  for (const std::string& text : texts) size = std::max(size, text.size());
  std::vector<char> bytes(size * texts.size(), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::copy(texts[i].begin(), texts[i].end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(i * size));
  }
  const Handle type(H5Tcopy(H5T_C_S1), close_type);
  H5Tset_size(type.id(), size);
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  const hsize_t count = texts.size();
  const Handle space(H5Screate_simple(1, &count, nullptr), close_space);
  const Handle properties = dataset_properties();
  const Handle dataset(H5Dcreate2(group.location(), name.c_str(), type.id(), space.id(),
                                  H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                       close_dataset);
  if (!dataset.valid() || (count > 0 && H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL,
                                                 H5P_DEFAULT, bytes.data()) < 0)) {
    fail(group.file(), name);
  }
}

}  // namespace tactus::h5
