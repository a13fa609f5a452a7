// SPDX-License-Identifier: Apache-2.0
#include "run/observation.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "fast/fast_backend.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "waves/signal_list.hpp"
#if TACTUS_WITH_RTL
#include "rtl_host/rtl_builder.hpp"
#endif

namespace tactus {
namespace {

namespace fs = std::filesystem;

std::string temporary(const std::string& file) { return file + ".tmp" + std::to_string(getpid()); }

/// Puts a finished file in place of an older one.
void move_over(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    fs::remove(from, error);
    throw BadInput("cannot write " + to, to);
  }
}

void write_text(const std::string& path, const std::string& text) {
  const std::string part = temporary(path);
  std::ofstream out(part, std::ios::binary);
  out << text;
  if (!out.flush()) throw BadInput("cannot write " + path, path);
  out.close();
  move_over(part, path);
}

std::optional<Cycle> number(const std::string& text) {
  if (text.empty() || text.size() > 18 ||
      text.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return std::stoull(text);
}

}  // namespace

std::pair<Cycle, Cycle> wave_window(const Job& job, const std::string& window) {
  const std::size_t colon = window.find(':');
  if (colon != std::string::npos) {
    const auto begin = number(window.substr(0, colon)), end = number(window.substr(colon + 1));
    if (!begin || !end || *end <= *begin) {
      throw BadInput("--trace-window " + window + " is not A:B with cycles A < B");
    }
    return {*begin, *end};
  }
  std::string id = window;
  for (const LayerInfo& info : job.program.layers) {
    if (info.id == window && !info.fused_into.empty()) id = info.fused_into;
  }
  std::vector<std::uint8_t> memory = job.program.image;
  place_inputs(job.program, job.workload.inferences.at(0).inputs, memory);
  const RunResult run = make_fast_backend()->run(job.program, job.config, std::move(memory), {});
  std::array<std::vector<std::size_t>, queue_count> ops;
  for (std::size_t i = 0; i < job.program.ops.size(); ++i) {
    ops[static_cast<std::size_t>(queue_of(job.program.ops[i]))].push_back(i);
  }
  std::optional<std::pair<Cycle, Cycle>> found;
  for (const RetireRecord& r : run.retired) {
    const TileOp& op = job.program.ops[ops[static_cast<std::size_t>(r.queue)].at(r.seq)];
    if (job.program.layers.at(op.layer).id != id) continue;
    if (!found) found = {r.start, r.cycle + 1};
    found->first = std::min(found->first, r.start);
    found->second = std::max(found->second, r.cycle + 2);
  }
  if (!found) {
    throw BadInput("--trace-window " + window + " is neither A:B nor a layer with tile ops",
                   job.workload.network.file, window);
  }
  return *found;
}

Observation::Observation(const Job& job, const std::string& backend, const Progress& progress,
                         bool wait_for_difference)
    : job_(job), backend_(backend) {
  if (job.waves) {
    if (backend != "rtl" && backend != "systemc") {
      throw BadInput("--trace needs the back end systemc or rtl");
    }
    if (backend == "systemc" && job.waves->format != WaveFormat::vcd) {
      throw BadInput("the systemc back end writes waves as VCD: --trace vcd FILE");
    }
    waiting_ = wait_for_difference && job.waves->window.empty();
    if (!waiting_) {
      window_ = WaveWindow{};
      if (!job.waves->window.empty()) {
        std::tie(window_->begin, window_->end) = wave_window(job, job.waves->window);
      }
    }
  }
  if (!job.coverage_file.empty() && backend != "rtl") {
    throw BadInput("coverage is that of the RTL: --coverage needs the back end rtl");
  }
  if (window_ || !job.coverage_file.empty()) build(progress);
}

void Observation::build([[maybe_unused]] const Progress& progress) const {
#if TACTUS_WITH_RTL
  if (backend_ != "rtl" || !job_.rtl_library.empty()) return;
  RtlBuildKind kind;
  kind.faults = job_.fault != 0 && job_.fault_backend == "rtl";
  if (job_.waves && !waiting_) kind.waves = job_.waves->format;
  kind.coverage = !job_.coverage_file.empty();
  if (!has_rtl_build(job_.config, kind)) (void)build_rtl(job_.config, "-O1", progress, kind);
#endif
}

void Observation::around(std::pair<Cycle, Cycle> window) {
  waiting_ = false;
  window_ = WaveWindow{};
  window_->begin = window.first;
  window_->end = window.second;
  build({});
}

void Observation::before(RunOptions& options) {
  if (window_) {
    window_->file = temporary(job_.waves->file);
    window_->format = job_.waves->format;
    options.waves = window_;
  }
  if (!job_.coverage_file.empty()) options.coverage_file = temporary(job_.coverage_file);
}

void Observation::after(RunOptions& options) {
  if (options.waves) {
    WaveWindow done = *options.waves;
    move_over(done.file, job_.waves->file);
    done.file = job_.waves->file;
    write_text(gtkwave_name(done.file), gtkwave_text(done, wave_groups(backend_, job_.config)));
    options.waves.reset();
    window_.reset();
  }
  if (!options.coverage_file.empty()) {
    coverage_.add_file(options.coverage_file);
    std::error_code error;
    fs::remove(options.coverage_file, error);
    options.coverage_file.clear();
  }
}

void Observation::finish() {
  if (!job_.coverage_file.empty()) write_text(job_.coverage_file, coverage_.text());
}

}  // namespace tactus
