// SPDX-License-Identifier: Apache-2.0
#include "sweep/models.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>

#include "hdf5/model_file.hpp"
#include "numerics/errors.hpp"
#include "report/report.hpp"

namespace tactus::sweep {
namespace {

namespace fs = std::filesystem;

/// A file of its own that goes with it.
class TemporaryFile {
 public:
  TemporaryFile() {
    std::string pattern = (fs::temp_directory_path() / "tactus_sweep_XXXXXX").string();
    const int file = mkstemp(pattern.data());
    if (file < 0) throw BadInput("no temporary file can be made in " + pattern);
    close(file);
    path_ = pattern;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

LoadedModel load(const Spec& spec, const ModelEntry& entry, const std::string& path) {
  LoadedModel model;
  model.label = entry.label;
  model.file = path;
  model.work = load_workload(path, spec.inputs, 1);
  model.sha256 = model.work.network.sha256;
  for (const auto& layer : model.work.network.layers) model.macs += macs_of(layer);
  if (!spec.accuracy) return model;
  const auto data = ModelFile::read_dataset(path, model.work.network);
  if (data && !data->labels.empty()) {
    model.test_set = load_workload(path, "dataset", spec.accuracy_limit).inferences;
  }
  return model;
}

LoadedModel load_synth(const Spec& spec, const ModelEntry& entry, const SynthMaker& make_synth) {
  const TemporaryFile file;
  ModelFile::write(file.path(), make_synth(entry.synth));
  LoadedModel model = load(spec, entry, file.path());
  model.file = "synth";
  for (const auto& word : entry.synth) model.file += " " + word;
  model.work.network.file = model.file;
  return model;
}

}  // namespace

std::vector<LoadedModel> load_models(const Spec& spec, const SynthMaker& make_synth) {
  std::vector<LoadedModel> models;
  std::map<std::string, std::string> labels;
  for (const auto& entry : spec.models) {
    try {
      models.push_back(entry.file.empty() ? load_synth(spec, entry, make_synth)
                                          : load(spec, entry, entry.file));
    } catch (const BadInput& e) {
      throw BadInput(spec.file + ": [models] " + entry.label + ": " + e.what(), spec.file);
    }
    const auto [it, fresh] = labels.emplace(models.back().sha256, entry.label);
    if (!fresh) {
      throw BadInput(spec.file + ": [models] " + it->second + " and " + entry.label +
                         " are the same model " + models.back().file,
                     spec.file);
    }
  }
  return models;
}

std::string sha256_of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw InternalError("libcrypto cannot compute a sha256");
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

std::string spec_hash(const Spec& spec, const std::vector<LoadedModel>& models, bool layers) {
  std::string text =
      std::string(tool_text) + "\n" + spec.canonical() + "layers " + (layers ? "1" : "0") + "\n";
  for (const auto& model : models) text += "model " + model.label + " " + model.sha256 + "\n";
  return sha256_of(text);
}

}  // namespace tactus::sweep
