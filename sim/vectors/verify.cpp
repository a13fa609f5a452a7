// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "golden/encode.hpp"
#include "hdf5/model_file.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "run/backends.hpp"
#include "vectors/source.hpp"
#include "vectors/vectors.hpp"

namespace tactus {

namespace {

namespace fs = std::filesystem;

std::string read_manifest(const std::string& folder) {
  const std::string path = folder + "/" + golden::manifest_name;
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw BadInput(folder + ": is no folder", folder);
  if (!fs::exists(path, error)) {
    throw BadInput(folder + ": has no " + golden::manifest_name +
                       ", so it is no golden set or its export was interrupted",
                   path);
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw BadInput(path + ": cannot be read", path);
  return text.str();
}

/// Every file of the manifest has its size and hash, and there is no file besides.
void compare_files(const std::string& folder, const golden::Manifest& manifest,
                   GoldenReport& report) {
  std::map<std::string, bool> known{{golden::manifest_name, true}};
  for (const auto& file : manifest.files) {
    known[file.path] = true;
    const std::string path = folder + "/" + file.path;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
      report.problems.push_back(file.path + ": is missing");
      continue;
    }
    if (const auto bytes = fs::file_size(path, error); bytes != file.bytes) {
      report.problems.push_back(file.path + ": has " + std::to_string(bytes) +
                                " bytes, the manifest says " + std::to_string(file.bytes));
    } else if (sha256_of_file(path) != file.sha256) {
      report.problems.push_back(file.path + ": its contents are not those of the manifest");
    }
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = fs::relative(entry.path(), folder).generic_string();
    if (known.count(path) == 0) report.problems.push_back(path + ": is not in the manifest");
  }
}

/// A folder that is gone when it goes out of scope.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "tactus_golden_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw BadInput("cannot create a folder " + name, name);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Files that a new run makes and the set has, by path.
void compare_contents(const golden::Manifest& manifest, const std::vector<golden::FileEntry>& made,
                      GoldenReport& report) {
  std::map<std::string, std::string> hashes;
  for (const auto& file : manifest.files) hashes[file.path] = file.sha256;
  for (const auto& file : made) {
    const auto found = hashes.find(file.path);
    if (found == hashes.end()) {
      report.problems.push_back(file.path + ": a new run of the model makes it, the set lacks it");
      continue;
    }
    if (found->second != file.sha256) {
      report.problems.push_back(file.path + ": a new run of the model has other contents");
    }
    hashes.erase(found);
  }
  for (const auto& [path, hash] : hashes) {
    report.problems.push_back(path + ": a new run of the model does not make it");
  }
}

/// What differs first between a record of the set and of a run; empty if nothing does.
std::string difference(const RetireRecord& want, const RetireRecord& have) {
  const auto text = [](const char* what, std::uint64_t a, std::uint64_t b) {
    return std::string(what) + " " + std::to_string(a) + " in the set, " + std::to_string(b) +
           " in the run";
  };
  if (want.digest != have.digest) return "the values differ (digest)";
  if (want.start != have.start) return text("start cycle", want.start, have.start);
  if (want.cycle != have.cycle) return text("retire cycle", want.cycle, have.cycle);
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    if (want.events[event] == have.events[event]) continue;
    return text((std::string("event ") + event_text[i].name).c_str(), want.events[event],
                have.events[event]);
  }
  return {};
}

/// Output tensors in memory that differ; the first element is named.
void compare_tensors(const Job& job, const std::string& image, const RunResult& want,
                     const RunResult& have, const std::string& backend, GoldenReport& report) {
  for (const auto& place : job.program.tensors) {
    if (!place.in_memory || job.workload.network.find_layer(place.name) == nullptr) continue;
    const QTensor a = read_tensor(job.program, job.workload.network, want.memory, place.name);
    const QTensor b = read_tensor(job.program, job.workload.network, have.memory, place.name);
    for (std::size_t i = 0; i < a.data.size(); ++i) {
      if (a.data[i] == b.data[i]) continue;
      const auto w = static_cast<std::size_t>(a.shape.w), h = static_cast<std::size_t>(a.shape.h);
      report.problems.push_back(image + ", layer " + place.name + " element [" +
                                std::to_string(i / w / h) + "," + std::to_string(i / w % h) + "," +
                                std::to_string(i % w) + "]: " + std::to_string(a.data[i]) +
                                " in the set, " + std::to_string(b.data[i]) + " by " + backend);
      break;
    }
  }
}

/// Runs the back end and compares it with the retire records and tensors of the set.
void compare_run(const Job& job, const golden::Manifest& manifest,
                 const std::vector<RunResult>& expected, const VerifyRequest& request,
                 const Progress& progress, GoldenReport& report) {
  const auto backend = make_backend(request.backend);
  const auto places = record_places(job.program);
  // A run that stands still is found soon behind the cycles of the intact one.
  constexpr Cycle patience = 100'000;
  RunOptions options;
  options.fault = request.fault;
  for (std::size_t image = 0; image < job.workload.inferences.size(); ++image) {
    const Inference& inference = job.workload.inferences[image];
    progress("golden: " + inference.name + " on " + request.backend);
    options.watchdog_cycles = expected.at(image).cycles + patience;
    std::vector<std::uint8_t> memory = job.program.image;
    place_inputs(job.program, inference.inputs, memory);
    RunResult run;
    try {
      run = backend->run(job.program, job.config, std::move(memory), options);
    } catch (const StandsStill& e) {
      report.problems.push_back(inference.name + ", " + request.backend + ": " + e.what());
      continue;
    }
    if (run.retired.size() != job.program.ops.size()) {
      report.problems.push_back(inference.name + ": " + std::to_string(run.retired.size()) +
                                " tile ops retired, the program has " +
                                std::to_string(job.program.ops.size()));
      continue;
    }
    for (const auto& entry : manifest.retired) {
      if (entry.image != image) continue;
      const RetireRecord& have = run.retired.at(places.at(entry.tile_op));
      ++report.retired;
      const std::string differs = difference(entry.record, have);
      if (differs.empty()) continue;
      report.problems.push_back(inference.name + ", layer " + entry.layer + ", " +
                                name_of(entry.record.queue) + " op " +
                                std::to_string(entry.record.seq) + " (tile op " +
                                std::to_string(entry.tile_op) + "): " + differs);
    }
    compare_tensors(job, inference.name, expected.at(image), run, request.backend, report);
  }
}

}  // namespace

