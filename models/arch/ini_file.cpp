// SPDX-License-Identifier: Apache-2.0
#include "arch/ini_file.hpp"

#include <boost/program_options.hpp>
#include <istream>
#include <set>

#include "numerics/errors.hpp"

namespace tactus {

std::vector<std::pair<std::string, std::string>> parse_ini(std::istream& text,
                                                           const std::string& name) {
  namespace po = boost::program_options;
  std::vector<std::pair<std::string, std::string>> entries;
  std::set<std::string> seen;
  try {
    const po::options_description none;
    const auto parsed = po::parse_config_file(text, none, true);
    for (const auto& option : parsed.options) {
      if (!seen.insert(option.string_key).second) {
        throw BadInput(name + ": " + option.string_key + " is given twice", name);
      }
      entries.emplace_back(option.string_key, option.value.empty() ? "" : option.value.front());
    }
  } catch (const po::error& e) {
    throw BadInput(name + ": " + e.what(), name);
  }
  return entries;
}

}  // namespace tactus
