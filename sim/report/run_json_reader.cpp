// SPDX-License-Identifier: Apache-2.0
// The only file of this folder that reads JSON.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "numerics/errors.hpp"
#include "report/compare.hpp"

namespace tactus {
namespace {

using Json = nlohmann::json;

void check_schema(const Json& j, const std::string& path) {
  const std::string schema = j.is_object() ? j.value("schema", std::string()) : std::string();
  if (schema == "tactus.run/1" || schema == "tactus.check/1") return;
  if (schema.rfind("tactus.run/", 0) == 0 || schema.rfind("tactus.check/", 0) == 0) {
    throw BadInput("The result file '" + path + "' has the schema " + schema +
                       ", this tactus reads version 1.",
                   path);
  }
  throw BadInput("The file '" + path + "' is no result of tactus run or check.", path);
}

}  // namespace

ComparedRun parse_run_json(const std::string& text, const std::string& path) {
  try {
    const Json j = Json::parse(text);
    check_schema(j, path);
    ComparedRun run;
    run.file = path;
    run.backend = j.at("backend").get<std::string>();
    run.model_name = j.at("model").at("name").get<std::string>();
    run.config_hash = j.at("config").at("hash").get<std::string>();
    const Json& totals = j.at("totals");
    run.total.cycles = totals.at("cycles").get<Cycle>();
    run.total.energy_pj = totals.at("energy_pj").at("value").get<double>();
    for (const Json& row : j.at("layers")) {
      ComparedLayer layer;
      layer.cycles = row.at("cycles").get<Cycle>();
      for (const Json& stall : row.at("stalls")) layer.stalls += stall.get<Cycle>();
      layer.energy_pj = row.at("energy_pj").at("value").get<double>();
      run.total.stalls += layer.stalls;
      run.layers.emplace_back(row.at("id").get<std::string>(), layer);
    }
    return run;
  } catch (const Json::exception& e) {
    throw BadInput("The result file '" + path + "' cannot be used: " + e.what() + ".", path);
  }
}

ComparedRun read_run_json(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw BadInput("The result file '" + path + "' cannot be read.", path);
  }
  return parse_run_json(text.str(), path);
}

}  // namespace tactus
