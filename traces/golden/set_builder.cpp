// SPDX-License-Identifier: Apache-2.0
#include "golden/set_builder.hpp"

#include <cstdio>
#include <filesystem>

#include "golden/encode.hpp"
#include "hdf5/model_file.hpp"
#include "numerics/errors.hpp"

namespace tactus::golden {
namespace {

namespace fs = std::filesystem;

/// What a dataset with its attributes takes in an HDF5 file besides its values, about.
constexpr std::uint64_t dataset_overhead = 1200;

std::vector<FileFormat> formats_of(const Options& o) {
  std::vector<FileFormat> formats;
  if (o.hex) formats.push_back(FileFormat::hex);
  if (o.bin) formats.push_back(FileFormat::bin);
  if (o.npy) formats.push_back(FileFormat::npy);
  return formats;
}

}  // namespace

void write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) throw BadInput("cannot create " + path, path);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    throw BadInput("cannot write all of " + path, path);
  }
}

SetBuilder::SetBuilder(const Options& options, std::string folder, bool keep)
    : options_(options), folder_(std::move(folder)), keep_(keep) {
  if (options_.hdf5) {
    const std::string path = folder_ + "/" + hdf5_name;
    hdf5_ = std::make_unique<ArrayFile>(path + ".tmp", path);
  }
}

void SetBuilder::put(FileEntry entry, const std::string& content) {
  entry.bytes = content.size();
  entry.sha256 = sha256_of(content);
  if (keep_) {
    const std::string path = folder_ + "/" + entry.path;
    const std::string parent = fs::path(path).parent_path().string();
    if (parent != last_parent_) {
      std::error_code error;
      fs::create_directories(parent, error);
      if (error) throw BadInput("cannot create the folder " + parent, parent);
      last_parent_ = parent;
    }
    write_file(path, content);
  }
  entries_.push_back(std::move(entry));
}

void SetBuilder::add(const Array& array) {
  for (const FileFormat format : formats_of(options_)) {
    FileEntry entry;
    entry.path = array.stem + extension_of(format);
    entry.role = array.role;
    entry.layer = array.layer;
    entry.tile_op = array.tile_op;
    entry.shape = array.shape;
    entry.axes = array.axes;
    entry.bits = array.bits;
    entry.is_signed = array.is_signed;
    if (format == FileFormat::npy) {
      entry.word_bits = static_cast<std::uint64_t>(container_bits(array));
      entry.lanes = 1;
    } else {
      const Words words = words_of(array, options_.packing);
      entry.word_bits = words.word_bits;
      entry.lanes = words.lanes;
    }
    put(std::move(entry), encode(array, format, options_.packing));
  }
  if (!hdf5_) return;
  ArrayFile::Attributes attributes;
  attributes.texts = {{"role", array.role}, {"layer", array.layer}};
  attributes.numbers = {
      {"tile_op", array.tile_op}, {"bits", array.bits}, {"signed", array.is_signed ? 1 : 0}};
  attributes.lists = {{"axes", array.axes}};
  hdf5_->add(array.stem, array.shape, array.values, container_bits(array), array.is_signed,
             attributes);
}

void SetBuilder::add(const TextFile& file) {
  FileEntry entry;
  entry.path = file.path;
  entry.role = file.role;
  put(std::move(entry), file.text);
}

std::vector<FileEntry> SetBuilder::finish() {
  if (hdf5_) {
    hdf5_->close();
    hdf5_.reset();
    const std::string path = folder_ + "/" + hdf5_name;
    std::error_code error;
    fs::rename(path + ".tmp", path, error);
    if (error) throw BadInput("cannot write all of " + path, path);
    FileEntry entry;
    entry.path = hdf5_name;
    entry.role = "all";
    entry.bytes = fs::file_size(path);
    entry.sha256 = sha256_of_file(path);
    entries_.push_back(std::move(entry));
  }
  return std::move(entries_);
}

SetBuilder::Size SetBuilder::size_of(const Options& options, const Array& array) {
  Size size;
  for (const FileFormat format : formats_of(options)) {
    ++size.files;
    size.bytes += encoded_bytes(array, format, options.packing);
  }
  if (options.hdf5) {
    size.bytes +=
        array.count() * static_cast<std::uint64_t>(container_bits(array)) / 8 + dataset_overhead;
  }
  return size;
}

}  // namespace tactus::golden
