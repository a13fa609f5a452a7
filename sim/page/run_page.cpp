// SPDX-License-Identifier: Apache-2.0
// What the page of a run needs besides its JSON: energy by component, roofs, texts of the events.
#include "page/run_page.hpp"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "arch/arch_config.hpp"
#include "energy/energy.hpp"
#include "events/events.hpp"
#include "numerics/errors.hpp"
#include "page/html.hpp"

namespace tactus::page {
namespace {

using Json = nlohmann::ordered_json;

enum Component : std::size_t {
  offchip,
  ifmap_buffer,
  weight_buffer,
  psum_buffer,
  ofmap_buffer,
  param_buffer,
  inst_buffer,
  pe_array,
  post_processor,
  component_count
};
constexpr std::array<const char*, component_count> component_names{
    "off-chip memory",    "ifmap buffer", "weight and index buffer",
    "psum buffer",        "ofmap buffer", "parameter buffer",
    "instruction buffer", "PE array",     "post-processor"};

/// No default: an event that is added has to be put somewhere.
Component component_of(Event event) {
  switch (event) {
    case Event::mem_rd_req:
    case Event::mem_rd_beat:
    case Event::mem_wr_beat:
      return offchip;
    case Event::inst_wr:
      return inst_buffer;
    case Event::ifmap_wr:
    case Event::ifmap_rd:
      return ifmap_buffer;
    case Event::weight_wr:
    case Event::weight_rd:
    case Event::index_wr:
    case Event::index_rd:
      return weight_buffer;
    case Event::param_wr:
    case Event::param_rd:
      return param_buffer;
    case Event::psum_rd:
    case Event::psum_wr:
      return psum_buffer;
    case Event::ofmap_wr:
    case Event::ofmap_rd:
      return ofmap_buffer;
    case Event::pe_weight:
    case Event::pe_active:
    case Event::act_zero:
    case Event::mac_gated:
    case Event::acc_overflow:
      return pe_array;
    case Event::post_op:
      return post_processor;
  }
  throw InternalError("an event belongs to no component");
}

ArchConfig config_of(const Json& values) {
  ArchConfig config;
  for (const auto& [key, value] : values.items()) {
    set(config, key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return config;
}

/// Picojoules by component.
std::array<double, component_count> split(const Json& events, const ArchConfig& config,
                                          const EnergyTable& table) {
  std::array<double, component_count> out{};
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    const auto count = events.value(event_text[i].name, std::uint64_t{0});
    out[component_of(event)] += static_cast<double>(count) * energy_of(event, config, table).value;
  }
  return out;
}

/// Adds energy_split, or energy_note with the reason why there is none.
void add_energy(Json& page, const Json& run, const ArchConfig& config) {
  const Json& totals = run.at("totals");
  const EnergyTable& table = default_energy_table();
  page["energy_split"] = nullptr;
  if (totals.at("energy_table") != table.name) {
    page["energy_note"] = "The energy of this run is from the table " +
                          totals.at("energy_table").get<std::string>() +
                          ", which this tactus does not have: it cannot be split by component.";
    return;
  }
  Json out = {{"groups", component_names}, {"layers", Json::array()}};
  std::array<double, component_count> total{};
  double sum = 0;
  for (const Json& layer : run.at("layers")) {
    const auto parts = split(layer.at("events"), config, table);
    for (std::size_t i = 0; i < component_count; ++i) {
      total[i] += parts[i];
      sum += parts[i];
    }
    out["layers"].push_back(parts);
  }
  const auto stated = totals.at("energy_pj").at("value").get<double>();
  if (std::fabs(sum - stated) > 1e-6 * std::fabs(stated)) {
    page["energy_note"] = "The energy of this run is not that of this tactus's table " +
                          table.name + " (another version): it cannot be split by component.";
    return;
  }
  out["total"] = total;
  page["energy_split"] = std::move(out);
}

/// Peak and bandwidth; the lanes are those that the layers' utilisation implies.
Json roof_of(const Json& run, const ArchConfig& config) {
  const double pes = static_cast<double>(config.hw_array_rows * config.hw_array_cols);
  std::set<int> lanes;
  for (const Json& layer : run.at("layers")) {
    const double use = layer.at("utilization").get<double>();
    const double cycles = layer.at("cycles").get<double>();
    if (use <= 0 || use >= 1 || cycles <= 0) continue;
    lanes.insert(static_cast<int>(
        std::lround(layer.at("macs_executed").get<double>() / (cycles * pes * use))));
  }
  lanes.erase(0);
  if (lanes.empty()) lanes.insert(1);
  return {{"pes", config.hw_array_rows * config.hw_array_cols},
          {"lanes", lanes},
          {"beat_bytes", config.beat_bytes()},
          {"bytes_per_cycle",
           static_cast<double>(config.beat_bytes()) / static_cast<double>(config.beat_interval())}};
}

Json page_of(const Json& run) {
  Json page = {{"kind", "run"}, {"run", run}, {"event_text", Json::array()}};
  for (const EventText& e : event_text) {
    page["event_text"].push_back({{"name", e.name}, {"unit", e.unit}, {"doc", e.doc}});
  }
  const ArchConfig config = config_of(run.at("config").at("values"));
  add_energy(page, run, config);
  page["roof"] = roof_of(run, config);
  return page;
}

}  // namespace

ResultPage run_page(const std::string& path, const std::string& text) {
  const Json run = Json::parse(text, nullptr, false);
  if (run.is_discarded() || !run.is_object()) throw BadInput(path + ": is no JSON object", path);
  const std::string schema = run.value("schema", "");
  if (schema != "tactus.run/1" && schema != "tactus.check/1") {
    throw BadInput(path + ": schema " + (schema.empty() ? "is missing" : "is " + schema) +
                       ", a page is made from tactus.run/1 or tactus.check/1",
                   path);
  }
  ResultPage out;
  out.kind = "run";
  try {
    out.items = run.at("layers").size();
    const Json page = page_of(run);
    out.html = page_with_json("tactus: " + run.at("model").at("name").get<std::string>() + " on " +
                                  run.at("backend").get<std::string>(),
                              page.dump(-1, ' ', false, Json::error_handler_t::replace));
  } catch (const Json::exception& e) {
    throw BadInput(path + ": is no complete result (" + e.what() + ")", path);
  } catch (const BadInput& e) {
    throw BadInput(path + ": " + e.what(), path);
  }
  return out;
}

}  // namespace tactus::page
