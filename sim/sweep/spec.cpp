// SPDX-License-Identifier: Apache-2.0
#include "sweep/spec.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "arch/ini_file.hpp"
#include "numerics/errors.hpp"
#include "sweep/objective.hpp"

namespace tactus::sweep {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_points = 1'000'000'000'000'000;
constexpr std::uint64_t most_grid_points = 50'000'000;

/// Line numbers of section.key, for messages.
std::map<std::string, int> lines_of(const std::string& text) {
  std::map<std::string, int> lines;
  std::istringstream stream(text);
  std::string section;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    line = trimmed(line.substr(0, line.find('#')));
    if (line.size() > 2 && line.front() == '[' && line.back() == ']') {
      section = line.substr(1, line.size() - 2);
    } else if (const auto equals = line.find('='); equals != std::string::npos) {
      lines.emplace(section + "." + trimmed(line.substr(0, equals)), number);
    }
  }
  return lines;
}

class Reader {
 public:
  Reader(const std::string& text, const std::string& name, fs::path folder)
      : folder_(std::move(folder)) {
    spec_.file = name;
    spec_.text = text;
    lines_ = lines_of(text);
  }

  Spec read() {
    std::istringstream stream(spec_.text);
    const auto entries = parse_ini(stream, spec_.file);
    // The preset and the configuration come first, wherever they stand.
    spec_.base = preset("edge_16");
    for (const std::string first : {"sweep.preset", "sweep.config"}) {
      for (const auto& [key, value] : entries) {
        if (key == first) guarded(key, value, [&, v = value] { read_base(first, v); });
      }
    }
    for (const auto& [key, value] : entries) {
      guarded(key, value, [&, k = key, v = value] { read_entry(k, v); });
    }
    check();
    return std::move(spec_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw BadInput(spec_.file + ": " + why, spec_.file);
  }

  /// Runs `body`; its BadInput gets file, line, key and value in front.
  template <typename Body>
  void guarded(const std::string& key, const std::string& value, const Body& body) {
    try {
      body();
    } catch (const BadInput& e) {
      const auto line = lines_.find(key);
      const auto dot = key.find('.');
      const std::string place = line == lines_.end() ? "" : ":" + std::to_string(line->second);
      const std::string shown =
          dot == std::string::npos ? key : "[" + key.substr(0, dot) + "] " + key.substr(dot + 1);
      throw BadInput(spec_.file + place + ": " + shown + "=" + value + ": " + e.what(), spec_.file);
    }
  }

  void read_base(const std::string& key, const std::string& value) {
    if (key == "sweep.preset") {
      spec_.base = preset(value);
    } else {
      spec_.base = read_config((folder_ / value).string(), spec_.base);
    }
  }

  void read_entry(const std::string& key, const std::string& value) {
    const auto dot = key.find('.');
    const std::string section = key.substr(0, std::min(dot, key.size()));
    const std::string name = dot == std::string::npos ? "" : key.substr(dot + 1);
    if (section == "sweep" && !name.empty()) return read_option(name, value);
    if (section == "models" && !name.empty()) return read_model(name, value);
    if (section == "axes" && !name.empty()) return read_axis(name, value);
    if (section == "set" && !name.empty()) {
      set(spec_.base, name, value);
      fixed_.insert(name);
      return;
    }
    if (section == "constraints" && !name.empty()) return read_constraint(name, value);
    throw BadInput("there are the sections sweep, models, axes, set and constraints only");
  }

  static std::uint64_t number(const std::string& value) {
    const auto n = whole_number(value);
    if (!n || *n < 0) throw BadInput("is not a whole number of 0 or more");
    return static_cast<std::uint64_t>(*n);
  }

  void read_option(const std::string& name, const std::string& value) {
    if (name == "preset" || name == "config") return;
    if (name == "sampler") {
      if (value != "grid" && value != "random") throw BadInput("a sampler is grid or random");
      spec_.random = value == "random";
    } else if (name == "samples") {
      spec_.samples = number(value);
    } else if (name == "seed") {
      spec_.seed = number(value);
    } else if (name == "objectives") {
      for (const auto& objective : comma_list(value)) {
        spec_.objectives.push_back(find_objective(objective).name);
      }
    } else if (name == "accuracy") {
      spec_.accuracy = value != "off";
      if (value != "off" && value != "auto") {
        spec_.accuracy_limit = number(value);
        if (spec_.accuracy_limit == 0) throw BadInput("is not auto, off or a number from 1 on");
      }
    } else if (name == "inputs") {
      spec_.inputs = value;
    } else if (name == "value_events") {
      if (value != "true" && value != "false") throw BadInput("must be true or false");
      spec_.value_events = value == "true";
    } else {
      throw BadInput(
          "there are preset, config, sampler, samples, seed, objectives, accuracy, inputs and "
          "value_events only");
    }
  }

  void read_model(const std::string& label, const std::string& value) {
    const auto good = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    };
    if (!std::all_of(label.begin(), label.end(), good)) {
      throw BadInput("a label has letters, digits, '_', '-' and '.' only");
    }
    ModelEntry entry;
    entry.label = label;
    std::istringstream words(value);
    for (std::string word; words >> word;) entry.synth.push_back(word);
    if (entry.synth.empty()) throw BadInput("names no model file");
    if (entry.synth[0] == "synth") {
      entry.synth.erase(entry.synth.begin());
      // The only option with a path.
      for (std::size_t i = 1; i < entry.synth.size(); ++i) {
        if (entry.synth[i - 1] == "--topology") {
          entry.synth[i] = (folder_ / entry.synth[i]).string();
        }
      }
    } else {
      entry.synth.clear();
      entry.file = (folder_ / value).string();
    }
    spec_.models.push_back(std::move(entry));
  }

