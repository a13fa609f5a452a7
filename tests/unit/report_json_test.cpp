// SPDX-License-Identifier: Apache-2.0
// Every JSON document against its schema, and reading results back.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "../support/json_schema.hpp"
#include "numerics/errors.hpp"
#include "report/compare.hpp"
#include "report/report.hpp"
#include "report_fixture.hpp"

using namespace tactus;
using namespace tactus::testing;
using Json = nlohmann::json;

namespace {

std::string problem(const std::string& schema, const std::string& document) {
  std::ifstream file(std::string(TACTUS_SOURCE_DIR) + "/sim/report/schema/" + schema +
                     ".schema.json");
  return SchemaCheck(Json::parse(file))(Json::parse(document));
}

RunReport report_of() {
  RunReport r = make_report(report_program(), ArchConfig{}, default_energy_table(),
                            {"fast", "toy", "abc"}, {report_result()});
  return r;
}

}  // namespace

TEST_CASE("report json: documents obey their schemas") {
  RunReport r = report_of();
  CHECK(problem("run", to_json(r)) == "");
  r.outputs = OutputComparison{100, 0, ""};
  r.accuracy = Accuracy{350, 360};
  CHECK(problem("run", to_json(r)) == "");
  const Json j = Json::parse(to_json(r));
  CHECK(j["layers"][1]["stalls"]["store"] == 6);
  CHECK(j["layers"][2]["fused_into"] == "001_conv_with_a_very_long_name");
  CHECK(j["totals"]["events"]["pe_active"] == 150);
  CHECK(j["accuracy"]["correct"] == 350);
  CHECK(j["config"]["values"]["hw.array_rows"] == 16);
  CHECK(j["config"]["values"]["mem.ideal"] == false);

  CheckReport check;
  check.run = r;
  check.pairs = {{"fast", "ref", true, std::nullopt, std::nullopt, ""}};
  CHECK(problem("check", to_json(check)) == "");
  CHECK(problem("error", error_to_json(2, "", "000_conv", "It \"failed\" \xff.")) == "");
  CHECK(problem("config", config_to_json(ArchConfig{})) == "");
  CHECK(problem("inspect", inspect_to_json(report_program(), ArchConfig{}, "toy", "", {})) == "");
}

TEST_CASE("report json: the schema check can fail") {
  Json j = Json::parse(to_json(report_of()));
  j["totals"]["utilization"] = 1.5;
  CHECK(problem("run", j.dump()) != "");
  j = Json::parse(to_json(report_of()));
  j["layers"][0].erase("macs");
  CHECK(problem("run", j.dump()) != "");
  j = Json::parse(to_json(report_of()));
  j["extra"] = 1;
  CHECK(problem("run", j.dump()) != "");
  CHECK(problem("check", to_json(report_of())) != "");
}

TEST_CASE("report json: two results are compared per layer") {
  const std::string text = to_json(report_of());
  Json other = Json::parse(text);
  other["layers"][0]["cycles"] = 51;
  other["totals"]["cycles"] = 73;
  other["layers"][1]["id"] = "001_new";
  const RunComparison c =
      compare_runs(parse_run_json(text, "a.json"), parse_run_json(other.dump(), "b.json"));
  CHECK(problem("compare", to_json(c)) == "");
  const Json j = Json::parse(to_json(c));
  CHECK(j["totals"]["cycles"]["delta"] == 10);
  CHECK(j["layers"].size() == 4);
  CHECK(j["layers"][0]["cycles"]["delta"] == 10);
  CHECK(j["layers"][1]["only_in"] == "a");
  CHECK(j["layers"][3]["only_in"] == "b");
  CHECK(j["layers"][3]["id"] == "001_new");
  CHECK(to_text(c, 80).find("+24.4%") != std::string::npos);  // 41 to 51
  CHECK(to_text(c, 120).find("stalled a") != std::string::npos);
}

TEST_CASE("report json: files that are no results are refused") {
  Json j = Json::parse(to_json(report_of()));
  j["schema"] = "tactus.run/2";
  CHECK_THROWS_WITH_AS((void)parse_run_json(j.dump(), "a.json"), doctest::Contains("tactus.run/2"),
                       BadInput);
  j["schema"] = "tactus.run/1";
  j.erase("totals");
  CHECK_THROWS_AS((void)parse_run_json(j.dump(), "a.json"), BadInput);
  CHECK_THROWS_AS((void)parse_run_json("[]", "a.json"), BadInput);
  CHECK_THROWS_AS((void)parse_run_json("{", "a.json"), BadInput);
  CHECK_THROWS_AS((void)read_run_json("/nonexistent.json"), BadInput);
}