GoldenReport verify_golden(const VerifyRequest& request, const Progress& progress) {
  const std::string path = request.folder + "/" + golden::manifest_name;
  bool intact = false;
  const golden::Manifest manifest =
      golden::parse_manifest(read_manifest(request.folder), path, intact);
  GoldenReport report;
  report.action = "verify";
  report.folder = request.folder;
  report.model_name = manifest.model_name;
  report.config_hash = manifest.config_hash;
  report.witnesses = manifest.witnesses;
  report.files = manifest.files.size();
  for (const auto& file : manifest.files) report.bytes += file.bytes;
  report.images = manifest.image_names.size();
  report.layers = manifest.layers;
  std::map<std::size_t, bool> ops;
  for (const auto& entry : manifest.retired) ops[entry.tile_op] = true;
  report.tile_ops = ops.size();
  if (!intact) {
    report.problems.push_back(std::string(golden::manifest_name) +
                              ": its contents are not what was written");
  }
  compare_files(request.folder, manifest, report);
  if (request.model.empty() || !report.problems.empty()) return report;

  ArchConfig config;
  for (const auto& [key, value] : manifest.config) set(config, key, value);
  const std::string inputs = request.inputs.empty() ? manifest.options.inputs : request.inputs;
  Job job = make_job(request.model, config, inputs, 0);
  if (job.workload.network.sha256 != manifest.model_sha256) {
    throw BadInput(request.model + ": is not the model of the golden set, whose sha256 is " +
                       manifest.model_sha256,
                   request.model);
  }
  select_images(job, manifest.options.images);
  if (job.workload.inferences.size() != manifest.image_names.size()) {
    throw BadInput(request.model + ": has " + std::to_string(job.workload.inferences.size()) +
                       " inputs, the golden set was made of " +
                       std::to_string(manifest.image_names.size()),
                   request.model);
  }
  const GoldenSource source(job, manifest.options);
  const TemporaryFolder folder;
  golden::SetBuilder builder(manifest.options, folder.path(), false);
  std::vector<golden::RetireEntry> retired;
  std::vector<RunResult> expected;
  static_cast<void>(source.produce(builder, retired, &expected, progress));
  compare_contents(manifest, builder.finish(), report);
  report.backend = request.backend;
  compare_run(job, manifest, expected, request, progress, report);
  return report;
}

}  // namespace tactus
