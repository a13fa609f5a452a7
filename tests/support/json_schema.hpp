// SPDX-License-Identifier: Apache-2.0
// The part of JSON Schema that sim/report/schema uses; an unknown keyword is an error.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace tactus::testing {

/// Empty when `value` obeys `schema`, otherwise where and why not.
class SchemaCheck {
 public:
  explicit SchemaCheck(nlohmann::json schema) : root_(std::move(schema)) {}

  [[nodiscard]] std::string operator()(const nlohmann::json& value) const {
    return check(root_, value, "$");
  }

 private:
  using Json = nlohmann::json;

  static bool has_type(const Json& v, const std::string& type) {
    if (type == "object") return v.is_object();
    if (type == "array") return v.is_array();
    if (type == "string") return v.is_string();
    if (type == "boolean") return v.is_boolean();
    if (type == "null") return v.is_null();
    if (type == "integer") return v.is_number_integer();
    return type == "number" && v.is_number();
  }

  [[nodiscard]] std::string check(const Json& s, const Json& v, const std::string& at) const {
    for (const auto& [key, arg] : s.items()) {
      std::string problem;
      if (key == "$ref") {
        problem = check(root_.at(Json::json_pointer(arg.get<std::string>().substr(1))), v, at);
      } else if (key == "type") {
        const Json list = arg.is_array() ? arg : Json::array({arg});
        if (std::none_of(list.begin(), list.end(),
                         [&](const Json& t) { return has_type(v, t.get<std::string>()); })) {
          problem = at + " is not of type " + arg.dump();
        }
      } else if (key == "const") {
        if (v != arg) problem = at + " is not " + arg.dump();
      } else if (key == "enum") {
        if (std::find(arg.begin(), arg.end(), v) == arg.end()) problem = at + " is not in enum";
      } else if (key == "anyOf") {
        problem = at + " fits no alternative";
        for (const Json& option : arg) {
          if (check(option, v, at).empty()) problem.clear();
        }
      } else if (key == "minimum") {
        if (v.is_number() && v < arg) problem = at + " is below " + arg.dump();
      } else if (key == "maximum") {
        if (v.is_number() && v > arg) problem = at + " is above " + arg.dump();
      } else if (key == "minLength") {
        if (v.is_string() && v.get<std::string>().size() < arg) problem = at + " is too short";
      } else if (key == "pattern") {
        if (v.is_string() &&
            !std::regex_search(v.get<std::string>(), std::regex(arg.get<std::string>()))) {
          problem = at + " does not match " + arg.dump();
        }
      } else if (key == "required") {
        for (const Json& name : arg) {
          if (v.is_object() && !v.contains(name.get<std::string>())) {
            problem = at + " lacks " + name.dump();
          }
        }
      } else if (key == "properties" || key == "additionalProperties") {
        if (v.is_object()) problem = members(s, v, at);
      } else if (key == "items") {
        for (std::size_t i = 0; v.is_array() && i < v.size() && problem.empty(); ++i) {
          problem = check(arg, v[i], at + "[" + std::to_string(i) + "]");
        }
      } else if (key != "$schema" && key != "title" && key != "$defs") {
        problem = "the schema uses " + key;
      }
      if (!problem.empty()) return problem;
    }
    return {};
  }

  [[nodiscard]] std::string members(const Json& s, const Json& v, const std::string& at) const {
    const Json known = s.value("properties", Json::object());
    const Json other = s.value("additionalProperties", Json(true));
    for (const auto& [name, member] : v.items()) {
      const std::string where = at + "." + name;
      std::string problem;
      if (known.contains(name)) {
        problem = check(known.at(name), member, where);
      } else if (other.is_object()) {
        problem = check(other, member, where);
      } else if (!other.get<bool>()) {
        problem = where + " is not in the schema";
      }
      if (!problem.empty()) return problem;
    }
    return {};
  }

  Json root_;
};

}  // namespace tactus::testing
