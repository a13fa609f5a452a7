// SPDX-License-Identifier: Apache-2.0
// golden: export and verification of golden sets.
#include <algorithm>
#include <charconv>
#include <iostream>

#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "numerics/errors.hpp"
#include "run/backends.hpp"
#include "vectors/vectors.hpp"

namespace tactus {

namespace {

constexpr std::int64_t widest_word = 65536;

/// True for the first of two words, false for the second; throws BadInput for any other.
bool choice(const char* option, const std::string& text, const char* first, const char* second) {
  if (text == first) return true;
  if (text == second) return false;
  throw BadInput(std::string(option) + " takes " + first + " or " + second + ", not " + text);
}

/// Numbers and ranges: 3, 5-9.
std::vector<std::size_t> numbers(const char* option, const std::vector<std::string>& texts) {
  std::vector<std::size_t> out;
  for (const std::string& text : texts) {
    const std::size_t dash = text.find('-');
    const auto number = [&](const std::string& digits) {
      std::size_t value = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (error != std::errc() || end != digits.data() + digits.size()) {
        throw BadInput(std::string(option) + " takes numbers and ranges like 3,5-9, not " + text);
      }
      return value;
    };
    const std::size_t first = number(text.substr(0, dash));
    const std::size_t last = dash == std::string::npos ? first : number(text.substr(dash + 1));
    if (last < first || last - first > 1'000'000) {
      throw BadInput(std::string(option) + " " + text + " is no range");
    }
    for (std::size_t i = first; i <= last; ++i) out.push_back(i);
  }
  return out;
}

std::int64_t in_range(const char* option, std::int64_t value, std::int64_t least,
                      std::int64_t most) {
  if (value >= least && value <= most) return value;
  throw BadInput(std::string(option) + " takes " + std::to_string(least) + " to " +
                 std::to_string(most) + ", not " + std::to_string(value));
}

golden::Options options_of(const CommandLine& line) {
  const GoldenOptions& typed = line.golden;
  golden::Options out;
  out.inputs = line.inputs;
  out.images = numbers("--images", typed.images);
  out.layers = typed.layers;
  out.tile_ops = numbers("--tile-ops", typed.tile_ops);
  out.hex = out.bin = out.npy = out.hdf5 = false;
  for (const std::string& format : typed.formats) {
    if (format == "hex") {
      out.hex = true;
    } else if (format == "bin") {
      out.bin = true;
    } else if (format == "npy") {
      out.npy = true;
    } else if (format == "hdf5") {
      out.hdf5 = true;
    } else {
      throw BadInput("--formats takes a list of hex, bin, npy and hdf5, not " + format);
    }
  }
  out.packing.word_bits = in_range("--word-bits", typed.word_bits, 0, widest_word);
  out.packing.lane0_low = choice("--lane-order", typed.lane_order, "low", "high");
  out.packing.little_endian = choice("--endian", typed.endian, "little", "big");
  out.packing.unit_rows = choice("--rows", typed.rows, "unit", "column");
  out.packing.carrier_fields = choice("--fields", typed.fields, "carrier", "exact");
  out.packing.base_address =
      in_range("--base-address", typed.base_address, 0, std::int64_t{1} << 40);
  out.bench = typed.bench;
  constexpr std::int64_t most_lanes = 256;
  out.bench_rows = in_range("--bench-rows", typed.bench_rows, 0, most_lanes);
  out.bench_cols = in_range("--bench-cols", typed.bench_cols, 0, most_lanes);
  constexpr std::int64_t most_steps = 65536;
  out.bench_fold = in_range("--bench-fold", typed.bench_fold, 0, most_steps);
  out.witnesses = typed.witnesses;
  return out;
}

GoldenReport verify(const CommandLine& line) {
  if (line.positional.size() > 1) {
    throw BadInput("tactus golden --verify DIR takes at most one MODEL, got " +
                   std::to_string(line.positional.size()));
  }
  if (line.config_given) {
    throw BadInput("tactus golden --verify takes the architecture of the set, no other one");
  }
  VerifyRequest request;
  request.folder = line.golden.verify;
  if (!line.positional.empty()) request.model = line.positional[0];
  request.inputs = line.inputs;
  if (line.backend == "ref") {
    throw BadInput("tactus golden --verify compares cycles, and the back end ref has none");
  }
  if (line.fault != 0 && line.backend != line.fault_backend) {
    throw BadInput("--fault " + std::to_string(line.fault) + " is one of " + line.fault_backend +
                   ", but --backend is " + line.backend);
  }
  const auto& names = backend_names();
  const bool known = std::find(names.begin(), names.end(), line.backend) != names.end();
  request.backend = known || line.backend != "systemc" ? line.backend : "fast";
  request.fault = line.fault;
  ConsoleProgress progress(line.quiet);
  return verify_golden(request, progress.callback());
}

GoldenReport write_set(const CommandLine& line) {
  if (line.positional.size() != 1 || line.golden.out.empty()) {
    throw BadInput("tactus golden takes a MODEL and --out DIR, or --verify DIR");
  }
  golden::Options options = options_of(line);
  Job job = make_job(line.positional[0], line.config, line.inputs, line.limit);
  if (options.images.empty() && line.limit > 0) {
    for (std::size_t i = 0; i < job.workload.inferences.size(); ++i) options.images.push_back(i);
  }
  job.fault = line.fault;
  job.fault_backend = line.fault_backend;
  const Announce announce = [&](const std::string& text) {
    if (!line.quiet) std::cerr << text << std::endl;
  };
  ConsoleProgress progress(line.quiet);
  return export_golden(std::move(job), std::move(options), line.golden.out, announce,
                       progress.callback());
}

}  // namespace

int golden_verb(const CommandLine& line) {
  if (!line.golden.out.empty() && !line.golden.verify.empty()) {
    throw BadInput("tactus golden takes --out or --verify, not both");
  }
  if (line.backpressure != 0) {
    throw BadInput("tactus golden compares cycles, which --backpressure changes");
  }
  const GoldenReport report = line.golden.verify.empty() ? write_set(line) : verify(line);
  show(line.json, to_text(report), to_json(report));
  return report.problems.empty() ? 0 : 1;
}

}  // namespace tactus
