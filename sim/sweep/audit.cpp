// SPDX-License-Identifier: Apache-2.0
#include "sweep/audit.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>

#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "run/backends.hpp"
#include "run/job.hpp"
#include "sweep/point_list.hpp"
#if TACTUS_WITH_RTL
#include "rtl_host/rtl_backend.hpp"
#include "rtl_host/rtl_builder.hpp"
#include "rtl_host/rtl_library.hpp"
#include "rtl_host/rtl_limits.hpp"
#endif

namespace tactus::sweep {
namespace {

bool has_backend(const std::string& name) {
  const auto& names = backend_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

#if TACTUS_WITH_RTL
/// Whether this tool can use a build for an architecture; builds are loaded once a process.
bool build_fits(const std::string& path, const ArchConfig& config) {
  static std::map<std::string, std::unique_ptr<RtlLibrary>> loaded;
  const auto [library, fresh] = loaded.try_emplace(path);
  if (fresh) {
    try {
      library->second = std::make_unique<RtlLibrary>(path);
    } catch (const BadInput&) {
      // A build of another version stays out.
    }
  }
  return library->second && library->second->capabilities().faults == 0 &&
         rtl_mismatch(library->second->capabilities(), config).empty();
}
#endif

/// Whether the rtl back end finds a Verilated build: the one named after the architecture if there
/// is one, else any that fits.
bool rtl_fits(const ArchConfig& config) {
#if TACTUS_WITH_RTL
  namespace fs = std::filesystem;
  for (const auto& directory : rtl_directories()) {
    const std::string exact = directory + "/" + rtl_library_name(config);
    if (fs::exists(exact)) return build_fits(exact, config);
  }
  for (const auto& directory : rtl_directories()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind("libtactus_rtl_", 0) == 0 && entry.path().extension() == ".so" &&
          build_fits(entry.path().string(), config)) {
        return true;
      }
    }
  }
#else
  static_cast<void>(config);
#endif
  return false;
}

template <typename T>
std::string shown(T value) {
  return std::to_string(value);
}

/// Remembers the first pair that is not equal.
class Comparison {
 public:
  template <typename T>
  void same(const std::string& what, T point, T run) {
    if (text_.empty() && point != run) {
      text_ = what + " is " + shown(point) + " in the sweep and " + shown(run) + " in the run";
    }
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void compare_events(Comparison& c, const std::string& where, const EventCounts& a,
                    const EventCounts& b, bool all) {
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    if (!all && depends_on_values(event)) continue;
    c.same(where + "event " + event_text[i].name, a[event], b[event]);
  }
}

void compare_stalls(Comparison& c, const std::string& where, const Stalls& a, const Stalls& b) {
  c.same(where + "stalls for the ifmap", a.ifmap, b.ifmap);
  c.same(where + "stalls for weights", a.weight, b.weight);
  c.same(where + "stalls for parameters", a.param, b.param);
  c.same(where + "stalls for psums", a.psum, b.psum);
  c.same(where + "stalls for stores", a.store, b.store);
  c.same(where + "stalls for tokens", a.token, b.token);
}

}  // namespace

bool depends_on_values(Event event) {
  return event == Event::act_zero || event == Event::mac_gated || event == Event::acc_overflow;
}

std::string difference(const DesignPoint& point, const RunReport& report) {
  Comparison c;
  for (std::size_t i = 0; i < std::min(point.layers.size(), report.layers.size()); ++i) {
    const PointLayer& a = point.layers[i];
    const LayerRow& b = report.layers[i];
    const std::string where = "layer " + b.id + ": ";
    c.same(where + "cycles", a.cycles, b.cycles);
    c.same(where + "compute cycles", a.compute_cycles, b.compute_cycles);
    compare_stalls(c, where, a.stalls, b.stalls);
    c.same(where + "executed MACs", a.macs_executed, b.macs_executed);
    compare_events(c, where, a.events, b.events, point.value_events);
    c.same(where + "energy", a.energy.value, b.energy.value);
  }
  c.same("number of layers", point.layers.size(), report.layers.size());
  c.same("cycles", point.cycles, report.cycles);
  c.same("MACs", point.macs, report.macs);
  c.same("executed MACs", point.macs_executed, report.macs_executed);
  c.same("utilization", point.utilization, report.utilization);
  c.same("energy", point.energy.value, report.energy.value);
  c.same("lower bound of energy", point.energy.lo, report.energy.lo);
  c.same("upper bound of energy", point.energy.hi, report.energy.hi);
  c.same("bytes read", point.bytes_read, report.bytes_read);
  c.same("bytes written", point.bytes_written, report.bytes_written);
  compare_events(c, "", point.events, report.events, point.value_events);
  return c.text();
}

bool AuditShare::takes(std::uint64_t point) const {
  if (share <= 0) return false;
  constexpr std::uint64_t steps = 1'000'000'000;
  const auto limit = static_cast<std::uint64_t>(std::llround(share * static_cast<double>(steps)));
  return Random(seed * 0x2545F4914F6CDD1DU + point).below(steps) < limit;
}

double parse_share(const std::string& text) {
  const bool percent = !text.empty() && text.back() == '%';
  const char* end = text.data() + text.size() - (percent ? 1 : 0);
  double share = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, share);
  if (percent) share /= 100;
  if (text.empty() || error != std::errc{} || stop != end || !(share >= 0 && share <= 1)) {
    throw BadInput("--audit " + text + " is not a share from 0 to 1 or from 0% to 100%");
  }
  return share;
}

std::vector<TableRow> audit_point(std::uint64_t point, const LoadedModel& model,
                                  const ArchConfig& config, const DesignPoint& figures,
                                  const EnergyTable& energy) {
  std::vector<std::string> others;
  if (has_backend("systemc")) others.emplace_back("systemc");
  if (has_backend("rtl") && rtl_fits(config)) others.emplace_back("rtl");
  if (others.empty()) throw BadInput("--audit needs a build with the systemc or the rtl back end");

  Job job;
  job.workload = model.work;
  job.config = config;
  job.program = lower_network(job.workload.network, config);
  validate_program(job.program, config);
  job.energy = energy;
  job.accumulators = AccumulatorReport::off;
  std::vector<TableRow> rows;
  for (const auto& other : others) {
    std::string text;
    try {
      const CheckReport check = check_job(job, {"fast", other}, [](const std::string&) {});
      text = check.pairs.at(0).first_difference;
      if (text.empty() && !check.equal()) text = "fast and " + other + " differ";
      if (text.empty()) text = difference(figures, check.run);
    } catch (const BadInput& e) {
      text = "the sweep accepts the point and a run refuses it: " + std::string(e.what());
    }
    rows.push_back({Table::audits,
                    {static_cast<std::int64_t>(point), other, std::int64_t{text.empty()},
                     text.empty() ? Value() : Value(text)}});
  }
  return rows;
}

}  // namespace tactus::sweep
