// SPDX-License-Identifier: Apache-2.0
#include "hdf5/h5.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "numerics/errors.hpp"

namespace tactus::h5 {
namespace {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

int close_file(std::int64_t id) { return H5Fclose(id); }
int close_group(std::int64_t id) { return H5Gclose(id); }
int close_dataset(std::int64_t id) { return H5Dclose(id); }
int close_attribute(std::int64_t id) { return H5Aclose(id); }
int close_space(std::int64_t id) { return H5Sclose(id); }
int close_type(std::int64_t id) { return H5Tclose(id); }
int close_properties(std::int64_t id) { return H5Pclose(id); }

/// Switches off HDF5's own printing to stderr. It is a setting of the library, so done once.
void silence() {
  static const herr_t done = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  static_cast<void>(done);
}

bool extent_of(std::int64_t space, Dims& dims) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return false;
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0) return false;
  std::array<hsize_t, H5S_MAX_RANK> sizes{};
  if (H5Sget_simple_extent_dims(space, sizes.data(), nullptr) < 0) return false;
  dims.assign(sizes.begin(), sizes.begin() + rank);
  return true;
}

/// Product of the extents, or kMaxValues + 1 if it is larger than kMaxValues.
std::uint64_t count_of(const Dims& dims) {
  if (std::find(dims.begin(), dims.end(), 0U) != dims.end()) return 0;
  std::uint64_t count = 1;
  for (const std::uint64_t size : dims) {
    if (size > kMaxValues / count) return kMaxValues + 1;
    count *= size;
  }
  return count;
}

const char* class_name(std::int64_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return "integer";
    case H5T_FLOAT:
      return "float";
    case H5T_STRING:
      return "string";
    case H5T_ENUM:
      return "enum";
    case H5T_COMPOUND:
      return "compound";
    default:
      return "other";
  }
}

hid_t memory_type(Store store) {
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
      return H5T_STD_I64LE;
  }
  return H5T_STD_I64LE;
}

struct OpenAttribute {
  Handle attribute, type;
  Dims dims;
  std::uint64_t count = 0;
};

OpenAttribute open_attribute(const Object& object, std::int64_t id, const std::string& name) {
  if (!object.has_attribute(name)) object.fail(": attribute '" + name + "' is missing");
  OpenAttribute open;
  open.attribute = Handle(H5Aopen(id, name.c_str(), H5P_DEFAULT), close_attribute);
  if (open.attribute.valid()) {
    open.type = Handle(H5Aget_type(open.attribute.id()), close_type);
    const Handle space(H5Aget_space(open.attribute.id()), close_space);
    if (open.type.valid() && space.valid() && extent_of(space.id(), open.dims)) {
      open.count = count_of(open.dims);
      if (open.count <= 1U << 20U) return open;
    }
  }
  object.fail(": attribute '" + name + "' cannot be read");
}

Handle string_type(std::size_t size) {
  Handle type(H5Tcopy(H5T_C_S1), close_type);
  if (type.valid()) {
    H5Tset_size(type.id(), size);
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
  }
  return type;
}

Handle space_of(const Dims& dims) {
  if (dims.empty()) return Handle(H5Screate(H5S_SCALAR), close_space);
  const std::vector<hsize_t> sizes(dims.begin(), dims.end());
  return Handle(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                close_space);
}

void write_raw(const Object& object, std::int64_t id, const std::string& name, const Handle& type,
               std::int64_t memory, const Dims& dims, const void* data) {
  const Handle space = space_of(dims);
  const Handle attribute(
      H5Acreate2(id, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
      close_attribute);
  if (!attribute.valid() || H5Awrite(attribute.id(), memory, data) < 0) {
    object.fail(": attribute '" + name + "' cannot be written");
  }
}

}  // namespace

std::string text_of(const Dims& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i > 0 ? "," : "") + std::to_string(dims[i]);
  }
  return text + "]";
}

