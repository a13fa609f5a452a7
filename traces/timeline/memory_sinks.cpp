// SPDX-License-Identifier: Apache-2.0
#include "timeline/memory_sinks.hpp"

#include <unistd.h>

#include <cstdio>
#include <optional>

#include "hdf5/column.hpp"
#include "numerics/errors.hpp"
#include "timeline/trace_json.hpp"

namespace tactus {
namespace {

/// A field of CSV (RFC 4180).
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    out += c;
    if (c == '"') out += c;
  }
  return out + "\"";
}

class CsvSink : public MemoryTraceSink {
 public:
  CsvSink(const std::string& path, const std::vector<std::string>& layers) : file_(path) {
    for (const std::string& id : layers) layers_.push_back(field(id));
    text_ = "cycle,address,access,bytes,tensor,layer\n";
  }
  void put(const MemoryAccess& access, const std::vector<std::string>& tensors) override {
    text_ += std::to_string(access.cycle) + "," + std::to_string(access.address) +
             (access.write ? ",write," : ",read,") + std::to_string(access.bytes) + ",";
    while (tensors_.size() < tensors.size()) tensors_.push_back(field(tensors[tensors_.size()]));
    text_ += tensors_.at(access.tensor) + "," +
             (access.layer < 0 ? "" : layers_.at(static_cast<std::size_t>(access.layer))) + "\n";
    if (text_.size() > 1U << 20U) flush();
  }
  void finish(const std::vector<std::string>&) override {
    flush();
    file_.commit();
  }

 private:
  void flush() {
    file_.write(text_);
    text_.clear();
  }
  WholeFile file_;
  std::string text_;
  std::vector<std::string> layers_, tensors_;  ///< as fields
};

class Hdf5Sink : public MemoryTraceSink {
 public:
  Hdf5Sink(const std::string& path, const MemoryTraceInfo& info)
      : path_(path), temporary_(path + ".tmp" + std::to_string(getpid())) {
    file_.emplace(h5::File::create(temporary_, path));
    h5::Group root = file_->root();
    root.write_attribute("format", std::string("tactus.memory_trace"));
    root.write_attribute("version", std::int64_t{1});
    root.write_attribute("tool", info.tool);
    root.write_attribute("config_hash", info.config_hash);
    root.write_attribute("beat_bytes", info.beat_bytes);
    columns_.emplace_back(root, "cycle", h5::Store::i64);
    columns_.emplace_back(root, "address", h5::Store::i64);
    columns_.emplace_back(root, "bytes", h5::Store::u8);
    columns_.emplace_back(root, "write", h5::Store::u8);
    columns_.emplace_back(root, "tensor", h5::Store::i32);
    columns_.emplace_back(root, "layer", h5::Store::i32);
    h5::write_texts(root, "layers", info.layers);
  }
  Hdf5Sink(const Hdf5Sink&) = delete;
  Hdf5Sink& operator=(const Hdf5Sink&) = delete;
  ~Hdf5Sink() override {
    if (!file_) return;
    columns_.clear();
    file_.reset();
    std::remove(temporary_.c_str());
  }
  void put(const MemoryAccess& access, const std::vector<std::string>&) override {
    columns_[0].append(static_cast<std::int64_t>(access.cycle));
    columns_[1].append(static_cast<std::int64_t>(access.address));
    columns_[2].append(access.bytes);
    columns_[3].append(access.write ? 1 : 0);
    columns_[4].append(access.tensor);
    columns_[5].append(access.layer);
  }
  void finish(const std::vector<std::string>& tensors) override {
    for (h5::Column& column : columns_) column.flush();
    columns_.clear();
    {
      h5::Group root = file_->root();
      h5::write_texts(root, "tensors", tensors);
    }
    file_->close();
    file_.reset();
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      std::remove(temporary_.c_str());
      throw BadInput("cannot replace " + path_, path_);
    }
  }

 private:
  std::string path_, temporary_;
  std::optional<h5::File> file_;
  std::vector<h5::Column> columns_;
};

}  // namespace

std::unique_ptr<MemoryTraceSink> make_csv_sink(const std::string& path,
                                               const std::vector<std::string>& layers) {
  return std::make_unique<CsvSink>(path, layers);
}

std::unique_ptr<MemoryTraceSink> make_hdf5_sink(const std::string& path,
                                                const MemoryTraceInfo& info) {
  return std::make_unique<Hdf5Sink>(path, info);
}

}  // namespace tactus