  void read_axis(const std::string& keys, const std::string& values) {
    Axis axis = parse_axis(keys, values);
    for (const auto& key : axis.keys) {
      if (!varied_.insert(key).second) throw BadInput("key " + key + " is on two axes");
    }
    spec_.axes.push_back(std::move(axis));
  }

  void read_constraint(const std::string& name, const std::string& value) {
    Constraint constraint{name, Expression(value)};
    // Every name has to be a key (with a dot), `model` or a word; the base shows it.
    static_cast<void>(constraint.condition.holds(
        [&](const std::string& word) { return look_up(spec_.base, "", word); }));
    spec_.constraints.push_back(std::move(constraint));
  }

  void check() {
    if (spec_.models.empty()) refuse("section [models] names no model");
    for (const auto& key : fixed_) {
      if (varied_.count(key) != 0) refuse("key " + key + " is in [set] and on an axis");
    }
    if (spec_.random && spec_.samples == 0) refuse("[sweep] sampler=random needs samples=N");
    if (!spec_.random && spec_.samples != 0) {
      refuse("[sweep] samples=" + std::to_string(spec_.samples) + " needs sampler=random");
    }
    if (spec_.objectives.empty()) spec_.objectives = {"cycles", "energy"};
    std::uint64_t size = spec_.models.size();
    for (const auto& axis : spec_.axes) {
      if (size > most_points / axis.values.size()) {
        refuse("[axes] span more than 10^15 points");
      }
      size *= axis.values.size();
    }
    if (!spec_.random && size > most_grid_points) {
      refuse("[axes] span " + std::to_string(size) +
             " points, more than 50000000: choose sampler=random with samples=N");
    }
    if (spec_.random && spec_.samples > most_grid_points) {
      refuse("[sweep] samples=" + std::to_string(spec_.samples) + " is more than 50000000");
    }
  }

  Spec spec_;
  fs::path folder_;
  std::map<std::string, int> lines_;
  std::set<std::string> fixed_, varied_;
};

}  // namespace

Expression::Found look_up(const ArchConfig& config, const std::string& model,
                          const std::string& name) {
  if (name == "model") return {true, model};
  if (name == "true" || name == "false") return {true, std::int64_t{name == "true"}};
  if (name.find('.') == std::string::npos) return {};
  const std::string text = get(config, name);
  if (text == "true") return {true, std::int64_t{1}};
  if (text == "false") return {true, std::int64_t{0}};
  if (const auto number = whole_number(text)) return {true, *number};
  return {true, text};
}

std::uint64_t Spec::grid_size() const {
  std::uint64_t size = models.size();
  for (const auto& axis : axes) size *= axis.values.size();
  return size;
}

std::string Spec::canonical() const {
  std::ostringstream out;
  for (const auto& [key, value] : effective(base)) out << key << "=" << value << "\n";
  for (const auto& axis : axes) {
    out << "axis";
    for (const auto& key : axis.keys) out << " " << key;
    for (const auto& position : axis.values) {
      for (const auto& value : position) out << " " << value;
    }
    out << "\n";
  }
  for (const auto& c : constraints)
    out << "constraint " << c.name << " " << c.condition.text() << "\n";
  if (random) out << "random " << samples << " " << seed << "\n";
  out << "accuracy " << accuracy << " " << accuracy_limit << "\nvalue_events " << value_events
      << "\ninputs " << inputs << "\n";
  return out.str();
}

Spec parse_spec(const std::string& text, const std::string& name, const std::string& folder) {
  return Reader(text, name, folder).read();
}

Spec read_spec(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || fs::is_directory(path)) {
    throw BadInput("cannot read the sweep specification " + path, path);
  }
  return parse_spec(text.str(), path, fs::path(path).parent_path().string());
}

}  // namespace tactus::sweep
