// SPDX-License-Identifier: Apache-2.0
// The part of HDF5 that model files need, with ownership and with errors as BadInput whose message
// starts with "<file>: <path>". h5.cpp is the only code that includes hdf5.h. Not thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tactus::h5 {

/// Owns one HDF5 identifier.
class Handle {
 public:
  using Close = int (*)(std::int64_t);
  Handle() = default;
  Handle(std::int64_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0 && close_ != nullptr) close_(id_);
  }
  [[nodiscard]] std::int64_t id() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }

 private:
  std::int64_t id_ = -1;
  Close close_ = nullptr;
};

using Dims = std::vector<std::uint64_t>;
[[nodiscard]] std::string text_of(const Dims& dims);

/// Values of an integer attribute or dataset; unsigned 64-bit values that int64 cannot hold
/// arrive as its maximum.
struct Integers {
  Dims dims;  ///< empty for a scalar
  std::vector<std::int64_t> values;
};

/// Width of stored integers; the values must fit.
enum class Store : std::uint8_t { i8, u8, i16, u16, i32, i64 };

/// Largest number of values that one read returns.
constexpr std::uint64_t kMaxValues = std::uint64_t{1} << 27;

/// A group or dataset together with its attributes.
class Object {
 public:
  Object(std::string file, std::string path, Handle handle)
      : file_(std::move(file)), path_(std::move(path)), handle_(std::move(handle)) {}

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Throws BadInput("<file>: <path><what>"); `what` starts with its separator.
  [[noreturn]] void fail(const std::string& what) const;

  [[nodiscard]] std::vector<std::string> attribute_names() const;
  [[nodiscard]] bool has_attribute(const std::string& name) const;
  [[nodiscard]] Integers integer_attribute(const std::string& name) const;
  /// A scalar or one-element string.
  [[nodiscard]] std::string string_attribute(const std::string& name) const;
  /// A scalar counts as one element.
  [[nodiscard]] std::vector<std::string> strings_attribute(const std::string& name) const;
  /// A scalar number as decimal text.
  [[nodiscard]] std::string number_text_attribute(const std::string& name) const;

  void write_attribute(const std::string& name, std::int64_t value);
  void write_attribute(const std::string& name, const std::vector<int>& values);
  void write_attribute(const std::string& name, const std::string& text);
  void write_attribute(const std::string& name, const std::vector<std::string>& texts);
  /// Writes text that denotes a number as a 64-bit float.
  void write_number_attribute(const std::string& name, const std::string& number);

 protected:
  [[nodiscard]] std::int64_t id() const { return handle_.id(); }

 private:
  std::string file_, path_;
  Handle handle_;
};

class Dataset : public Object {
 public:
  using Object::Object;
  [[nodiscard]] Dims dims() const;
  /// All values in row-major order; an error unless the type is an integer.
  [[nodiscard]] Integers read_integers() const;
};

struct Child {
  std::string name;
  bool is_group = false;  ///< otherwise a dataset
};

class Group : public Object {
 public:
  using Object::Object;
  /// Children by name; anything that is neither a group nor a dataset is an error.
  [[nodiscard]] std::vector<Child> children() const;
  [[nodiscard]] bool has(const std::string& name) const;
  /// Throws BadInput when missing or of the other kind.
  [[nodiscard]] Group group(const std::string& name) const;
  [[nodiscard]] Dataset dataset(const std::string& name) const;

  Group create_group(const std::string& name);
  /// For the other writers of this folder.
  [[nodiscard]] std::int64_t location() const { return id(); }
  Dataset create_dataset(const std::string& name, const Integers& content, Store store);
  /// One-dimensional: 64-bit floats, or fixed UTF-8 strings as long as the longest one.
  void create_dataset(const std::string& name, const std::vector<double>& values);
  void create_dataset(const std::string& name, const std::vector<std::string>& texts);

 private:
  [[nodiscard]] std::string child_path(const std::string& name) const;
  void create_column(const std::string& name, std::int64_t type, std::int64_t memory,
                     std::size_t count, const void* data);
};

/// An open file; objects opened from it keep it alive inside HDF5.
class File {
 public:
  /// Throws BadInput for a missing file, a directory and for anything that is not HDF5.
  [[nodiscard]] static File open(const std::string& path);
  /// Replaces an existing file. Messages name `shown_as`.
  [[nodiscard]] static File create(const std::string& path, const std::string& shown_as);
  [[nodiscard]] Group root() const;
  /// Writes everything to the disk; objects opened from the file must be gone before.
  void close();

 private:
  File(std::string name, Handle handle) : name_(std::move(name)), handle_(std::move(handle)) {}
  std::string name_;
  Handle handle_;
};

}  // namespace tactus::h5
