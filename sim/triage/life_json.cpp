// SPDX-License-Identifier: Apache-2.0
// The life of an element as JSON (report/schema/explain.schema.json); the only file of this folder
// that writes JSON.
#include <nlohmann/json.hpp>

#include "report/report.hpp"
#include "triage/element_life.hpp"

namespace tactus::triage {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json place_of(const LifeTerm& t) {
  return {{"tap", {t.ky, t.kx}},
          {"input", {t.c, t.y, t.x}},
          {"padding", t.padding},
          {"stored", t.padding ? Json(nullptr) : Json(t.input)},
          {"operand", t.activation}};
}

Json term_of(const LifeTerm& t) {
  Json j = place_of(t);
  j["unit"] = t.unit < 0 ? Json(nullptr) : Json(t.unit);
  j["weight_index"] = t.weight_index;
  j["weight"] = t.weight;
  j["weight_operand"] = t.weight_operand;
  j["product"] = t.product;
  return j;
}

Json steps_of(const std::vector<Step>& steps) {
  Json list = Json::array();
  for (const Step& s : steps) {
    list.push_back({{"name", s.name}, {"formula", s.formula}, {"value", s.value}});
  }
  return list;
}

}  // namespace

std::string to_json(const ElementLife& life, const LifeCheck& check) {
  Json j = {{"schema", "tactus.explain/1"},
            {"tool", tool_text},
            {"layer", life.layer},
            {"op", life.layer_op},
            {"element", {life.n, life.c, life.y, life.x}},
            {"reads", life.input},
            {"second", life.second.empty() ? Json(nullptr) : Json(life.second)},
            {"from", nullptr},
            {"weights", nullptr},
            {"folds", Json::array()},
            {"window", Json::array()},
            {"bias", or_null(life.bias)},
            {"accumulator", or_null(life.accumulator)},
            {"steps", steps_of(life.steps)},
            {"value", life.value},
            {"residual", nullptr},
            {"tile_ops", Json::array()},
            {"reference", or_null(check.reference)},
            {"golden", or_null(check.golden)}};
  if (life.from) {
    j["from"] = {{"tensor", life.from->tensor},
                 {"element", {life.from->c, life.from->y, life.from->x}},
                 {"in_place", life.in_place}};
  }
  if (!life.weight_dataset.empty()) {
    j["weights"] = {
        {"file", life.weight_file}, {"dataset", life.weight_dataset}, {"shape", life.weight_shape}};
  }
  for (const LifeFold& f : life.folds) {
    Json terms = Json::array();
    for (const LifeTerm& t : f.terms) terms.push_back(term_of(t));
    j["folds"].push_back({{"fold", f.number < 0 ? Json(nullptr) : Json(f.number)},
                          {"terms", std::move(terms)},
                          {"sum", f.sum},
                          {"accumulator", f.accumulator},
                          {"overflow", f.overflowed}});
  }
  for (const LifeTerm& t : life.window) j["window"].push_back(place_of(t));
  if (life.continued_value) {
    j["residual"] = {{"layer", life.continued},
                     {"steps", steps_of(life.continued_steps)},
                     {"value", *life.continued_value}};
  }
  for (const LifeOp& o : life.ops) {
    j["tile_ops"].push_back({{"queue", name_of(o.queue)},
                             {"seq", o.seq},
                             {"start", o.start},
                             {"retire", o.retire},
                             {"role", o.role},
                             {"op", o.text}});
  }
  return j.dump(2) + "\n";
}

}  // namespace tactus::triage
