// SPDX-License-Identifier: Apache-2.0
#include "sweep/run_sweep.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>

#include "numerics/errors.hpp"
#include "report/text_table.hpp"
#include "run/backends.hpp"
#include "sweep/database.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/process_pool.hpp"

namespace tactus::sweep {
namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t stop_requested = 0;

/// While it lives, SIGINT and SIGTERM ask for a stop; a second one has its usual effect.
class StopSignals {
 public:
  StopSignals() {
    stop_requested = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { stop_requested = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

std::uint64_t cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::uint64_t>(std::max(1, CPU_COUNT(&set)));
}

/// Tasks for the workers: 'P' or 'V' and numbers of points.
std::string task_of(char kind, const std::vector<std::uint64_t>& points) {
  std::string text(1, kind);
  for (const std::uint64_t point : points) text += " " + std::to_string(point);
  return text;
}

std::vector<std::uint64_t> points_of(const std::string& task) {
  std::vector<std::uint64_t> points;
  std::size_t at = 1;
  while (at < task.size()) {
    std::size_t end = std::min(task.find(' ', at + 1), task.size());
    points.push_back(std::stoull(task.substr(at + 1, end - at - 1)));
    at = end;
  }
  return points;
}

/// Rows go to the parent at once when a point is slow, and together when it is fast.
void work_on(Evaluator& evaluator, const std::string& task, const Reply& reply) {
  std::vector<TableRow> rows;
  auto sent = Clock::now();
  for (const std::uint64_t point : points_of(task)) {
    if (ProcessPool::interrupted()) break;
    if (task[0] == 'V') {
      rows.push_back(evaluator.evaluate_variant(point));
    } else {
      for (auto& row : evaluator.evaluate(point)) rows.push_back(std::move(row));
    }
    if (Clock::now() - sent < std::chrono::milliseconds(50)) continue;
    reply(encode(rows));
    rows.clear();
    sent = Clock::now();
  }
  if (!rows.empty()) reply(encode(rows));
}

/// Points that this process has to evaluate, in blocks. Every worker walks through a part of its
/// own, because neighbours share most of their work; who is done takes half of the largest part
/// left.
class Plan {
 public:
  Plan(const PointList& points, const Writer& writer, const SweepOptions& options,
       const AuditShare& audit, std::uint64_t workers)
      : points_(points), block_(points.block_size(options.shard)), done_(writer.points_done()) {
    if (audit.share > 0) {
      // Points from before that are due for an audit and have none are evaluated once more.
      const std::vector<bool> audited = writer.points_audited();
      Statement ok(writer.database(), "SELECT point FROM points WHERE status = 'ok'");
      while (ok.step()) {
        const auto point = static_cast<std::uint64_t>(ok.integer(0));
        if (audit.takes(point) && !audited[point]) done_[point] = false;
      }
    }
    const Shard& shard = options.shard;
    for (std::uint64_t first = block_ * shard.index; first < points.size();
         first += block_ * shard.count) {
      const std::uint64_t end = std::min(first + block_, points.size());
      total_ += end - first;
      std::uint64_t open = 0;
      for (std::uint64_t p = first; p < end; ++p) open += done_[p] ? 0 : 1;
      left_ += open;
      if (open > 0) blocks_.push_back(first);
    }
    for (std::uint64_t w = 0; w < workers; ++w) {
      parts_.push_back({blocks_.size() * w / workers, blocks_.size() * (w + 1) / workers});
    }
  }

  /// Points of the shard, and those of them that are not done yet.
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t left() const { return left_; }

  /// The points left in the next block of a worker; empty at the end.
  [[nodiscard]] std::vector<std::uint64_t> next(std::size_t worker) {
    Part& part = parts_.at(worker);
    if (part.begin == part.end) {
      Part& largest = *std::max_element(
          parts_.begin(), parts_.end(),
          [](const Part& a, const Part& b) { return a.end - a.begin < b.end - b.begin; });
      const std::size_t middle = largest.begin + (largest.end - largest.begin) / 2;
      part = {middle, largest.end};
      largest.end = middle;
    }
    std::vector<std::uint64_t> block;
    if (part.begin == part.end) return block;
    const std::uint64_t first = blocks_[part.begin++];
    for (std::uint64_t p = first; p < std::min(first + block_, points_.size()); ++p) {
      if (!done_[p]) block.push_back(p);
    }
    return block;
  }

 private:
  struct Part {
    std::size_t begin = 0, end = 0;  ///< in blocks_
  };
  const PointList& points_;
  std::uint64_t block_ = 1, total_ = 0, left_ = 0;
  std::vector<bool> done_;
  std::vector<std::uint64_t> blocks_;  ///< first points
  std::vector<Part> parts_;            ///< one a worker
};

std::string duration(double seconds) {
  const auto s = static_cast<std::uint64_t>(seconds + 0.5);
  if (s < 120) return std::to_string(s) + " s";
  if (s < 7200) return std::to_string(s / 60) + " min";
  return std::to_string(s / 3600) + " h " + std::to_string(s / 60 % 60) + " min";
}

/// The parent's side: takes rows, commits, shows progress.
class Collector {
 public:
  Collector(Writer& writer, const Progress& progress) : writer_(writer), progress_(progress) {}

  void start(const std::string& what, std::uint64_t left, std::uint64_t total) {
    what_ = what;
    left_ = left;
    total_ = total;
    count_ = 0;
    begin_ = Clock::now();
  }

  void receive(const std::string& message, Table counted) {
    for (const auto& row : decode(message)) {
      if (!writer_.insert(row) && difference_.empty()) {
        difference_ = "point " +
                      std::to_string(std::get<std::int64_t>(row.cells.at(point_number))) +
                      ": the database has other values than this evaluation";
      }
      if (row.table == counted) ++count_;
      if (row.table == Table::points) note(row);
      if (row.table == Table::audits) ++audits_, note_audit(row);
    }
    if (Clock::now() - committed_ > std::chrono::milliseconds(500)) commit();
  }

  void commit() {
    writer_.commit();
    committed_ = Clock::now();
  }

  void tick() {
    if (Clock::now() - committed_ > std::chrono::milliseconds(500)) commit();
    const std::chrono::duration<double> spent = Clock::now() - begin_;
    const double rate = static_cast<double>(count_) / std::max(spent.count(), 1e-3);
    std::string text = "sweep: " + std::to_string(total_ - left_ + count_) + " of " +
                       std::to_string(total_) + " " + what_;
    if (count_ > 0) {
      text += ", " + fixed(rate, rate < 10 ? 2 : 0) + "/s, " +
              duration(static_cast<double>(left_ - count_) / rate) + " left";
    }
    if (invalid_ > 0) text += ", " + std::to_string(invalid_) + " invalid";
    if (audits_ > 0) text += ", " + std::to_string(audits_) + " audits";
    if (stop_requested != 0) text += ", stopping";
    progress_(text);
  }

  [[nodiscard]] const std::string& difference() const { return difference_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  void note(const TableRow& row) {
    const std::string& status = std::get<std::string>(row.cells.at(point_status));
    if (status != "ok" && status != "excluded") ++invalid_;
  }

  void note_audit(const TableRow& row) {
    if (!difference_.empty() || std::get<std::int64_t>(row.cells.at(2)) != 0) return;
    difference_ = "point " + std::to_string(std::get<std::int64_t>(row.cells.at(0))) + ", " +
                  std::get<std::string>(row.cells.at(1)) + ": " +
                  std::get<std::string>(row.cells.at(3));
  }

  Writer& writer_;
  const Progress& progress_;
  std::string what_, difference_;
  std::uint64_t left_ = 0, total_ = 0, count_ = 0, invalid_ = 0, audits_ = 0;
  Clock::time_point begin_ = Clock::now(), committed_ = Clock::now();
};

std::uint64_t counted(const Sqlite& db, const std::string& sql) {
  Statement query(db, sql);
  return query.step() ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

void summarise(const Sqlite& db, SweepSummary& summary) {
  Statement query(db, "SELECT status, COUNT(*) FROM results GROUP BY status");
  while (query.step()) {
    const auto n = static_cast<std::uint64_t>(query.integer(1));
    const std::string status = query.text(0);
    if (status == "ok") summary.ok = n;
    if (status == "invalid") summary.invalid = n;
    if (status == "excluded") summary.excluded = n;
    if (status == "failed") summary.failed = n;
  }
  summary.variants = counted(db, "SELECT COUNT(*) FROM variants");
  summary.audits = counted(db, "SELECT COUNT(*) FROM audits");
}

void check_audit(const SweepOptions& options) {
  const auto& names = backend_names();
  if (options.audit > 0 && std::find(names.begin(), names.end(), "systemc") == names.end()) {
    throw BadInput("--audit needs a build with the systemc back end");
  }
}

}  // namespace

SweepSummary run_sweep(const SweepOptions& options, const SynthMaker& make_synth,
                       const Progress& progress) {
  const auto begin = Clock::now();
  check_audit(options);
  const Spec spec = read_spec(options.spec);
  const std::vector<LoadedModel> models = load_models(spec, make_synth);
  const PointList points(spec);
  const AuditShare audit{options.audit, spec.seed};
  const std::uint64_t wanted = options.workers > 0 ? options.workers : cores();
  Evaluator evaluator(spec, points, models, options.layers, audit);

  // SQLite connections must not cross a fork: the pool comes first.
  StopSignals signals;
  const Head head{spec, models, points.size(), options.shard, options.layers};
  SweepSummary summary;
  ProcessPool pool(
      std::max<std::uint64_t>(1, std::min(wanted, points.size())),
      [&](const std::string& task, const Reply& reply) { work_on(evaluator, task, reply); });
  const bool exists = options.resume && std::filesystem::exists(options.out);
  Writer writer = exists ? Writer::resume(options.out, head) : Writer::create(options.out, head);
  writer.begin_session(wanted);
  Plan plan(points, writer, options, audit, pool.size());
  Collector collector(writer, progress);
  const auto halted = [&] { return stop_requested != 0 || !collector.difference().empty(); };
  ProcessPool::Parent parent;
  parent.tick = [&] {
    collector.tick();
    if (halted()) pool.interrupt();
  };
  const auto run = [&] {
    try {
      pool.run(parent);
    } catch (...) {
      collector.commit();
      throw;
    }
    collector.commit();
  };

  collector.start("points", plan.left(), plan.total());
  parent.next = [&](std::size_t worker) -> std::optional<std::string> {
    const auto block = halted() ? std::vector<std::uint64_t>{} : plan.next(worker);
    if (block.empty()) return std::nullopt;
    return task_of('P', block);
  };
  parent.receive = [&](const std::string& message) { collector.receive(message, Table::points); };
  run();
  summary.evaluated = collector.count();

  std::map<std::string, std::uint64_t> variants;
  if (!halted()) variants = writer.open_variants();
  collector.start("numeric variants", variants.size(), variants.size());
  auto variant = variants.begin();
  parent.next = [&](std::size_t) -> std::optional<std::string> {
    if (halted() || variant == variants.end()) return std::nullopt;
    return task_of('V', {(variant++)->second});
  };
  parent.receive = [&](const std::string& message) { collector.receive(message, Table::variants); };
  run();

  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  summary.peak_kib = std::max<std::int64_t>(pool.finish(), own.ru_maxrss);
  summary.points = plan.total();
  summary.stopped = stop_requested != 0;
  summary.difference = collector.difference();
  summary.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  writer.end_session(summary.evaluated, summary.seconds, summary.peak_kib,
                     summary.stopped ? "stopped" : "finished");
  summarise(writer.database(), summary);
  return summary;
}

}  // namespace tactus::sweep
