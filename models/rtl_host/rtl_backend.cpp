// SPDX-License-Identifier: Apache-2.0
#include "rtl_host/rtl_backend.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

#include "numerics/errors.hpp"
#include "rtl_host/rtl_builder.hpp"
#include "rtl_host/rtl_library.hpp"
#include "rtl_host/rtl_limits.hpp"

namespace tactus {
namespace {

namespace fs = std::filesystem;

constexpr const char* prefix = "libtactus_rtl_";

/// Builds in a directory, sorted by name.
std::vector<std::string> builds_in(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(prefix, 0) == 0 && entry.path().extension() == ".so") {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

void sort_records(std::vector<RetireRecord>& records) {
  std::sort(records.begin(), records.end(), [](const RetireRecord& a, const RetireRecord& b) {
    return std::tie(a.core, a.queue, a.seq) < std::tie(b.core, b.queue, b.seq);
  });
}

class RtlBackend final : public Backend {
 public:
  explicit RtlBackend(std::vector<std::string> directories, std::string library = {})
      : directories_(std::move(directories)), library_(std::move(library)) {}

  [[nodiscard]] std::string name() const override { return "rtl"; }

  [[nodiscard]] RunResult run(const Program& program, const ArchConfig& config,
                              std::vector<std::uint8_t> memory,
                              const RunOptions& options) override {
    const RtlLibrary& library =
        library_.empty() ? find(config, kind_of(options)) : named(config, kind_of(options));
    Collector collector;
    collector.progress = &options.progress;
    collector.go_on = &options.go_on;
    tactus_rtl_run job{};
    job.prog_addr = program.prog_addr;
    job.prog_ops = program.prog_ops;
    job.memory = memory.data();
    job.memory_bytes = memory.size();
    job.latency = static_cast<std::uint64_t>(config.latency());
    job.interval = static_cast<std::uint64_t>(config.beat_interval());
    job.backpressure_seed = options.backpressure_seed;
    job.watchdog_cycles = options.watchdog_cycles;
    job.fault = static_cast<std::uint32_t>(options.fault);
    if (options.waves) {
      job.trace_file = options.waves->file.c_str();
      job.trace_begin = options.waves->begin;
      job.trace_end = options.waves->end;
    }
    if (!options.coverage_file.empty()) job.coverage_file = options.coverage_file.c_str();
    job.user = &collector;
    job.retire = &Collector::on_retire;
    job.progress = options.progress ? &Collector::on_progress : nullptr;

    std::array<char, 1024> message{};
    const auto begin = std::chrono::steady_clock::now();
    const int status = library.execute(job, message.data(), message.size());
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    if (collector.failure) std::rethrow_exception(collector.failure);
    if (status == TACTUS_RTL_WATCHDOG) {
      const std::string where = std::string(message.data()) + stuck_op(program, collector.retired);
      sort_records(collector.retired);
      throw StandsStillAfter(where, std::move(collector.retired));
    }
    if (status != TACTUS_RTL_OK && status != TACTUS_RTL_STOPPED) {
      throw InternalError("rtl: " + std::string(message.data()));
    }

    RunResult result;
    result.stopped = status == TACTUS_RTL_STOPPED;
    result.memory = std::move(memory);
    result.retired = std::move(collector.retired);
    sort_records(result.retired);
    for (const auto& r : result.retired) result.cycles = std::max(result.cycles, r.cycle + 1);
    result.wall_seconds = wall.count();
    return result;
  }

 private:
  /// Receives the callbacks; exceptions may not cross the C interface and wait here.
  struct Collector {
    std::vector<RetireRecord> retired;
    const std::function<void(Cycle, std::uint64_t)>* progress = nullptr;
    const std::function<bool(const RetireRecord&)>* go_on = nullptr;
    std::exception_ptr failure;

    static int on_retire(void* user, const tactus_rtl_retire* record) {
      auto& self = *static_cast<Collector*>(user);
      try {
        if (record->event_count != event_count) {
          throw InternalError("the RTL build counts " + std::to_string(record->event_count) +
                              " events and events.def has " + std::to_string(event_count));
        }
        RetireRecord r;
        r.queue = static_cast<Queue>(record->queue);
        r.seq = record->seq;
        r.start = record->start;
        r.cycle = record->cycle;
        r.digest = record->digest;
        std::copy_n(record->events, event_count, r.events.count.begin());
        self.retired.push_back(r);
        return *self.go_on && !(*self.go_on)(r) ? 1 : 0;
      } catch (...) {
        self.failure = std::current_exception();
        return 1;
      }
    }
    static void on_progress(void* user, std::uint64_t cycle, std::uint64_t retired) {
      auto& self = *static_cast<Collector*>(user);
      try {
        (*self.progress)(cycle, retired);
      } catch (...) {
        self.failure = std::current_exception();
      }
    }
  };

  static RtlBuildKind kind_of(const RunOptions& options) {
    RtlBuildKind kind;
    kind.faults = options.fault != 0;
    if (options.waves) kind.waves = options.waves->format;
    kind.coverage = !options.coverage_file.empty();
    return kind;
  }

  /// Whether a build has the waves that are asked for, and no others.
  static bool traces(const tactus_rtl_capabilities& has, const RtlBuildKind& kind) {
    const std::uint32_t wanted = !kind.waves ? 0 : *kind.waves == WaveFormat::fst ? 1 : 2;
    return has.trace == wanted;
  }

  const RtlLibrary& load(const std::string& path) {
    auto& slot = loaded_[path];
    if (!slot) slot = std::make_unique<RtlLibrary>(path);
    return *slot;
  }

  /// Names the first op in program order that did not retire.
  static std::string stuck_op(const Program& program, const std::vector<RetireRecord>& retired) {
    std::array<std::uint32_t, queue_count> done{}, seen{};
    for (const auto& r : retired) ++done[static_cast<std::size_t>(r.queue)];
    for (const TileOp& op : program.ops) {
      const Queue queue = queue_of(op);
      const auto q = static_cast<std::size_t>(queue);
      if (seen[q]++ < done[q]) continue;
      const std::string layer =
          op.layer < program.layers.size() ? program.layers[op.layer].id : std::to_string(op.layer);
      return "; " + layer + ", " + name_of(queue) + " op " + std::to_string(seen[q] - 1) +
             " did not retire (" + disassemble(op) + ")";
    }
    return {};
  }

  /// The library that the user named.
  const RtlLibrary& named(const ArchConfig& config, const RtlBuildKind& kind) {
    const RtlLibrary& library = load(library_);
    const std::string why = rtl_mismatch(library.capabilities(), config);
    if (!why.empty()) {
      throw BadInput("the RTL library " + library_ + " does not fit the architecture: " + why,
                     library_);
    }
    const tactus_rtl_capabilities& has = library.capabilities();
    const char* missing = kind.faults && has.faults == 0       ? "seeded faults"
                          : kind.waves && !traces(has, kind)   ? "waves of this format"
                          : kind.coverage && has.coverage == 0 ? "coverage"
                                                               : nullptr;
    if (missing != nullptr) {
      throw BadInput("the RTL library " + library_ + " is built without " + missing, library_);
    }
    return library;
  }

  /// The build named after the architecture first, then any build that is large enough.
  const RtlLibrary& find(const ArchConfig& config, const RtlBuildKind& kind) {
    const std::string exact = rtl_library_name(config, kind);
    std::string stale;
    for (const auto& directory : directories_) {
      const std::string path = directory + "/" + exact;
      if (!fs::exists(path)) continue;
      const RtlLibrary& library = load(path);
      stale = rtl_mismatch(library.capabilities(), config);
      if (stale.empty()) return library;
      throw BadInput("the RTL build is stale: " + stale + "; make it again with: tactus rtl-build",
                     path);
    }
    for (const auto& directory : directories_) {
      for (const auto& path : builds_in(directory)) {
        const RtlLibrary* library = nullptr;
        try {
          library = &load(path);
        } catch (const BadInput&) {
          continue;  // another version's build does not concern this run
        }
        const tactus_rtl_capabilities& has = library->capabilities();
        if ((has.faults != 0) != kind.faults || !traces(has, kind) ||
            (has.coverage != 0) != kind.coverage) {
          continue;
        }
        if (rtl_mismatch(library->capabilities(), config).empty()) return *library;
      }
    }
    std::string words;
    for (const auto& [key, value] : effective(config)) {
      if (key.rfind("hw.", 0) == 0 || key.rfind("buf.", 0) == 0 || key.rfind("mem.", 0) == 0) {
        ArchConfig defaults;
        if (get(defaults, key) != value) words += " --" + key + "=" + value;
      }
    }
    throw BadInput(std::string("no RTL build ") + (kind.faults ? "with the seeded faults " : "") +
                   (kind.waves ? "with waves " : "") + (kind.coverage ? "with coverage " : "") +
                   "for this architecture; make one with: tactus rtl-build" + words);
  }

  std::vector<std::string> directories_;
  std::string library_;  ///< empty: one of the directories has it
  std::map<std::string, std::unique_ptr<RtlLibrary>> loaded_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

}  // namespace

std::vector<std::string> rtl_directories() {
  std::vector<std::string> directories;
  if (const auto named = environment("TACTUS_RTL_DIR"); !named.empty()) {
    directories.push_back(named);
  }
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    directories.push_back((self.parent_path().parent_path() / "lib/tactus/rtl").string());
  }
  directories.push_back(rtl_cache_directory());
  return directories;
}

std::string rtl_cache_directory() {
  std::string base = environment("XDG_CACHE_HOME");
  if (base.empty()) base = environment("HOME") + "/.cache";
  return base + "/tactus";
}

std::vector<std::string> list_rtl_builds() {
  std::vector<std::string> lines;
  for (const auto& directory : rtl_directories()) {
    for (const auto& path : builds_in(directory)) {
      std::string line = path;
      try {
        const RtlLibrary library(path);
        const auto& c = library.capabilities();
        line += " (" + std::to_string(c.array_rows) + "x" + std::to_string(c.array_cols) + ", " +
                std::to_string(c.data_bits) + "-bit memory" +
                (c.faults != 0 ? ", seeded faults)" : ")");
      } catch (const BadInput&) {
        line += " (cannot be used by this version)";
      }
      lines.push_back(line);
    }
  }
  return lines;
}

std::unique_ptr<Backend> make_rtl_backend(std::vector<std::string> directories) {
  if (directories.empty()) directories = rtl_directories();
  return std::make_unique<RtlBackend>(std::move(directories));
}

std::unique_ptr<Backend> make_rtl_backend_of(const std::string& library) {
  return std::make_unique<RtlBackend>(std::vector<std::string>{}, library);
}

}  // namespace tactus