void Object::fail(const std::string& what) const {
  throw BadInput(file_ + ": " + path_ + what, file_);
}

std::vector<std::string> Object::attribute_names() const {
  std::vector<std::string> names;
  const auto visit = [](hid_t, const char* name, const H5A_info_t*, void* data) -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  hsize_t position = 0;
  if (H5Aiterate2(id(), H5_INDEX_NAME, H5_ITER_INC, &position, visit, &names) < 0) {
    fail(": the attributes cannot be read");
  }
  return names;
}

bool Object::has_attribute(const std::string& name) const {
  return H5Aexists(id(), name.c_str()) > 0;
}

Integers Object::integer_attribute(const std::string& name) const {
  const OpenAttribute open = open_attribute(*this, id(), name);
  if (H5Tget_class(open.type.id()) != H5T_INTEGER) {
    fail(": attribute '" + name + "' is of type " + class_name(open.type.id()) +
         " instead of integer");
  }
  Integers result{open.dims, std::vector<std::int64_t>(open.count)};
  if (open.count > 0 && H5Aread(open.attribute.id(), H5T_NATIVE_INT64, result.values.data()) < 0) {
    fail(": attribute '" + name + "' cannot be read");
  }
  return result;
}

std::vector<std::string> Object::strings_attribute(const std::string& name) const {
  const OpenAttribute open = open_attribute(*this, id(), name);
  if (H5Tget_class(open.type.id()) != H5T_STRING) {
    fail(": attribute '" + name + "' is of type " + class_name(open.type.id()) +
         " instead of string");
  }
  std::vector<std::string> result;
  if (open.count == 0) return result;
  if (H5Tis_variable_str(open.type.id()) > 0) {
    std::vector<char*> texts(open.count, nullptr);
    if (H5Aread(open.attribute.id(), open.type.id(), texts.data()) < 0) {
      fail(": attribute '" + name + "' cannot be read");
    }
    for (char* text : texts) {
      result.emplace_back(text == nullptr ? "" : text);
      H5free_memory(text);
    }
    return result;
  }
  const std::size_t size = H5Tget_size(open.type.id());
  if (size == 0 || size > 1U << 20U || open.count * size > 1U << 24U) {
    fail(": attribute '" + name + "' is too long");
  }
  std::vector<char> bytes(open.count * size, '\0');
  if (H5Aread(open.attribute.id(), open.type.id(), bytes.data()) < 0) {
    fail(": attribute '" + name + "' cannot be read");
  }
  const bool padded_with_spaces = H5Tget_strpad(open.type.id()) == H5T_STR_SPACEPAD;
  for (std::size_t i = 0; i < open.count; ++i) {
    std::string text(bytes.data() + i * size, size);
    text.resize(std::min(text.find('\0'), size));
    if (padded_with_spaces) text.resize(text.find_last_not_of(' ') + 1);
    result.push_back(std::move(text));
  }
  return result;
}

std::string Object::string_attribute(const std::string& name) const {
  const std::vector<std::string> texts = strings_attribute(name);
  if (texts.size() != 1) {
    fail(": attribute '" + name + "' has " + std::to_string(texts.size()) +
         " strings instead of one");
  }
  return texts[0];
}

