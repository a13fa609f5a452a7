// SPDX-License-Identifier: Apache-2.0
// SCALE-Sim topology files.
#include <algorithm>
#include <fstream>

#include "numerics/errors.hpp"
#include "synth/layer_maker.hpp"
#include "synth/synth.hpp"

namespace tactus {
namespace {

/// Fields without surrounding blanks; an empty last field (trailing comma) is dropped.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::size_t begin = 0;
  while (begin <= line.size()) {
    const std::size_t comma = std::min(line.find(',', begin), line.size());
    std::string field = line.substr(begin, comma - begin);
    const std::size_t first = field.find_first_not_of(" \t\r");
    const std::size_t last = field.find_last_not_of(" \t\r");
    fields.push_back(first == std::string::npos ? "" : field.substr(first, last - first + 1));
    begin = comma + 1;
  }
  while (!fields.empty() && fields.back().empty()) fields.pop_back();
  return fields;
}

class Topology {
 public:
  Topology(const std::string& path, const SynthOptions& options)
      : path_(path), whole_(synth::parse_sparsity(options.sparsity)), make_("topology", options) {}

  Network read() {
    std::ifstream file(path_);
    if (!file) throw BadInput(path_ + ": cannot be read", path_);
    std::string line;
    bool header_seen = false;
    while (std::getline(file, line)) {
      ++line_;
      const std::vector<std::string> fields = split(line);
      if (fields.empty()) continue;
      if (header_seen) {
        row(fields);
      } else {
        header_seen = true;
        is_gemm_ = fields.size() >= 4 && fields[1] == "M" && fields[2] == "N" && fields[3] == "K";
        if (!is_gemm_ && fields.size() < 8) fail("the header has neither M, N, K nor 8 columns");
      }
    }
    if (outputs_.empty()) throw BadInput(path_ + ": has no layer", path_);
    return make_.finish(outputs_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw BadInput(path_ + ":" + std::to_string(line_) + ": " + what, path_);
  }

  int number(const std::vector<std::string>& fields, std::size_t column) const {
    const std::string& text = fields[column];
    const bool good = !text.empty() && text.size() <= 7 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
    const int value = good ? std::stoi(text) : 0;
    if (value < 1 || value > 1 << 20) {
      fail("column " + std::to_string(column + 1) + " = '" + text + "' is outside 1..1048576");
    }
    return value;
  }

  void row(const std::vector<std::string>& fields) {
    const std::size_t columns = is_gemm_ ? 4 : 8;
    if (fields.size() != columns && fields.size() != columns + 1) {
      fail("has " + std::to_string(fields.size()) + " columns instead of " +
           std::to_string(columns));
    }
    make_.use_sparsity(fields.size() > columns ? synth::parse_sparsity(fields[columns]) : whole_);
    std::string name = fields[0].empty() ? "layer" : fields[0];
    for (char& c : name) {
      const bool keep = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || c == '_' || c == '-';
      if (!keep) c = '_';
    }
    const std::string input = "in_" + std::to_string(outputs_.size());
    synth::LayerMaker::Conv conv;
    if (is_gemm_) {
      conv.out_channels = number(fields, 2);
      conv.in_channels = number(fields, 3);
      make_.input(input, Shape{conv.in_channels, 1, number(fields, 1)});
    } else {
      const Shape shape{number(fields, 5), number(fields, 1), number(fields, 2)};
      conv.kernel_h = number(fields, 3);
      conv.kernel_w = number(fields, 4);
      conv.in_channels = shape.c;
      conv.out_channels = number(fields, 6);
      conv.stride = number(fields, 7);
      if (conv.kernel_h > shape.h || conv.kernel_w > shape.w) {
        fail("the filter is larger than the input feature map");
      }
      conv.padding[2] = missing(shape.h - conv.kernel_h, conv.stride);
      conv.padding[3] = missing(shape.w - conv.kernel_w, conv.stride);
      make_.input(input, shape);
    }
    outputs_.push_back(make_.conv(name, input, conv, synth::Output::relu));
  }

  /// What must be added to `distance` to make it a multiple of the stride.
  static int missing(int distance, int stride) { return (stride - distance % stride) % stride; }

  std::string path_;
  synth::Sparsity whole_;
  synth::LayerMaker make_;
  bool is_gemm_ = false;
  int line_ = 0;
  std::vector<std::string> outputs_;
};

}  // namespace

Network make_topology(const std::string& csv_path, const SynthOptions& options) {
  return Topology(csv_path, options).read();
}

}  // namespace tactus
