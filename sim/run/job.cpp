// SPDX-License-Identifier: Apache-2.0
#include "run/job.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "backend/lock_step.hpp"
#include "backend/retire_checker.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "program/validator.hpp"
#include "run/backends.hpp"
#include "run/explain_pair.hpp"
#include "run/observation.hpp"

namespace tactus {

namespace {

Overflow overflow_of(const ArchConfig& config) {
  for (const Overflow o : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (config.hw_acc_overflow == name_of(o)) return o;
  }
  throw InternalError("hw.acc_overflow " + config.hw_acc_overflow + " has no policy");
}

/// A tensor element's place as text.
std::string element(const QTensor& t, std::size_t i) {
  const auto w = static_cast<std::size_t>(t.shape.w), h = static_cast<std::size_t>(t.shape.h);
  return "[" + std::to_string(i / (w * h)) + "," + std::to_string(i / w % h) + "," +
         std::to_string(i % w) + "]";
}

/// Compares tensors by layer id; returns a sentence for the first difference, empty without.
std::string compare_tensors(const std::map<std::string, QTensor>& expected,
                            const std::map<std::string, QTensor>& actual,
                            const std::string& expected_name, const std::string& actual_name,
                            OutputComparison& count) {
  std::string first;
  for (const auto& [id, want] : expected) {
    const auto it = actual.find(id);
    if (it == actual.end()) continue;
    for (std::size_t i = 0; i < want.data.size(); ++i) {
      ++count.compared;
      if (want.data[i] == it->second.data[i]) continue;
      ++count.mismatches;
      if (first.empty()) {
        first = "layer " + id + " element " + element(want, i) + ": " + expected_name + " has " +
                std::to_string(want.data[i]) + ", " + actual_name + " has " +
                std::to_string(it->second.data[i]);
      }
    }
  }
  return first;
}

/// Runs one inference at a time on any back end and gives all tensors that can be seen.
class Executor {
 public:
  Executor(const Job& job, std::string name) : job_(job), name_(std::move(name)) {
    if (name_ != "ref") backend_ = make_backend(name_, job.rtl_library);
    if (job.fault_backend == name_) options_.fault = job.fault;
    if (name_ == "rtl") options_.backpressure_seed = job.backpressure_seed;
    options_.threads = job.threads;
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool timed() const { return backend_ != nullptr; }

  /// `go_on` as in RunOptions, empty to run to the end.
  RunResult run(const Inference& inference, const Progress& progress,
                std::function<bool(const RetireRecord&)> go_on = {}) {
    if (!timed()) return run_ref(inference);
    options_.go_on = std::move(go_on);
    std::vector<std::uint8_t> memory = job_.program.image;
    place_inputs(job_.program, inference.inputs, memory);
    options_.progress = [&](Cycle cycle, std::uint64_t retired) {
      progress(name_ + ", " + inference.name + ": cycle " + std::to_string(cycle) + ", " +
               std::to_string(retired) + " of " + std::to_string(job_.program.ops.size()) +
               " tile ops");
    };
    RunResult result = run_observed(std::move(memory));
    tensors_.clear();
    if (result.stopped) return result;
    check_overflow(result);
    for (const auto& place : job_.program.tensors) {
      if (!place.in_memory || job_.workload.network.find_layer(place.name) == nullptr) continue;
      tensors_.emplace(place.name,
                       read_tensor(job_.program, job_.workload.network, result.memory, place.name));
    }
    return result;
  }

  /// Waves and coverage of the runs from here on.
  void observe(Observation* observation) { observation_ = observation; }

  /// Runs other programs on the same back end.
  [[nodiscard]] triage::Runner runner() {
    return [this](const Program& program, std::vector<std::uint8_t> memory) {
      RunOptions options = options_;
      options.progress = {};
      options.go_on = {};
      return backend_->run(program, job_.config, std::move(memory), options);
    };
  }

  /// Tensors of the last run by layer id.
  [[nodiscard]] const std::map<std::string, QTensor>& tensors() const { return tensors_; }

 private:
  RunResult run_observed(std::vector<std::uint8_t> memory) {
    if (observation_ == nullptr) {
      return backend_->run(job_.program, job_.config, std::move(memory), options_);
    }
    observation_->before(options_);
    try {
      RunResult result = backend_->run(job_.program, job_.config, std::move(memory), options_);
      observation_->after(options_);
      return result;
    } catch (const StandsStill&) {
      observation_->after(options_);
      throw;
    }
  }

  RunResult run_ref(const Inference& inference) {
    const auto begin = std::chrono::steady_clock::now();
    tensors_ = reference_tensors(job_, inference);
    RunResult result;
    result.wall_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
  }

  void check_overflow(const RunResult& result) const {
    if (overflow_of(job_.config) != Overflow::error) return;
    std::array<std::size_t, queue_count> next{};
    std::vector<std::uint64_t> per_layer(job_.program.layers.size());
    std::array<std::vector<const TileOp*>, queue_count> queues;
    for (const auto& op : job_.program.ops) {
      queues[static_cast<std::size_t>(queue_of(op))].push_back(&op);
    }
    for (const auto& record : result.retired) {
      const auto q = static_cast<std::size_t>(record.queue);
      per_layer[queues[q].at(next[q]++)->layer] += record.events[Event::acc_overflow];
    }
    for (std::size_t i = 0; i < per_layer.size(); ++i) {
      if (per_layer[i] == 0) continue;
      throw BadInput(
          "layer " + job_.program.layers[i].id + ": " + std::to_string(per_layer[i]) +
              " accumulator overflows at hw.acc_bits=" + std::to_string(job_.config.hw_acc_bits) +
              ", and hw.acc_overflow=error does not allow any",
          job_.workload.network.file, job_.program.layers[i].id);
    }
  }

  const Job& job_;
  std::string name_;
  std::unique_ptr<Backend> backend_;
  RunOptions options_;
  Observation* observation_ = nullptr;
  std::map<std::string, QTensor> tensors_;
};

/// Accuracy and golden comparison over the inferences of a run.
struct Verdicts {
  OutputComparison outputs;
  Accuracy accuracy;
  bool has_golden = false, has_labels = false;