std::string Object::number_text_attribute(const std::string& name) const {
  const OpenAttribute open = open_attribute(*this, id(), name);
  const H5T_class_t kind = H5Tget_class(open.type.id());
  double value = 0;
  if ((kind != H5T_FLOAT && kind != H5T_INTEGER) || open.count != 1 ||
      H5Aread(open.attribute.id(), H5T_NATIVE_DOUBLE, &value) < 0) {
    fail(": attribute '" + name + "' is not one number");
  }
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

void Object::write_attribute(const std::string& name, std::int64_t value) {
  write_raw(*this, id(), name, Handle(H5T_STD_I64LE, nullptr), H5T_NATIVE_INT64, {}, &value);
}

void Object::write_attribute(const std::string& name, const std::vector<int>& values) {
  write_raw(*this, id(), name, Handle(H5T_STD_I32LE, nullptr), H5T_NATIVE_INT, {values.size()},
            values.data());
}

void Object::write_attribute(const std::string& name, const std::string& text) {
  const Handle type = string_type(text.size() + 1);
  write_raw(*this, id(), name, type, type.id(), {}, text.c_str());
}

void Object::write_attribute(const std::string& name, const std::vector<std::string>& texts) {
  std::size_t size = 1;
  for (const std::string& text : texts) size = std::max(size, text.size() + 1);
  std::vector<char> bytes(size * texts.size(), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::copy(texts[i].begin(), texts[i].end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(i * size));
  }
  const Handle type = string_type(size);
  write_raw(*this, id(), name, type, type.id(), {texts.size()}, bytes.data());
}

void Object::write_number_attribute(const std::string& name, const std::string& number) {
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0') {
    fail(": attribute '" + name + "' = '" + number + "' is not a number");
  }
  write_raw(*this, id(), name, Handle(H5T_IEEE_F64LE, nullptr), H5T_NATIVE_DOUBLE, {}, &value);
}

Dims Dataset::dims() const {
  const Handle space(H5Dget_space(id()), close_space);
  Dims dims;
  if (!space.valid() || !extent_of(space.id(), dims)) fail(": the shape cannot be read");
  return dims;
}

Integers Dataset::read_integers() const {
  Integers result{dims(), {}};
  const Handle type(H5Dget_type(id()), close_type);
  if (!type.valid()) fail(": the type cannot be read");
  if (H5Tget_class(type.id()) != H5T_INTEGER) {
    fail(std::string(": the type is ") + class_name(type.id()) + " instead of integer");
  }
  const std::uint64_t count = count_of(result.dims);
  if (count > kMaxValues) {
    fail(": the shape " + text_of(result.dims) + " has more than " + std::to_string(kMaxValues) +
         " values");
  }
  if (count == 0) fail(": the shape " + text_of(result.dims) + " has no values");
  try {
    result.values.resize(count);
  } catch (const std::bad_alloc&) {
    fail(": there is not enough memory for the shape " + text_of(result.dims));
  }
  if (H5Dread(id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.values.data()) < 0) {
    fail(": the values cannot be read, the file is damaged");
  }
  return result;
}

std::string Group::child_path(const std::string& name) const {
  return path() == "/" ? "/" + name : path() + "/" + name;
}

std::vector<Child> Group::children() const {
  struct Found {
    std::string name;
    bool hard;
  };
  std::vector<Found> found;
  const auto visit = [](hid_t, const char* name, const H5L_info_t* info, void* data) -> herr_t {
    static_cast<std::vector<Found>*>(data)->push_back({name, info->type == H5L_TYPE_HARD});
    return 0;
  };
  hsize_t position = 0;
  if (H5Literate(id(), H5_INDEX_NAME, H5_ITER_INC, &position, visit, &found) < 0) {
    fail(": the group cannot be read");
  }
  std::vector<Child> children;
  for (const Found& link : found) {
    H5O_info_t info;
    if (!link.hard) fail("/" + link.name + ": soft and external links are not allowed");
    if (H5Oget_info_by_name2(id(), link.name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) {
      fail("/" + link.name + ": the object cannot be read");
    }
    if (info.type != H5O_TYPE_GROUP && info.type != H5O_TYPE_DATASET) {
      fail("/" + link.name + ": is neither a group nor a dataset");
    }
    children.push_back({link.name, info.type == H5O_TYPE_GROUP});
  }
  return children;
}

bool Group::has(const std::string& name) const {
  return H5Lexists(id(), name.c_str(), H5P_DEFAULT) > 0;
}

Group Group::group(const std::string& name) const {
  if (!has(name)) fail(": group '" + name + "' is missing");
  Handle handle(H5Gopen2(id(), name.c_str(), H5P_DEFAULT), close_group);
  if (!handle.valid()) fail(": '" + name + "' is not a group");
  return {file(), child_path(name), std::move(handle)};
}

Dataset Group::dataset(const std::string& name) const {
  if (!has(name)) fail(": dataset '" + name + "' is missing");
  Handle handle(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), close_dataset);
  if (!handle.valid()) fail(": '" + name + "' is not a dataset");
  return {file(), child_path(name), std::move(handle)};
}

