// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "golden/encode.hpp"
#include "numerics/errors.hpp"
#include "vectors/source.hpp"
#include "vectors/vectors.hpp"

namespace tactus {

namespace {

namespace fs = std::filesystem;

void check_folder(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return;
  if (!fs::is_directory(folder, error)) throw BadInput(folder + ": is not a folder", folder);
  if (!fs::is_empty(folder, error)) {
    throw BadInput(folder + ": is not empty, and a golden set needs a folder of its own", folder);
  }
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kib = 1024;
  if (bytes < kib) return std::to_string(bytes) + " bytes";
  if (bytes < kib * kib) return std::to_string(bytes / kib) + " KiB";
  return std::to_string(bytes / kib / kib) + " MiB";
}

/// Runs the witnesses; the first difference between them or to the model's golden tensors.
std::string disagreement(const Job& job, const std::vector<std::string>& witnesses,
                         const Progress& progress) {
  CheckReport report;
  try {
    report = check_job(job, witnesses, progress);
  } catch (const BadInput& e) {
    const bool rtl = std::find(witnesses.begin(), witnesses.end(), "rtl") != witnesses.end();
    const std::string what = e.what();
    if (!rtl ||
        (what.find("RTL build") == std::string::npos && what.find("'rtl'") == std::string::npos)) {
      throw;
    }
    throw BadInput(what + "; a golden set needs it unless other witnesses are named, e.g. " +
                       "--witnesses ref,fast,systemc",
                   e.file(), e.layer());
  }
  for (const PairResult& pair : report.pairs) {
    if (!pair.equal()) return pair.a + " and " + pair.b + ": " + pair.first_difference;
  }
  if (report.run.outputs && report.run.outputs->mismatches > 0) {
    return report.run.outputs->first_mismatch;
  }
  return {};
}

}  // namespace

const std::vector<std::string>& default_witnesses() {
  static const std::vector<std::string> names{"ref", "fast", "rtl"};
  return names;
}

GoldenReport export_golden(Job job, golden::Options options, const std::string& folder,
                           const Announce& announce, const Progress& progress) {
  check_folder(folder);
  select_images(job, options.images);
  if (options.witnesses.empty()) options.witnesses = default_witnesses();
  const GoldenSource source(job, options);
  const auto size = source.size();

  GoldenReport report;
  report.action = "export";
  report.folder = folder;
  report.model_name = job.workload.network.name;
  report.config_hash = config_hash(job.config);
  report.witnesses = options.witnesses;
  const bool golden_tensors =
      std::any_of(job.workload.inferences.begin(), job.workload.inferences.end(),
                  [](const Inference& one) { return !one.expected.empty(); });
  if (golden_tensors) report.witnesses.emplace_back("golden tensors of the model");
  report.images = job.workload.inferences.size();
  report.layers = source.layers().size();
  report.tile_ops = source.tile_ops();

  announce("golden set of about " + std::to_string(size.files + 1) + " files, " +
           size_text(size.bytes) + ", to " + folder);
  const std::string difference = disagreement(job, options.witnesses, progress);
  if (!difference.empty()) {
    report.problems.push_back(difference);
    return report;
  }

  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw BadInput("cannot create the folder " + folder, folder);
  golden::Manifest manifest;
  manifest.tool = "tactus " TACTUS_VERSION;
  manifest.config_hash = report.config_hash;
  manifest.config = effective(job.config);
  manifest.model_name = report.model_name;
  manifest.model_sha256 = job.workload.network.sha256;
  manifest.options = options;
  manifest.image_names = source.image_names();
  manifest.witnesses = report.witnesses;
  golden::SetBuilder builder(options, folder, true);
  manifest.streams = source.produce(builder, manifest.retired, nullptr, progress);
  report.streams = manifest.streams;
  manifest.files = builder.finish();
  report.files = manifest.files.size();
  for (const auto& file : manifest.files) report.bytes += file.bytes;
  golden::write_file(folder + "/" + golden::manifest_name,
                     golden::to_json(manifest, job.workload.network, source.layers()));
  return report;
}

}  // namespace tactus
