// SPDX-License-Identifier: Apache-2.0
// config, synth, rtl-build and --version.
#include <algorithm>
#include <array>
#include <sstream>

#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "hdf5/model_file.hpp"
#include "numerics/errors.hpp"
#include "report/report.hpp"
#include "run/backends.hpp"
#if TACTUS_WITH_RTL
#include "rtl_host/rtl_builder.hpp"
#endif

namespace tactus {

namespace {

std::string config_text(const ArchConfig& config) {
  std::ostringstream out;
  out << "# config hash " << config_hash(config) << "\n";
  std::string section;
  for (const auto& field : arch_fields()) {
    const auto dot = field.key.find('.');
    if (field.key.substr(0, dot) != section) {
      section = field.key.substr(0, dot);
      out << "\n[" << section << "]\n";
    }
    const std::string line = field.key.substr(dot + 1) + " = " + get(config, field.key);
    out << line << std::string(line.size() < 28 ? 28 - line.size() : 1, ' ') << "# " << field.doc
        << " (" << field.range << (field.unit.empty() ? "" : " " + field.unit) << ", "
        << name_of(field.binding) << ")\n";
  }
  return out.str();
}

/// Comma-separated numbers, `least` to N of them; the rest stay as given.
template <std::size_t N>
std::array<int, N> numbers(const std::string& option, const std::string& text, const char* form,
                           std::size_t least, std::array<int, N> out) {
  std::size_t count = 0, begin = 0;
  while (begin <= text.size() && count <= N) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string field = text.substr(begin, end - begin);
    const bool good = !field.empty() && field.size() <= 9 &&
                      field.find_first_not_of("0123456789") == std::string::npos;
    if (!good || count == N) throw BadInput(option + " " + text + " is not " + form);
    out[count++] = std::stoi(field);
    begin = end + 1;
  }
  if (count < least) throw BadInput(option + " " + text + " is not " + form);
  return out;
}

Network synth_conv(const CommandLine& line) {
  const auto v = numbers<7>("--conv", line.conv, "C,H,W,K,k,s or C,H,W,K,k,s,GROUPS", 6,
                            {0, 0, 0, 0, 0, 0, 1});
  return make_conv({v[0], v[1], v[2], v[3], v[4], v[5], v[6]}, line.synth);
}

}  // namespace

Network synth_network(const CommandLine& line) {
  std::vector<std::string> names = line.positional;
  if (!line.conv.empty() && names == std::vector<std::string>{"conv"}) names.clear();
  const int sources = (line.topology.empty() ? 0 : 1) + (line.gemm.empty() ? 0 : 1) +
                      (line.conv.empty() ? 0 : 1) + static_cast<int>(names.size());
  if (sources != 1) {
    throw BadInput("tactus synth takes one of a NAME (" + synth_name_list() +
                   "), --conv C,H,W,K,k,s, --gemm M,N,K and --topology FILE");
  }
  if (!line.topology.empty()) return make_topology(line.topology, line.synth);
  if (!line.conv.empty()) return synth_conv(line);
  if (!line.gemm.empty()) {
    const auto v = numbers<3>("--gemm", line.gemm, "M,N,K", 3, {});
    return make_gemm(v[0], v[1], v[2], line.synth);
  }
  if (names[0] == "conv") throw BadInput("synth conv needs --conv C,H,W,K,k,s");
  return make_named(names[0], line.synth);
}

int config_verb(const CommandLine& line) {
  if (!line.positional.empty()) throw BadInput("tactus config takes options only");
  validate(line.config);
  show(line.json, config_text(line.config), config_to_json(line.config));
  return 0;
}

int synth_verb(const CommandLine& line) {
  if (line.output.empty()) throw BadInput("tactus synth needs -o FILE");
  const Network network = synth_network(line);
  ModelFile::write(line.output, network);
  std::int64_t macs = 0;
  for (const auto& layer : network.layers) macs += macs_of(layer);
  const std::string layers = std::to_string(network.layers.size());
  show(line.json,
       line.output + ": " + network.name + ", " + layers + " layers, " + std::to_string(macs) +
           " MACs\n",
       "{\"schema\":\"tactus.synth/1\",\"layers\":" + layers + ",\"macs\":" + std::to_string(macs) +
           "}\n");
  return 0;
}

int rtl_build_verb(const CommandLine& line) {
  if (!line.positional.empty()) throw BadInput("tactus rtl-build takes options only");
  validate(line.config);
#if TACTUS_WITH_RTL
  std::string path;
  {
    ConsoleProgress progress(line.quiet);
    path = build_rtl(line.config, line.optimise, progress.callback());
  }
  show(line.json, path + "\n",
       "{\"schema\":\"tactus.rtl_build/1\",\"elab_hash\":\"" + elab_hash(line.config) + "\"}\n");
  return 0;
#else
  throw BadInput("this build has no rtl back end (configured with TACTUS_WITH_RTL=OFF)");
#endif
}

std::string version_text() {
  std::string text = std::string(tool_text) + "\nback ends:";
  for (const auto& name : backend_names()) text += " " + name;
  text += "\n";
#if TACTUS_WITH_RTL
  text += "rtl builds:\n";
  for (const auto& build : list_rtl_builds()) text += "  " + build + "\n";
#endif
  return text;
}

}  // namespace tactus