  void add(const Network& network, const Inference& inference, const std::string& backend,
           const std::map<std::string, QTensor>& tensors) {
    if (!inference.expected.empty()) {
      has_golden = true;
      const std::string first =
          compare_tensors(inference.expected, tensors, "the model file", backend, outputs);
      if (outputs.first_mismatch.empty() && !first.empty()) {
        outputs.first_mismatch = inference.name + ", " + first;
      }
    }
    if (inference.label >= 0 && !network.outputs.empty()) {
      has_labels = true;
      const auto& logits = tensors.at(network.outputs[0]).data;
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      ++accuracy.count;
      accuracy.correct += best == inference.label ? 1 : 0;
    }
  }

  void finish(RunReport& report) const {
    if (has_golden) report.outputs = outputs;
    if (has_labels) report.accuracy = accuracy;
  }
};

RunIdentity identity_of(const Job& job, const std::string& backend) {
  return {backend, job.workload.network.name, job.workload.network.sha256};
}

/// Shows "inference i of n" at most a few times a second.
class Ticker {
 public:
  explicit Ticker(const Progress& progress) : progress_(progress) {}
  void show(const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    progress_(text);
  }

 private:
  const Progress& progress_;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace

Job make_job(const std::string& model, const ArchConfig& config, const std::string& inputs,
             std::size_t limit) {
  validate(config);
  Job job;
  job.config = config;
  job.workload = load_workload(model, inputs, limit);
  job.program = lower_network(job.workload.network, job.config);
  validate_program(job.program, job.config);
  job.energy = default_energy_table();
  return job;
}

RunReport run_job(const Job& job, const std::string& backend, const Progress& progress) {
  Executor executor(job, backend);
  std::optional<Observation> observation;
  if (job.observed()) {
    observation.emplace(job, backend, progress, false);
    executor.observe(&*observation);
  }
  Program untimed;
  if (!executor.timed()) untimed.layers = job.program.layers;
  ReportBuilder builder(executor.timed() ? job.program : untimed, job.config, job.energy,
                        identity_of(job, backend));
  Verdicts verdicts;
  Ticker ticker(progress);
  std::size_t done = 0;
  for (const auto& inference : job.workload.inferences) {
    ticker.show(backend + ": inference " + std::to_string(++done) + " of " +
                std::to_string(job.workload.inferences.size()));
    const RunResult result = executor.run(inference, progress);
    if (job.observer && executor.timed()) job.observer(inference.name, result);
    builder.add(result);
    if (job.tensors) job.tensors(inference, executor.tensors());
    verdicts.add(job.workload.network, inference, backend, executor.tensors());
  }
  if (observation) observation->finish();
  RunReport report = builder.finish();
  verdicts.finish(report);
  report.accumulators = accumulator_needs(job, progress);
  return report;
}

namespace {

/// Runs the observed back end again with waves around its first difference.
void trace_difference(const CheckReport& report, const Inference& inference,
                      const Progress& progress, Executor& observed, Observation& observation) {
  if (!observation.wants_window()) return;
  for (const PairResult& pair : report.pairs) {
    if (pair.b != observed.name() || !pair.finding || !pair.finding->window) continue;
    observation.around(*pair.finding->window);
    try {
      (void)observed.run(inference, progress);
    } catch (const StandsStill&) {
      // That is the difference; the waves are written all the same.
    }
    return;
  }
}

}  // namespace

CheckReport check_job(const Job& job, const std::vector<std::string>& backends,
                      const Progress& progress) {
  if (backends.size() < 2) throw BadInput("check needs at least two back ends");
  std::vector<Executor> executors;
  executors.reserve(backends.size());
  for (const auto& name : backends) executors.emplace_back(job, name);
  const auto timed =
      std::find_if(executors.begin(), executors.end(), [](const Executor& e) { return e.timed(); });
  if (timed == executors.end()) throw BadInput("check needs a back end besides ref");
  const auto lead = static_cast<std::size_t>(timed - executors.begin());

  std::optional<Observation> observation;
  Executor* observed = nullptr;
  if (job.observed()) {
    for (Executor& e : executors) {
      if (e.name() == "rtl" || (e.name() == "systemc" && observed == nullptr)) observed = &e;
    }
    observation.emplace(job, observed == nullptr ? "ref" : observed->name(), progress, true);
    observed->observe(&*observation);
  }

  CheckReport report;
  for (std::size_t i = 0; i < executors.size(); ++i) {
    if (i == lead) continue;
    PairResult pair;
    pair.a = executors[i].timed() ? executors[lead].name() : executors[i].name();
    pair.b = executors[i].timed() ? executors[i].name() : executors[lead].name();
    pair.outputs_equal = true;
    if (executors[i].timed()) {
      pair.events_equal = true;
      // Random back-pressure changes cycles by design: they are not compared.
      if (job.backpressure_seed == 0) pair.cycles_equal = true;
    }
    report.pairs.push_back(pair);
  }
  ReportBuilder builder(job.program, job.config, job.energy,
                        identity_of(job, executors[lead].name()));
  Verdicts verdicts;
  Ticker ticker(progress);
  std::size_t done = 0;
  for (const auto& inference : job.workload.inferences) {
    ticker.show("check: inference " + std::to_string(++done) + " of " +
                std::to_string(job.workload.inferences.size()));
    const RunResult expected = executors[lead].run(inference, progress);
    builder.add(expected);
    verdicts.add(job.workload.network, inference, executors[lead].name(),
                 executors[lead].tensors());
    std::size_t pair_index = 0;
    for (std::size_t i = 0; i < executors.size(); ++i) {
      if (i == lead) continue;
      PairResult& pair = report.pairs[pair_index++];
      CompareOptions all;
      if (job.backpressure_seed != 0) all.timing = false;
      std::optional<LockStep> lock_step;
      if (job.stop_early && executors[i].timed()) lock_step.emplace(expected, all);
      RunResult actual;
      try {
        actual =
            executors[i].run(inference, progress,
                             lock_step ? [&](const RetireRecord& r) { return lock_step->accept(r); }
                                       : std::function<bool(const RetireRecord&)>{});
      } catch (const StandsStillAfter& e) {
        pair.outputs_equal = false;
        pair.events_equal = false;
        if (job.backpressure_seed == 0) pair.cycles_equal = false;
        pair.first_difference = inference.name + ", " + pair.b + ": " + e.what();
        actual.retired = e.retired();
        pair.finding = explain_runs(job, {done - 1, expected, actual, e.what(),
                                          executors[lead].runner(), executors[i].runner()});
        continue;
      }
      if (!executors[i].timed()) {
        OutputComparison count;
        pair.first_difference = compare_tensors(executors[i].tensors(), executors[lead].tensors(),
                                                pair.a, pair.b, count);
        pair.outputs_equal = count.mismatches == 0;
        pair.finding =
            explain_outputs(job, done - 1, executors[i].tensors(), executors[lead].tensors());
      } else {
        CompareOptions values, timing, events;
        const RunResult part = actual.stopped ? lock_step->comparable(actual) : RunResult{};
        const RunResult& wanted = actual.stopped ? part : expected;
        const Difference first = compare(job.program, wanted, pair.a, actual, pair.b, all);
        if (first) {
          values.timing = values.events = false;
          timing.values = timing.events = false;
          events.values = events.timing = false;
          pair.first_difference = first.text;
          const auto same = [&](const CompareOptions& options) {
            return !compare(job.program, wanted, pair.a, actual, pair.b, options);
          };
          pair.outputs_equal = same(values);
          if (all.timing) pair.cycles_equal = same(timing);
          pair.events_equal = same(events);
          pair.finding = explain_runs(
              job, {done - 1, wanted, actual, {}, executors[lead].runner(), executors[i].runner()});
          if (actual.stopped) {
            pair.first_difference +=
                "; " + pair.b + " was ended in cycle " + std::to_string(actual.cycles - 1);
          }
        }
      }
      if (!pair.first_difference.empty()) {
        pair.first_difference = inference.name + ", " + pair.first_difference;
      }
    }
    if (!report.equal()) {
      if (observation) trace_difference(report, inference, progress, *observed, *observation);
      break;
    }
  }
  if (observation) observation->finish();
  report.run = builder.finish();
  verdicts.finish(report.run);
  return report;
}

}  // namespace tactus
