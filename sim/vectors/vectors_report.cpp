// SPDX-License-Identifier: Apache-2.0
#include "vectors/vectors_report.hpp"

#include <nlohmann/json.hpp>

namespace tactus {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

std::string to_text(const GoldenReport& r) {
  std::string text = "model     " + r.model_name + "\nconfig    " + r.config_hash.substr(0, 16) +
                     "\nwitnesses " + joined(r.witnesses) + "\nset       " + r.folder + ": " +
                     std::to_string(r.files) + " files, " + std::to_string(r.bytes) + " bytes, " +
                     std::to_string(r.images) + " inputs, " + std::to_string(r.tile_ops) +
                     " tile ops\n";
  if (!r.backend.empty()) {
    text +=
        "run       " + r.backend + ", " + std::to_string(r.retired) + " retire records compared\n";
  }
  for (const auto& problem : r.problems) text += "differs   " + problem + "\n";
  if (r.action == "export") {
    return text + (r.problems.empty() ? "\nThe golden set is complete.\n"
                                      : "\nNothing was written: the witnesses differ.\n");
  }
  return text + (r.problems.empty() ? "\nThe golden set is intact.\n"
                                    : "\n" + std::to_string(r.problems.size()) + " differences.\n");
}

std::string to_json(const GoldenReport& r) {
  nlohmann::ordered_json j = {{"schema", "tactus.golden_report/1"},
                              {"action", r.action},
                              {"folder", r.folder},
                              {"model", r.model_name},
                              {"config_hash", r.config_hash},
                              {"witnesses", r.witnesses},
                              {"files", r.files},
                              {"bytes", r.bytes},
                              {"images", r.images},
                              {"layers", r.layers},
                              {"tile_ops", r.tile_ops}};
  j["backend"] = nullptr;
  if (!r.backend.empty()) j["backend"] = r.backend;
  j["retired"] = r.retired;
  j["problems"] = r.problems;
  return j.dump(2) + "\n";
}

}  // namespace tactus
