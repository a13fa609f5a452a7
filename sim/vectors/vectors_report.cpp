// SPDX-License-Identifier: Apache-2.0
#include "vectors/vectors_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tactus {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// Layers of each stream, and a line for each layer that has a note.
std::string streams_text(const std::vector<golden::StreamUse>& uses) {
  if (uses.empty()) return {};
  std::vector<std::string> counts;
  for (std::size_t i = 0; i < golden::stream_count; ++i) {
    const auto kind = static_cast<golden::StreamKind>(i);
    const auto layers = std::count_if(uses.begin(), uses.end(),
                                      [&](const golden::StreamUse& u) { return u.in(kind); });
    counts.push_back(std::string(name_of(kind)) + " stream of " + std::to_string(layers) +
                     " layers");
  }
  std::string text = "benches   " + joined(counts) + "\n";
  for (const golden::StreamUse& use : uses) {
    if (use.note.empty()) continue;
    text += std::string(use.streams.empty() ? "no stream " : "stream    ") + use.layer + " (" +
            use.op + "): " + use.note + "\n";
  }
  return text;
}

nlohmann::ordered_json streams_json(const std::vector<golden::StreamUse>& uses) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const golden::StreamUse& use : uses) {
    nlohmann::ordered_json streams = nlohmann::ordered_json::array();
    for (const golden::StreamKind kind : use.streams) streams.push_back(name_of(kind));
    nlohmann::ordered_json one = {{"layer", use.layer}, {"op", use.op}, {"streams", streams}};
    one["note"] = nullptr;
    if (!use.note.empty()) one["note"] = use.note;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace

std::string to_text(const GoldenReport& r) {
  std::string text = "model     " + r.model_name + "\nconfig    " + r.config_hash.substr(0, 16) +
                     "\nwitnesses " + joined(r.witnesses) + "\nset       " + r.folder + ": " +
                     std::to_string(r.files) + " files, " + std::to_string(r.bytes) + " bytes, " +
                     std::to_string(r.images) + " inputs, " + std::to_string(r.tile_ops) +
                     " tile ops\n" + streams_text(r.streams);
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
                              {"tile_ops", r.tile_ops},
                              {"streams", streams_json(r.streams)}};
  j["backend"] = nullptr;
  if (!r.backend.empty()) j["backend"] = r.backend;
  j["retired"] = r.retired;
  j["problems"] = r.problems;
  return j.dump(2) + "\n";
}

}  // namespace tactus
