// SPDX-License-Identifier: Apache-2.0
#include "hdf5/array_file.hpp"

namespace tactus {
namespace {

h5::Store store_of(int bits, bool is_signed) {
  switch (bits) {
    case 8:
      return is_signed ? h5::Store::i8 : h5::Store::u8;
    case 16:
      return is_signed ? h5::Store::i16 : h5::Store::u16;
    case 32:
      return is_signed ? h5::Store::i32 : h5::Store::i64;
    default:
      return h5::Store::i64;
  }
}

}  // namespace

ArrayFile::ArrayFile(const std::string& path, const std::string& shown_as)
    : file_(h5::File::create(path, shown_as)) {
  groups_.emplace("", file_.root());
}

h5::Group& ArrayFile::group_of(const std::string& path) {
  const auto found = groups_.find(path);
  if (found != groups_.end()) return found->second;
  const std::size_t slash = path.rfind('/');
  h5::Group& parent = group_of(slash == std::string::npos ? "" : path.substr(0, slash));
  return groups_
      .emplace(path,
               parent.create_group(slash == std::string::npos ? path : path.substr(slash + 1)))
      .first->second;
}

void ArrayFile::add(const std::string& path, const h5::Dims& dims,
                    const std::vector<std::int64_t>& values, int bits, bool is_signed,
                    const Attributes& attributes) {
  const std::size_t slash = path.rfind('/');
  h5::Group& group = group_of(slash == std::string::npos ? "" : path.substr(0, slash));
  h5::Dataset dataset =
      group.create_dataset(path.substr(slash + 1), {dims, values}, store_of(bits, is_signed));
  for (const auto& [name, text] : attributes.texts) dataset.write_attribute(name, text);
  for (const auto& [name, number] : attributes.numbers) dataset.write_attribute(name, number);
  for (const auto& [name, list] : attributes.lists) dataset.write_attribute(name, list);
}

void ArrayFile::close() {
  groups_.clear();
  file_.close();
}

}  // namespace tactus
