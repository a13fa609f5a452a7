// SPDX-License-Identifier: Apache-2.0
// Worker processes of this machine, forked from this one, that answer tasks with messages.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tactus::sweep {

/// Writes one message to the parent.
using Reply = std::function<void(const std::string& message)>;
/// What a worker does with a task; may reply any number of times. An exception goes to the parent,
/// which throws it out of run().
using Work = std::function<void(const std::string& task, const Reply& reply)>;

class ProcessPool {
 public:
  /// Forks. Children ignore SIGINT and SIGTERM, which the parent handles, and die with it.
  ProcessPool(std::uint64_t workers, const Work& work);
  ProcessPool(const ProcessPool&) = delete;
  ProcessPool& operator=(const ProcessPool&) = delete;
  /// Kills workers that still have a task; the others end by themselves.
  ~ProcessPool();

  [[nodiscard]] std::size_t size() const { return workers_.size(); }

  struct Parent {
    /// The next task of a worker, counted from 0; none: there are no more for anybody.
    std::function<std::optional<std::string>(std::size_t worker)> next;
    std::function<void(const std::string& message)> receive;
    /// Called five times a second or more often.
    std::function<void()> tick;
  };
  /// Returns when all tasks that next() gave are done. Throws what a worker threw, and
  /// InternalError when a worker dies; tasks of other workers are then given up.
  void run(const Parent& parent);

  /// Asks all workers to end their tasks early; not needed twice.
  void interrupt();
  /// For workers: whether interrupt() was called.
  [[nodiscard]] static bool interrupted();

  /// Waits for all workers; largest resident size of one of them, KiB.
  std::int64_t finish();

 private:
  struct Worker {
    pid_t process = -1;
    int to = -1, from = -1;
    bool busy = false;
    std::string received;
  };
  void give(Worker& worker, const std::string& task);
  bool read_from(Worker& worker, const Parent& parent);
  void close_all(bool kill_busy);

  std::vector<Worker> workers_;
  std::int64_t peak_kib_ = 0;
  bool told_ = false;  ///< interrupt() was called
};

}  // namespace tactus::sweep
