// SPDX-License-Identifier: Apache-2.0
#include "hdf5/model_file.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "hdf5/schema.hpp"
#include "numerics/errors.hpp"

namespace tactus {

std::string sha256_of_file(const std::string& path) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    throw InternalError("SHA-256 is not available");
  }
  std::ifstream file(path, std::ios::binary);
  std::vector<char> block(1U << 16U);
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof()) throw BadInput(path + ": cannot be read", path);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    const char* const digits = "0123456789abcdef";
    hex += digits[digest[i] >> 4U];
    hex += digits[digest[i] & 15U];
  }
  return hex;
}

void ModelFile::write(const std::string& path, const Network& network,
                      const std::vector<GoldenSet>& golden, const std::optional<Dataset>& dataset) {
  Network checked = network;
  check_network(checked);
  const std::string temporary = path + ".tmp." + std::to_string(::getpid());
  try {
    h5::File file = h5::File::create(temporary, path);
    {
      h5::Group root = file.root();
      model_schema::write_network(root, checked);
      model_schema::write_golden(root, checked, golden);
      if (dataset) model_schema::write_dataset(root, checked, *dataset);
    }
    file.close();
    std::error_code error;
    std::filesystem::rename(temporary, path, error);
    if (error) throw BadInput(path + ": cannot be written: " + error.message(), path);
  } catch (...) {
    std::remove(temporary.c_str());
    throw;
  }
}

namespace model_schema {

void only_attributes(const h5::Object& object, const std::vector<std::string>& allowed) {
  for (const std::string& name : object.attribute_names()) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      object.fail(": attribute '" + name + "' is unknown here");
    }
  }
}

void only_attributes(const h5::Object& object, std::initializer_list<const char*> allowed) {
  only_attributes(object, std::vector<std::string>(allowed.begin(), allowed.end()));
}

void only_children(const h5::Group& group, const std::vector<std::string>& allowed) {
  for (const h5::Child& child : group.children()) {
    if (std::find(allowed.begin(), allowed.end(), child.name) == allowed.end()) {
      group.fail(": '" + child.name + "' is unknown here");
    }
  }
}

std::int64_t integer(const h5::Object& object, const std::string& name, std::int64_t low,
                     std::int64_t high) {
  const h5::Integers read = object.integer_attribute(name);
  if (read.values.size() != 1) {
    object.fail(": attribute '" + name + "' has " + std::to_string(read.values.size()) +
                " values instead of one");
  }
  const std::int64_t value = read.values[0];
  if (value < low || value > high) {
    object.fail(": attribute '" + name + "' = " + std::to_string(value) + " is outside " +
                std::to_string(low) + ".." + std::to_string(high));
  }
  return value;
}

std::vector<int> integers(const h5::Object& object, const std::string& name, std::size_t count,
                          int low, int high) {
  const h5::Integers read = object.integer_attribute(name);
  if (read.dims.size() != 1 || read.values.size() != count) {
    object.fail(": attribute '" + name + "' has the shape " + h5::text_of(read.dims) +
                " instead of [" + std::to_string(count) + "]");
  }
  std::vector<int> result;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t value = read.values[i];
    if (value < low || value > high) {
      object.fail(": attribute '" + name + "[" + std::to_string(i) +
                  "]' = " + std::to_string(value) + " is outside " + std::to_string(low) + ".." +
                  std::to_string(high));
    }
    result.push_back(static_cast<int>(value));
  }
  return result;
}

Format format(const h5::Object& object, const std::string& prefix, int max_bits) {
  Format result;
  result.bits = static_cast<int>(integer(object, prefix + "bits", 1, max_bits));
  result.is_signed = integer(object, prefix + "signed", 0, 1) == 1;
  result.zero_point = integer(object, prefix + "zero_point", result.min(), result.max());
  return result;
}

void check_values(const h5::Object& dataset, const h5::Integers& content, std::int64_t low,
                  std::int64_t high) {
  const auto bad = std::find_if(content.values.begin(), content.values.end(),
                                [=](std::int64_t v) { return v < low || v > high; });
  if (bad == content.values.end()) return;
  auto flat = static_cast<std::uint64_t>(bad - content.values.begin());
  h5::Dims index(content.dims.size());
  for (std::size_t d = index.size(); d-- > 0;) {
    index[d] = flat % content.dims[d];
    flat /= content.dims[d];
  }
  dataset.fail(h5::text_of(index) + " = " + std::to_string(*bad) + " is outside the range " +
               std::to_string(low) + ".." + std::to_string(high));
}

std::int64_t order_of(const std::string& id) {
  const std::size_t digits = std::min(id.find_first_not_of("0123456789"), id.size());
  if (digits < 3 || digits > 9 || digits + 1 >= id.size() || id[digits] != '_') return -1;
  return std::stoll(id.substr(0, digits));
}

h5::Store store_for(const Format& format) {
  if (format.bits <= 8) return format.is_signed ? h5::Store::i8 : h5::Store::u8;
  if (format.bits <= 16) return format.is_signed ? h5::Store::i16 : h5::Store::u16;
  return format.bits == 32 && !format.is_signed ? h5::Store::i64 : h5::Store::i32;
}

}  // namespace model_schema
}  // namespace tactus