Group Group::create_group(const std::string& name) {
  Handle handle(H5Gcreate2(id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), close_group);
  if (!handle.valid()) fail(": group '" + name + "' cannot be created");
  return {file(), child_path(name), std::move(handle)};
}

Dataset Group::create_dataset(const std::string& name, const Integers& content, Store store) {
  const Handle space = space_of(content.dims);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), close_properties);
  // Without time stamps two files of the same content are byte-identical.
  H5Pset_obj_track_times(properties.id(), false);
  Handle handle(H5Dcreate2(id(), name.c_str(), memory_type(store), space.id(), H5P_DEFAULT,
                           properties.id(), H5P_DEFAULT),
                close_dataset);
  if (!handle.valid() || H5Dwrite(handle.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                  content.values.data()) < 0) {
    fail(": dataset '" + name + "' cannot be written");
  }
  return {file(), child_path(name), std::move(handle)};
}

void Group::create_column(const std::string& name, std::int64_t type, std::int64_t memory,
                          std::size_t count, const void* data) {
  const Handle space = space_of({count});
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), close_properties);
  H5Pset_obj_track_times(properties.id(), false);
  const Handle handle(
      H5Dcreate2(id(), name.c_str(), type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
      close_dataset);
  if (!handle.valid() ||
      (count > 0 && H5Dwrite(handle.id(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)) {
    fail(": dataset '" + name + "' cannot be written");
  }
}

void Group::create_dataset(const std::string& name, const std::vector<double>& values) {
  create_column(name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.size(), values.data());
}

void Group::create_dataset(const std::string& name, const std::vector<std::string>& texts) {
  std::size_t longest = 1;
  for (const auto& text : texts) longest = std::max(longest, text.size());
  std::string bytes;
  bytes.reserve(longest * texts.size());
  for (const auto& text : texts) bytes += text + std::string(longest - text.size(), '\0');
  const Handle type = string_type(longest);
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  create_column(name, type.id(), type.id(), texts.size(), bytes.data());
}

File File::open(const std::string& path) {
  silence();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw BadInput(path + ": no such file", path);
  if (std::filesystem::is_directory(status)) throw BadInput(path + ": is a directory", path);
  if (!std::filesystem::is_regular_file(status)) {
    throw BadInput(path + ": is not a regular file", path);
  }
  if (H5Fis_hdf5(path.c_str()) <= 0) throw BadInput(path + ": is not an HDF5 file", path);
  Handle handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), close_file);
  if (!handle.valid()) {
    throw BadInput(path + ": cannot be opened as HDF5, the file is truncated or damaged", path);
  }
  return {path, std::move(handle)};
}

File File::create(const std::string& path, const std::string& shown_as) {
  silence();
  Handle handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), close_file);
  if (!handle.valid()) throw BadInput(shown_as + ": cannot be created", shown_as);
  return {shown_as, std::move(handle)};
}

Group File::root() const {
  Handle handle(H5Gopen2(handle_.id(), "/", H5P_DEFAULT), close_group);
  if (!handle.valid()) throw BadInput(name_ + ": the root group cannot be read", name_);
  return {name_, "/", std::move(handle)};
}

void File::close() {
  const bool flushed = H5Fflush(handle_.id(), H5F_SCOPE_LOCAL) >= 0;
  handle_ = Handle();
  if (!flushed) throw BadInput(name_ + ": cannot be written", name_);
}

}  // namespace tactus::h5
